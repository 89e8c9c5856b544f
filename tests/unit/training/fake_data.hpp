#pragma once

#include "core/rng.hpp"
#include "training/trainer.hpp"

#include <cmath>
#include <cstdint>
#include <string>
#include <torch/torch.h>
#include <vector>

namespace svsep::test {

constexpr std::int64_t kBins = 33;
constexpr std::size_t kStretchSamples = 1600;  // 101 frames

/// Networks of 33 bins, small enough to train in milliseconds.
inline TrainableNetwork tiny(TrainableNetwork plan) {
  plan.info.analysis.stft = {64, 64, 16};
  plan.info.level_radius_frames = 20;
  return plan;
}
inline TrainableNetwork tiny_cnn() { return tiny(trainable(ThesisCnnSizes{9, kBins, {2, 2, 2, 2}, {8, 8}})); }
inline TrainableNetwork tiny_unet(std::int64_t planes = 1) {
  return tiny(trainable(HarmonicUnetSizes{kBins, planes, 32, 8, {4, 4, 4, 4, 4}, {4, 4, 4, 4}, {1, 2}}));
}

/// [stretches, 1, samples]: each follows from its keys.
inline torch::Tensor noise(std::int64_t stretches, std::size_t samples, std::uint64_t key) {
  const torch::Tensor result = torch::empty({stretches, 1, static_cast<std::int64_t>(samples)});
  Rng rng({key});
  for (std::int64_t i = 0; i < result.numel(); ++i) {
    result.data_ptr<float>()[i] = static_cast<float>(rng.uniform(-0.1, 0.1));
  }
  return result;
}

/// A tone of bin 4 whose loudness goes up and down.
inline torch::Tensor tone(std::size_t samples) {
  const torch::Tensor n = torch::arange(static_cast<std::int64_t>(samples), torch::kFloat);
  return 0.5 * (n * (M_PI / 8)).sin() * (n * 0.01).sin();
}

inline StretchBatch stretches(std::int64_t count, std::uint64_t key) {
  const torch::Tensor accompaniment = noise(count, kStretchSamples, key);
  return {tone(kStretchSamples).expand({count, 1, -1}).contiguous() * (1 + noise(count, 1, key + 1)),
          accompaniment,
          {"piece " + std::to_string(key)}};
}

/// The label is 1 in the lower bins.
inline WindowBatch windows(std::int64_t count, std::uint64_t key) {
  const torch::Tensor x = noise(count, static_cast<std::size_t>(9 * kBins), key).view({count, 9, kBins}) * 10;
  const torch::Tensor labels = torch::arange(kBins).lt(16).to(torch::kByte).expand({count, 9, kBins});
  return {x, labels.contiguous(), {"piece " + std::to_string(key)}};
}

/// Batches that follow from (epoch, number), and one piece to separate.
inline TrainingData fake_data(bool in_windows) {
  const auto open = [=](std::uint64_t kind) -> TrainingData::Open {
    return [=](int epoch, std::int64_t first, std::int64_t) -> TrainingData::Next {
      return [=, number = first]() mutable -> Batch {
        const std::uint64_t key =
            1000 * (kind + static_cast<std::uint64_t>(epoch)) + 2 * static_cast<std::uint64_t>(number++);
        if (in_windows && epoch > 0) return windows(4, key);
        return stretches(2, key);
      };
    };
  };
  const auto validation = [open = open(100)](int, std::int64_t first, std::int64_t count) {
    return open(1, first, count);
  };
  const auto samples = [](const torch::Tensor& x) {
    const torch::Tensor flat = x.contiguous().view({-1});
    return std::vector<float>(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
  };
  Piece piece;
  piece.vocals.channels = {samples(tone(kStretchSamples))};
  piece.accompaniment.channels = {samples(noise(1, kStretchSamples, 7))};
  return {open(0), validation, {1, [piece](std::size_t) { return piece; }}, "fake", "fake"};
}

}  // namespace svsep::test
