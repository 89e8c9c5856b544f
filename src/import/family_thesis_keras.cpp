#include "import/family.hpp"

#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>

// The convolutional network of the thesis, as Keras saves it: model.save() or save_weights(), .h5. The layers
// with weights are four convolutions [height, width, inputs, outputs] and three dense ones [inputs, outputs],
// found by their order and shape, for Keras numbers their names. A Flatten of Keras gives
// [frames][bins][channels], which is the order of the model file too.

namespace svsep {
namespace {

constexpr std::size_t kConvolutions = 4;
constexpr std::size_t kDense = 3;
constexpr std::int64_t kFrames = 9;  ///< of a window
constexpr std::int64_t kMaxBins = 32769;
constexpr std::array<std::size_t, 4> kConvolutionAxes = {3, 2, 0, 1};
constexpr std::array<std::size_t, 2> kDenseAxes = {1, 0};

struct Layer {
  std::string kernel;
  std::string bias;
};

/// The layers that have weights.
std::vector<Layer> layers_of(const Checkpoint& checkpoint) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < checkpoint.package.size("layers"); ++i) {
    const std::string path = fmt::format("layers.{}.weights", i);
    const std::size_t count = checkpoint.package.size(path);
    if (count == 0) continue;
    if (count != 2)
      checkpoint.fail(checkpoint.package.text(fmt::format("layers.{}.name", i)) +
                      ": expected kernel and bias");
    layers.push_back({checkpoint.package.text(path + ".0"), checkpoint.package.text(path + ".1")});
  }
  return layers;
}

/// Bins after a max-pool of 12 with 'same' padding.
std::int64_t pooled(std::int64_t bins) { return (bins + 11) / 12; }

bool recognises(const Checkpoint& checkpoint) { return checkpoint.package.has("layers"); }

void add(ImportPlan& plan, const Checkpoint& checkpoint, const Layer& layer, const std::string& name,
         std::span<const std::size_t> axes) {
  const auto& kernel = checkpoint.shape(layer.kernel, axes.size());
  plan.tensors.push_back({name + ".weight", layer.kernel, kernel, 0, {axes.begin(), axes.end()}});
  plan.tensors.push_back({name + ".bias", layer.bias, {kernel.back()}, 0, {}});
}

/// Throws unless the layer's kernel has this shape; -1 stands for any size.
void expect(const Checkpoint& checkpoint, const Layer& layer, const std::vector<std::int64_t>& expected) {
  const auto& shape = checkpoint.shape(layer.kernel, expected.size());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (expected[axis] < 0 || shape[axis] == expected[axis]) continue;
    checkpoint.fail(fmt::format("{}: expected [{}], got [{}] (-1: any)", layer.kernel,
                                fmt::join(expected, ", "), fmt::join(shape, ", ")));
  }
}

ImportPlan describe(std::span<const Checkpoint> checkpoints, const ValueTree& /*config*/) {
  const Checkpoint& checkpoint = checkpoints.front();
  if (checkpoints.size() > 1) checkpoint.fail("the thesis' network is one file");
  const std::vector<Layer> layers = layers_of(checkpoint);
  if (layers.size() != kConvolutions + kDense) {
    checkpoint.fail(fmt::format("expected {} convolutions and {} dense layers, got {} layers with weights",
                                kConvolutions, kDense, layers.size()));
  }
  ImportPlan plan;
  std::vector<std::int64_t> channels;
  for (std::size_t i = 0; i < kConvolutions; ++i) {
    expect(checkpoint, layers[i], {3, 12, i == 0 ? 1 : channels.back(), -1});
    channels.push_back(checkpoint.shape(layers[i].kernel, 4).back());
    add(plan, checkpoint, layers[i], fmt::format("conv{}", i + 1), kConvolutionAxes);
  }
  const std::int64_t outputs = checkpoint.shape(layers.back().kernel, 2).back();
  const std::int64_t bins = outputs / kFrames;
  if (outputs % kFrames != 0 || bins % 32 != 1 || bins > kMaxBins) {
    checkpoint.fail(
        fmt::format("{}: expected 9 frames of 2049 bins, got {} outputs", layers.back().kernel, outputs));
  }
  std::vector<std::int64_t> units = {kFrames * pooled(pooled(bins)) * channels.back()};
  for (std::size_t i = 0; i < kDense; ++i) {
    const Layer& layer = layers[kConvolutions + i];
    expect(checkpoint, layer, {units.back(), -1});
    units.push_back(checkpoint.shape(layer.kernel, 2).back());
    add(plan, checkpoint, layer, fmt::format("dense{}", i + 1), kDenseAxes);
  }
  plan.info.architecture = "thesis-cnn";
  plan.info.sizes = {{"convolution_channels", channels}, {"dense_units", {units[1], units[2]}}};
  // Sizes in the thesis' proportions: 4096, 1024 and 256 samples.
  const auto fft_samples = static_cast<std::size_t>(2 * (bins - 1));
  plan.info.analysis.stft = {
      .fft_samples = fft_samples, .window_samples = fft_samples / 4, .hop_samples = fft_samples / 16};
  plan.info.window_frames = static_cast<std::size_t>(kFrames);
  plan.info.input_transform = InputTransform::magnitude;
  plan.info.thresholds = {.vocals = 0.15F, .accompaniment = 0.8F};
  plan.info.label = "mixture";
  return plan;
}

}  // namespace

const Family kThesisKerasFamily = {"thesis-cnn", "the thesis' network (Keras)", recognises, describe};

}  // namespace svsep
