#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

namespace svsep {

/// Progress of long work on stderr: a bar that redraws itself on a terminal, a plain line now and then
/// otherwise. Several at a time stand one below the other, the oldest at the bottom. Safe from any thread.
class Progress {
 public:
  /// `total` is the amount of work in any unit, or <= 0 where it is not known in advance.
  Progress(const std::string& label, double total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows `done` of `total`; `detail` (such as "loss 0.41") follows the percentage.
  void update(double done, const std::string& detail = {});
  /// Removes the bars, so that other lines can be printed; the next update draws them again.
  void clear();

  struct Bar;

 private:
  std::unique_ptr<Bar> bar_;
};

/// Writes text that ends with a line feed to `stream`, above the bars, and flushes. Safe from any thread.
void print_above_progress(std::FILE* stream, std::string_view text);

/// Whether progress is shown at all (start_log with Verbosity::quiet turns it off).
void show_progress(bool shown) noexcept;

}  // namespace svsep
