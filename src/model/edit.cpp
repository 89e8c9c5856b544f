#include "model/edit.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr double kRisesFromHz = 200.0;
constexpr double kMaxCertainty = 10.0;
constexpr double kMaxBiasPerOctave = 10.0;
constexpr const char* kOutputBias = "output.bias";

/// ModelFile has checked the header before.
std::vector<NamedTensor> tensors_of(const ModelFile& file) {
  std::ifstream stream(file.path(), std::ios::binary);
  std::uint64_t length = 0;
  stream.read(reinterpret_cast<char*>(&length), sizeof length);
  std::string text(length, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(length));
  const nlohmann::json header = nlohmann::json::parse(text);
  std::vector<NamedTensor> tensors;
  for (const std::string& name : file.tensor_names()) {
    const auto shape = header.at(name).at("shape").get<std::vector<std::int64_t>>();
    tensors.push_back({name, shape, file.values(name, shape)});
  }
  return tensors;
}

TensorType type_of(const ModelFile& file) {
  return file.tensor_types() == "float16" ? TensorType::float16 : TensorType::float32;
}

[[noreturn]] void refuse(const fs::path& model, const std::string& reason) {
  throw Error(ErrorKind::model, "cannot edit the model: " + model.string() + ": " + reason);
}

void require_range(const char* what, double value, double low, double high) {
  if (value >= low && value <= high) return;
  throw Error(ErrorKind::usage, fmt::format("{}; expected {} to {}, got {}", what, low, high, value));
}

/// The layer that gives the logits.
std::string last_layer(const ModelFile& file) {
  const std::string& architecture = file.info().architecture;
  if (architecture == "thesis-cnn") return "dense3";
  if (architecture == "harmonic-unet") return "mask";
  refuse(file.path(), "architecture; expected thesis-cnn or harmonic-unet, got " + architecture);
}

void scale(std::vector<float>& values, double gain) {
  for (float& value : values) value = static_cast<float>(value * gain);
}

/// Of each bin.
std::vector<float> rising_bias(const AnalysisParameters& analysis, double per_octave) {
  std::vector<float> bias(analysis.stft.bins());
  for (std::size_t bin = 1; bin < bias.size(); ++bin) {
    const double hz =
        static_cast<double>(bin) * analysis.sample_rate_hz / static_cast<double>(analysis.stft.fft_samples);
    bias[bin] = static_cast<float>(per_octave * std::max(0.0, std::log2(hz / kRisesFromHz)));
  }
  return bias;
}

}  // namespace

void average_models(const std::vector<fs::path>& models, const fs::path& output) {
  if (models.size() < 2) {
    throw Error(ErrorKind::usage,
                fmt::format("models to average; expected 2 or more, got {}", models.size()));
  }
  const ModelFile first(models.front());
  std::vector<NamedTensor> mean = tensors_of(first);
  for (std::size_t i = 1; i < models.size(); ++i) {
    const ModelFile other(models[i]);
    if (other.info().architecture != first.info().architecture || other.info().sizes != first.info().sizes ||
        other.tensor_names() != first.tensor_names()) {
      refuse(models[i], "a network of other sizes; expected that of " + models.front().string());
    }
    for (NamedTensor& tensor : mean) {
      const std::vector<float> values = other.values(tensor.name, tensor.shape);
      std::transform(values.begin(), values.end(), tensor.values.begin(), tensor.values.begin(),
                     [](float a, float b) { return a + b; });
    }
  }
  for (NamedTensor& tensor : mean) scale(tensor.values, 1.0 / static_cast<double>(models.size()));
  ModelInfo info = first.info();
  info.training += fmt::format("; mean of {} models", models.size());
  write_model_file(output, info, mean, type_of(first));
}

void calibrate_model(const fs::path& model, const Calibration& calibration, const fs::path& output) {
  require_range("certainty", calibration.certainty, 0.01, kMaxCertainty);
  require_range("bias per octave", calibration.bias_per_octave, -kMaxBiasPerOctave, kMaxBiasPerOctave);
  require_range("threshold of the vocals", calibration.vocals_threshold.value_or(0), 0, 1);
  require_range("threshold of the accompaniment", calibration.accompaniment_threshold.value_or(0), 0, 1);
  const ModelFile file(model);
  const std::string last = last_layer(file);
  ModelInfo info = file.info();
  info.thresholds.vocals = static_cast<float>(calibration.vocals_threshold.value_or(info.thresholds.vocals));
  info.thresholds.accompaniment =
      static_cast<float>(calibration.accompaniment_threshold.value_or(info.thresholds.accompaniment));
  if (!calibration.licence.empty()) info.licence = calibration.licence;
  std::vector<NamedTensor> tensors = tensors_of(file);
  std::vector<float> bias = rising_bias(info.analysis, calibration.bias_per_octave);
  for (NamedTensor& tensor : tensors) {
    const bool logits = tensor.name == last + ".weight" || tensor.name == last + ".bias";
    if (logits || tensor.name == kOutputBias) scale(tensor.values, calibration.certainty);
    if (tensor.name != kOutputBias) continue;
    for (std::size_t bin = 0; bin < std::min(bias.size(), tensor.values.size()); ++bin) {
      bias[bin] += tensor.values[bin];
    }
  }
  std::erase_if(tensors, [](const NamedTensor& tensor) { return tensor.name == kOutputBias; });
  if (std::any_of(bias.begin(), bias.end(), [](float value) { return value != 0; })) {
    tensors.push_back({kOutputBias, {std::ssize(bias)}, bias});
  }
  if (calibration.certainty != 1.0 || calibration.bias_per_octave != 0.0) {
    info.training += fmt::format("; certainty {:g}, bias {:g} per octave", calibration.certainty,
                                 calibration.bias_per_octave);
  }
  write_model_file(output, info, tensors, type_of(file));
}

}  // namespace svsep
