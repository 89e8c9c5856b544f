#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <utility>

namespace svsep {

/// What one epoch came to. Losses are binary cross-entropies in nats, accuracies shares of bins in 0..1.
struct EpochRecord {
  int epoch = 0;            ///< from 1
  long long steps = 0;      ///< of the optimiser, since the start
  double train_loss = 0.0;  ///< with dropout, while the weights changed
  double train_accuracy = 0.0;
  double validation_loss = 0.0;
  double validation_accuracy = 0.0;
  double seconds = 0.0;
  double learning_rate = 0.0;
};

/// The epochs of a run as a CSV file with a header row.
class History {
 public:
  explicit History(std::filesystem::path path) : path_(std::move(path)) {}

  /// Adds a row; the file is replaced atomically, so it is whole at any time. Throws Error(output).
  void append(const EpochRecord& record);

 private:
  std::filesystem::path path_;
  std::string text_;
};

/// Ends a run that no longer gets better.
class EarlyStopping {
 public:
  /// Patience: epochs without a new lowest loss that end the run.
  explicit EarlyStopping(int patience) : patience_(patience) {}

  /// Takes the loss of one more epoch; true where it is the lowest so far.
  bool improved(double loss) {
    epochs_without_ = loss < lowest_ ? 0 : epochs_without_ + 1;
    if (epochs_without_ == 0) lowest_ = loss;
    return epochs_without_ == 0;
  }
  [[nodiscard]] bool exhausted() const noexcept { return epochs_without_ >= patience_; }

 private:
  int patience_;
  int epochs_without_ = 0;
  double lowest_ = std::numeric_limits<double>::infinity();
};

}  // namespace svsep
