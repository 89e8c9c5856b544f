#include "svsep/core/log.hpp"

#include "svsep/core/progress.hpp"

#include <spdlog/sinks/stdout_sinks.h>

namespace svsep {

void start_log(Verbosity verbosity) {
  auto logger = std::make_shared<spdlog::logger>("svsep", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("svsep: %l: %v");
  logger->set_level(verbosity == Verbosity::quiet     ? spdlog::level::err
                    : verbosity == Verbosity::verbose ? spdlog::level::debug
                                                      : spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  show_progress(verbosity != Verbosity::quiet);
}

}  // namespace svsep
