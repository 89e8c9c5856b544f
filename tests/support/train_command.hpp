#pragma once

#include <string>
#include <vector>

namespace svsep::test {

/// A short training of few batches on one thread.
struct TrainCommand {
  std::string musdb = "musdb";
  std::string cache = "cache";
  std::string output = "m.safetensors";
  std::string architecture = "harmonic-unet";
  std::string epochs = "1";
  std::string steps_per_epoch = "1";
  std::string batch_size = "1";

  /// What stands behind "svsep".
  [[nodiscard]] std::vector<std::string> arguments() const {
    return {"train",
            "--musdb=" + musdb,
            "--cache-dir=" + cache,
            "--arch=" + architecture,
            "--epochs=" + epochs,
            "--steps-per-epoch=" + steps_per_epoch,
            "--batch-size=" + batch_size,
            "--output=" + output,
            "--device=cpu",
            "--threads=1",
            "--workers=1",
            "--verbose"};
  }
};

}  // namespace svsep::test
