#include "core/log.hpp"

#include "core/progress.hpp"
#include "core/text.hpp"

#include <cstdio>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <string_view>

namespace svsep {
namespace {

/// stderr, where bars may be drawn.
class StderrSink : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string line = one_line({message.payload.data(), message.payload.size()});
    spdlog::details::log_msg printable = message;
    printable.payload = {line.data(), line.size()};
    spdlog::memory_buf_t text;
    formatter_->format(printable, text);
    print_above_progress(stderr, std::string_view(text.data(), text.size()));
  }
  void flush_() override { std::fflush(stderr); }
};

}  // namespace

spdlog::logger& logger() {
  static spdlog::logger only("svsep");
  return only;
}

void start_log(Verbosity verbosity) {
  logger().sinks() = {std::make_shared<StderrSink>()};
  logger().set_pattern("svsep: %l: %v");
  logger().set_level(verbosity == Verbosity::quiet     ? spdlog::level::err
                     : verbosity == Verbosity::verbose ? spdlog::level::debug
                                                       : spdlog::level::info);
  show_progress(verbosity != Verbosity::quiet);
}

}  // namespace svsep
