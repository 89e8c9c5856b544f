#include "network/published/torch_chunk_estimator.hpp"

#include "core/log.hpp"
#include "network/device.hpp"
#include "network/mask/mask_network.hpp"
#include "network/published/families.hpp"
#include "separation/stems.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>

namespace svsep {
namespace {

constexpr std::size_t kCudaBatchSamples = 2'000'000;  ///< of one channel: enough to fill a GPU
constexpr std::size_t kMaxBatchChunks = 16;
constexpr double kMaxOverlap = 0.99;

/// As the published inference of the family treats a song's ends.
ChunkEnds ends_of(const std::string& architecture) {
  return architecture == "htdemucs" || architecture == "open-unmix" ? ChunkEnds::centred
                                                                    : ChunkEnds::reflected;
}

ChunkParameters chunks_of(const ModelFile& file, const ChunkEstimatorOptions& options) {
  if (!file.info().chunks) {
    throw Error(ErrorKind::model,
                "cannot use model: " + file.path().string() + ": expected a network that takes chunks");
  }
  ChunkParameters chunks = *file.info().chunks;
  chunks.overlap = options.overlap.value_or(chunks.overlap);
  if (chunks.overlap >= 0 && chunks.overlap <= kMaxOverlap) return chunks;
  throw Error(ErrorKind::usage,
              fmt::format("overlap; expected 0 to {}, got {}", kMaxOverlap, chunks.overlap));
}

std::vector<bool> kept_stems(const ChunkParameters& chunks, const std::vector<std::string>& wanted) {
  std::vector<StemSum> sums;
  for (const std::string& stem : choose_stems(chunks.stems, wanted, true)) {
    sums.push_back(stem_sum(chunks.stems, stem));
  }
  return used_stems(sums, chunks.stems.size());
}

std::shared_ptr<ChunkNetwork> make_network(const ModelFile& file) {
  try {
    return make_published_network(file.info());
  } catch (const Error& error) {
    throw Error(error.kind(), "cannot use model: " + file.path().string() + ": " + error.what());
  }
}

std::size_t batch_chunks_for(const ChunkParameters& chunks, const torch::Device& device) {
  if (!device.is_cuda()) return 1;  // a CPU is fastest while a chunk's values stay near its caches
  return std::clamp<std::size_t>(kCudaBatchSamples / chunks.chunk_samples, 1, kMaxBatchChunks);
}

}  // namespace

TorchChunkEstimator::TorchChunkEstimator(const ModelFile& file, const ChunkEstimatorOptions& options)
    : path_(file.path()),
      chunks_(chunks_of(file, options)),
      ends_(ends_of(file.info().architecture)),
      device_(options.device),
      kept_(kept_stems(chunks_, options.stems)),
      batch_chunks_(batch_chunks_for(chunks_, options.device)),
      network_(make_network(file)) {
  with_torch_errors("cannot prepare the network", [&] {
    const torch::NoGradGuard no_gradients;
    load_parameters(*network_, file);
    network_->eval();
    network_->to(device_);
    network_->keep_stems(kept_);
    network_->prepare(options.compute_type);
    give_freed_memory_back();
  });
}

void TorchChunkEstimator::want(const std::vector<bool>& wanted) {
  for (std::size_t stem = 0; stem < wanted.size(); ++stem) {
    if (!wanted[stem] || kept_[stem]) continue;
    throw Error(ErrorKind::usage, "the network was not prepared for the stem " + chunks_.stems[stem] +
                                      "; name it among the estimator's");
  }
}

void TorchChunkEstimator::estimate(std::span<const float> mixture, std::span<float> stems) {
  const std::size_t values = chunks_.channels * chunks_.chunk_samples;
  const std::size_t count = mixture.size() / values;
  with_torch_errors("cannot separate", [&] {
    const c10::InferenceMode inference;
    for (std::size_t first = 0; first < count;) {
      throw_if_cancelled();
      const std::size_t at_once = std::min(batch_chunks_, count - first);
      try {
        run(mixture.subspan(first * values, at_once * values),
            stems.subspan(first * values * chunks_.stems.size(), at_once * values * chunks_.stems.size()));
        first += at_once;
      } catch (const c10::OutOfMemoryError&) {
        if (at_once == 1) throw;
        batch_chunks_ = at_once / 2;
        logger().warn("the device is short of memory: from now on {} chunks at once instead of {}",
                      batch_chunks_, at_once);
      }
    }
  });
}

template <typename Got>
void TorchChunkEstimator::fail(const std::string& expected, const Got& got) const {
  throw Error(ErrorKind::model, fmt::format("cannot use model: {}: the network's output; expected {}, got {}",
                                            path_.string(), expected, got));
}

void TorchChunkEstimator::run(std::span<const float> mixture, std::span<float> stems) {
  const auto channels = static_cast<std::int64_t>(chunks_.channels);
  const auto samples = static_cast<std::int64_t>(chunks_.chunk_samples);
  // from_blob wants a pointer to non-const, yet nothing writes through it.
  const auto count = static_cast<std::int64_t>(mixture.size()) / (channels * samples);
  const torch::Tensor input =
      torch::from_blob(const_cast<float*>(mixture.data()), {count, channels, samples}).to(device_);
  const torch::Tensor output = network_->forward(input).to(torch::kCPU).contiguous();
  const std::span<const float> given(output.data_ptr<float>(), static_cast<std::size_t>(output.numel()));
  if (given.size() != stems.size()) fail(fmt::format("{} values", stems.size()), given.size());
  const std::size_t values = chunks_.channels * chunks_.chunk_samples;
  for (std::size_t first = 0, stem = 0; first < given.size(); first += values, ++stem) {
    if (!kept_[stem % kept_.size()]) continue;
    const std::span<const float> row = given.subspan(first, values);
    if (!std::all_of(row.begin(), row.end(), [](float value) { return std::isfinite(value); })) {
      fail("finite samples", "not a number");
    }
    std::copy(row.begin(), row.end(), stems.subspan(first).begin());
  }
}

}  // namespace svsep
