#pragma once

#include <chrono>
#include <string>

namespace svsep {

/// Progress of long work on stderr: a bar that redraws itself on a terminal, a plain line now and then
/// otherwise. One at a time; not thread safe.
class Progress {
 public:
  /// `total` is the amount of work in any unit, or <= 0 where it is not known in advance.
  Progress(std::string label, double total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows `done` of `total`; `detail` (such as "loss 0.41") follows the percentage.
  void update(double done, const std::string& detail = {});
  /// Removes the bar, so that other lines can be printed; the next update draws it again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  double total_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

/// Whether progress is shown at all (start_log with Verbosity::quiet turns it off).
void show_progress(bool shown) noexcept;

/// "1:02:03" or "4:05".
[[nodiscard]] std::string format_duration(double seconds);

}  // namespace svsep
