#include "import/family.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>

namespace svsep {
namespace {

// As its authors separate music at 44.1 kHz; checkpoints do not state it.
constexpr std::int64_t kHopsPerFft = 4;
constexpr std::int64_t kWienerFrames = 300;
constexpr std::int64_t kWienerWindowsPerChunk = 4;
constexpr std::array kTargets = {"vocals", "drums", "bass", "other"};

bool recognises(const Checkpoint& checkpoint) {
  return checkpoint.has("fc1.weight") && checkpoint.has("lstm.weight_ih_l0") &&
         checkpoint.has("input_mean") && checkpoint.has("output_scale");
}

/// "vocals" for ".../vocals-b62c91ce.pth".
std::string target_of(const Checkpoint& checkpoint) {
  const std::string name = checkpoint.path.filename().string();
  for (const char* const target : kTargets) {
    if (name.starts_with(target)) return target;
  }
  checkpoint.fail(fmt::format("unknown target; expected a file name that begins with {}, got {}",
                              fmt::join(kTargets, ", "), name));
}

struct Sizes {
  std::int64_t channels, bins, input_bins, hidden, layers;

  bool operator==(const Sizes&) const = default;
};

Sizes sizes_of(const Checkpoint& checkpoint) {
  Sizes sizes = {};
  sizes.bins = checkpoint.shape("output_mean", 1)[0];
  sizes.input_bins = checkpoint.shape("input_mean", 1)[0];
  sizes.hidden = checkpoint.shape("fc1.weight", 2)[0];
  sizes.channels = checkpoint.shape("fc1.weight", 2)[1] / sizes.input_bins;
  while (checkpoint.has(fmt::format("lstm.weight_ih_l{}", sizes.layers))) ++sizes.layers;
  constexpr std::int64_t kMostBins = 32769;
  if (sizes.bins < 3 || sizes.bins > kMostBins || sizes.bins % 2 == 0) {
    checkpoint.fail(
        fmt::format("bins of the spectrum; expected an odd number up to {}, got {}", kMostBins, sizes.bins));
  }
  if (sizes.channels < 1 || sizes.channels > 2) {
    checkpoint.fail(fmt::format("channels; expected 1 or 2, got {}", sizes.channels));
  }
  if (sizes.hidden % 2 != 0 || !checkpoint.has("lstm.weight_ih_l0_reverse")) {
    checkpoint.fail("the LSTM has one direction; expected two");
  }
  return sizes;
}

void add_target(const Sizes& sizes, std::size_t index, std::vector<TensorSource>& tensors) {
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    tensors.push_back({fmt::format("{}.{}", index, name), name, std::move(shape), index});
  };
  const auto add_norm = [&](const std::string& name, std::int64_t features) {
    for (const char* const part : {"weight", "bias", "running_mean", "running_var"}) {
      add(name + "." + part, {features});
    }
  };
  const std::int64_t hidden = sizes.hidden;
  const std::int64_t outputs = sizes.channels * sizes.bins;
  for (const char* const name : {"input_mean", "input_scale"}) add(name, {sizes.input_bins});
  for (const char* const name : {"output_mean", "output_scale"}) add(name, {sizes.bins});
  add("fc1.weight", {hidden, sizes.channels * sizes.input_bins});
  add("fc2.weight", {hidden, 2 * hidden});
  add("fc3.weight", {outputs, hidden});
  add_norm("bn1", hidden);
  add_norm("bn2", hidden);
  add_norm("bn3", outputs);
  for (std::int64_t layer = 0; layer < sizes.layers; ++layer) {
    for (const char* const direction : {"", "_reverse"}) {
      const std::string end = fmt::format("_l{}{}", layer, direction);
      add("lstm.weight_ih" + end, {2 * hidden, hidden});
      add("lstm.weight_hh" + end, {2 * hidden, hidden / 2});
      add("lstm.bias_ih" + end, {2 * hidden});
      add("lstm.bias_hh" + end, {2 * hidden});
    }
  }
}

ImportPlan describe(std::span<const Checkpoint> checkpoints, const ValueTree& /*config*/) {
  const Sizes sizes = sizes_of(checkpoints.front());
  const std::int64_t fft_samples = 2 * (sizes.bins - 1);
  const std::int64_t hop_samples = fft_samples / kHopsPerFft;
  ImportPlan plan;
  ChunkParameters chunks;
  chunks.channels = static_cast<std::size_t>(sizes.channels);
  chunks.chunk_samples = static_cast<std::size_t>(kWienerWindowsPerChunk * kWienerFrames * hop_samples);
  for (std::size_t index = 0; index < checkpoints.size(); ++index) {
    const Checkpoint& checkpoint = checkpoints[index];
    if (sizes_of(checkpoint) != sizes) {
      checkpoint.fail("other sizes than " + checkpoints.front().path.string());
    }
    chunks.stems.push_back(target_of(checkpoint));
    if (std::count(chunks.stems.begin(), chunks.stems.end(), chunks.stems.back()) > 1) {
      checkpoint.fail("a second file for the target " + chunks.stems.back());
    }
    add_target(sizes, index, plan.tensors);
  }
  plan.info.architecture = "open-unmix";
  plan.info.chunks = chunks;
  plan.info.sizes = {{"fft_samples", {fft_samples}},     {"hop_samples", {hop_samples}},
                     {"input_bins", {sizes.input_bins}}, {"hidden_units", {sizes.hidden}},
                     {"layers", {sizes.layers}},         {"wiener_frames", {kWienerFrames}}};
  plan.ignorable_ends = {"num_batches_tracked", "window", "sample_rate"};
  return plan;
}

}  // namespace

const Family kOpenUnmixFamily = {"open-unmix", "Open-Unmix", recognises, describe};

}  // namespace svsep
