#include "training/history.hpp"

#include "svsep/core/atomic_file.hpp"

#include <spdlog/fmt/fmt.h>

namespace svsep {

void History::append(const EpochRecord& record) {
  if (text_.empty()) {
    text_ =
        "epoch,steps,train_loss,train_accuracy,validation_loss,validation_accuracy,seconds,learning_rate\n";
  }
  text_ += fmt::format("{},{},{:.6f},{:.6f},{:.6f},{:.6f},{:.1f},{}\n", record.epoch, record.steps,
                       record.train_loss, record.train_accuracy, record.validation_loss,
                       record.validation_accuracy, record.seconds, record.learning_rate);
  write_file(path_, text_);
}

}  // namespace svsep
