#pragma once

#include <spdlog/spdlog.h>

namespace svsep {

/// How much the log says on stderr.
enum class Verbosity { quiet, normal, verbose };

/// Sends spdlog's default logger to stderr in the form "svsep: info: text", a line a message (core/text:
/// one_line). stdout is for data only.
void start_log(Verbosity verbosity);

}  // namespace svsep
