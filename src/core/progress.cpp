#include "core/progress.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <mutex>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace svsep {

using Clock = std::chrono::steady_clock;

struct Progress::Bar {
  std::string label;
  double total;
  double done = 0;
  std::string detail;
  Clock::time_point start = Clock::now();
  Clock::time_point last_line = start;
};

namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr std::chrono::seconds kLineInterval{10};
constexpr int kBarCells = 24;
constexpr std::size_t kMinLabelColumns = 8;

/// All bars there are, and what of them is on the screen.
struct Board {
  std::mutex mutex;
  std::vector<Progress::Bar*> bars;  ///< the newest first
  bool shown = true;
  bool terminal = isatty(STDERR_FILENO) != 0;
  std::size_t drawn_lines = 0;
  Clock::time_point last_drawing;
};

Board& board() {
  static Board the_board;
  return the_board;
}

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/// All that follows the label.
std::string state_of(const Progress::Bar& bar, bool terminal) {
  const double elapsed_s = std::chrono::duration<double>(Clock::now() - bar.start).count();
  std::string text;
  if (bar.total > 0) {
    const double fraction = std::clamp(bar.done / bar.total, 0.0, 1.0);
    if (terminal) {
      const auto filled = static_cast<std::size_t>(fraction * kBarCells);
      text += " [" + std::string(filled, '#') + std::string(kBarCells - filled, '.') + "]";
    }
    text += fmt::format(" {:3.0f} %", 100 * fraction);
    if (fraction > 0) text += ", " + format_duration(elapsed_s * (1 - fraction) / fraction) + " left";
  } else {
    text += " " + format_duration(elapsed_s);
  }
  if (!bar.detail.empty()) text += ", " + bar.detail;
  return text;
}

void erase(Board& b) {
  if (b.drawn_lines == 0) return;
  std::string codes = "\r\033[K";
  for (std::size_t line = 1; line < b.drawn_lines; ++line) codes += "\033[A\033[K";
  std::fputs(codes.c_str(), stderr);
  b.drawn_lines = 0;
}

void draw(Board& b) {
  erase(b);
  const std::size_t columns = terminal_columns() - 1;  // a full line would wrap
  std::string text;
  for (const Progress::Bar* bar : b.bars) {
    const std::string state = state_of(*bar, true);
    const std::size_t room = columns - std::min(columns, state.size());
    text += (text.empty() ? "" : "\n") +
            first_columns(first_columns(bar->label, std::max(room, kMinLabelColumns)) + state, columns);
  }
  std::fputs(text.c_str(), stderr);
  b.drawn_lines = b.bars.size();
  b.last_drawing = Clock::now();
}

}  // namespace

void show_progress(bool shown) noexcept { board().shown = shown; }

void print_above_progress(std::FILE* stream, std::string_view text) {
  Board& b = board();
  const std::scoped_lock lock(b.mutex);
  const bool was_drawn = b.drawn_lines > 0;
  erase(b);
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
  if (was_drawn) draw(b);
}

Progress::Progress(const std::string& label, double total)
    : bar_(std::make_unique<Bar>(Bar{one_line(label), total, 0, {}})) {
  const std::scoped_lock lock(board().mutex);
  board().bars.insert(board().bars.begin(), bar_.get());
}

Progress::~Progress() {
  Board& b = board();
  const std::scoped_lock lock(b.mutex);
  const bool was_drawn = b.drawn_lines > 0;
  std::erase(b.bars, bar_.get());
  erase(b);
  if (was_drawn && !b.bars.empty()) draw(b);
}

void Progress::update(double done, const std::string& detail) {
  Board& b = board();
  const std::scoped_lock lock(b.mutex);
  bar_->done = done;
  bar_->detail = detail;
  if (!b.shown) return;
  const Clock::time_point now = Clock::now();
  if (b.terminal && now - b.last_drawing >= kRedrawInterval) draw(b);
  if (!b.terminal && now - bar_->last_line >= kLineInterval) {
    bar_->last_line = now;
    std::fprintf(stderr, "svsep: %s%s\n", bar_->label.c_str(), state_of(*bar_, false).c_str());
  }
}

void Progress::clear() {
  const std::scoped_lock lock(board().mutex);
  erase(board());
}

}  // namespace svsep
