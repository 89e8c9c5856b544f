#pragma once

#include <spdlog/spdlog.h>
#include <string>
#include <string_view>

namespace svsep {

/// How much the log says on stderr.
enum class Verbosity { quiet, normal, verbose };

/// The text with '?' for every control character (C0, DEL, C1 in UTF-8), so that a file's name or a tag can
/// neither begin a line nor steer the terminal.
[[nodiscard]] std::string one_line(std::string_view text);

/// Sends spdlog's default logger to stderr in the form "svsep: info: text", a line a message (see one_line).
/// stdout is for data only.
void start_log(Verbosity verbosity);

}  // namespace svsep
