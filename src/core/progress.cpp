#include "svsep/core/progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

namespace svsep {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr std::chrono::seconds kLineInterval{10};
constexpr int kBarCells = 24;
bool progress_shown = true;

}  // namespace

void show_progress(bool shown) noexcept { progress_shown = shown; }

std::string format_duration(double seconds) {
  const long long whole = std::llround(std::max(0.0, seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

Progress::Progress(std::string label, double total)
    : label_(std::move(label)), total_(total), terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() { clear(); }

void Progress::update(double done, const std::string& detail) {
  if (!progress_shown) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < (terminal_ ? Clock::duration(kRedrawInterval) : Clock::duration(kLineInterval))) return;
  last_ = now;
  const double elapsed_s = std::chrono::duration<double>(now - start_).count();
  std::string text = label_;
  if (total_ > 0) {
    const double fraction = std::clamp(done / total_, 0.0, 1.0);
    if (terminal_) {
      const auto filled = static_cast<std::size_t>(fraction * kBarCells);
      text += " [" + std::string(filled, '#') + std::string(kBarCells - filled, '.') + "]";
    }
    text += fmt::format(" {:3.0f} %", 100 * fraction);
    if (fraction > 0) text += ", " + format_duration(elapsed_s * (1 - fraction) / fraction) + " left";
  } else {
    text += " " + format_duration(elapsed_s);
  }
  if (!detail.empty()) text += ", " + detail;
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
    drawn_ = true;
  } else {
    std::fprintf(stderr, "svsep: %s\n", text.c_str());
  }
}

void Progress::clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

}  // namespace svsep
