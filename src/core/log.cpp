#include "core/log.hpp"

#include "core/progress.hpp"

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

std::string one_line(std::string_view text) {
  constexpr char kDelete = 0x7F;
  constexpr unsigned char kC1Lead = 0xC2;  // of the two bytes; the second is 0x80..0x9F
  std::string line;
  line.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == kC1Lead && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    line += c1 || byte < ' ' || byte == kDelete ? '?' : text[i];
    if (c1) ++i;
  }
  return line;
}

void start_log(Verbosity verbosity) {
  auto logger = std::make_shared<spdlog::logger>("svsep", std::make_shared<StderrSink>());
  logger->set_pattern("svsep: %l: %v");
  logger->set_level(verbosity == Verbosity::quiet     ? spdlog::level::err
                    : verbosity == Verbosity::verbose ? spdlog::level::debug
                                                      : spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  show_progress(verbosity != Verbosity::quiet);
}

}  // namespace svsep
