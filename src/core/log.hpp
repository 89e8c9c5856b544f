#pragma once

#include <spdlog/logger.h>

namespace svsep {

/// How much the log says on stderr.
enum class Verbosity { quiet, normal, verbose };

/// What svsep has to say goes here. Silent until start_log(): spdlog's own default logger is the host
/// program's.
[[nodiscard]] spdlog::logger& logger();

/// Sends the log to stderr in the form "svsep: info: text", a line per message (core/text: one_line). stdout
/// is for data only. Before any other thread logs.
void start_log(Verbosity verbosity);

}  // namespace svsep
