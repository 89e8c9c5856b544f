#include "svsep/training.hpp"

namespace svsep {

TrainingOptions training_defaults(const std::string& architecture) {
  TrainingOptions options;
  options.architecture = architecture;
  options.output = architecture + ".safetensors";
  if (architecture == "harmonic-unet") {
    options.batch_size = 8;
    options.learning_rate = 1e-3;
    options.warmup_steps = 300;
    options.weight_decay = 1e-2;
    options.ema_decay = 0.9985;
    options.clip_norm = 5.0;
    options.loss = Loss::waveform;
  }
  return options;
}

}  // namespace svsep
