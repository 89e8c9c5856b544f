#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace svsep {

/// What one epoch came to; values that do not exist are NaN. docs/train.md describes them.
struct EpochRecord {
  double epoch = 0;  ///< from 1
  double steps = 0;  ///< of the optimiser, since the start
  double train_loss = 0.0;
  double train_accuracy = 0.0;
  double validation_loss = 0.0;
  double validation_accuracy = 0.0;
  double validation_sdr_vocals_db = 0.0;
  double validation_sdr_accompaniment_db = 0.0;
  double validation_median_sdr_vocals_db = 0.0;
  double validation_median_sdr_accompaniment_db = 0.0;
  double learning_rate = 0.0;  ///< of the epoch's last step
  double seconds = 0.0;
};

/// The epochs of a run: a CSV file with a header row, and a figure of the curves beside it (.png).
class History {
 public:
  explicit History(std::filesystem::path path) : path_(std::move(path)) {}

  /// Adds a row. Both files are replaced atomically, so they are whole at any time. Throws Error(output).
  void append(const EpochRecord& record);

  /// The rows so far, as they are in the file.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Goes on from these rows; the files follow with the next append.
  void restore(std::string text) { text_ = std::move(text); }

 private:
  void draw_curves() const;

  std::filesystem::path path_;
  std::string text_;
};

/// Ends a run that no longer gets better.
class EarlyStopping {
 public:
  struct State {
    int epochs_without = 0;
    double lowest = std::numeric_limits<double>::infinity();
  };

  /// Patience: epochs without a new lowest loss that end the run.
  explicit EarlyStopping(int patience) : patience_(patience) {}

  /// Takes the loss of one more epoch; true where it is the lowest so far.
  bool improved(double loss) {
    state_.epochs_without = loss < state_.lowest ? 0 : state_.epochs_without + 1;
    if (state_.epochs_without == 0) state_.lowest = loss;
    return state_.epochs_without == 0;
  }
  [[nodiscard]] bool exhausted() const noexcept { return state_.epochs_without >= patience_; }

  [[nodiscard]] const State& state() const noexcept { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  int patience_;
  State state_;
};

}  // namespace svsep
