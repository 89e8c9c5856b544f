#include "training/window_batches.hpp"

#include "network/input_transform.hpp"
#include "support/audio_store.hpp"
#include "svsep/error.hpp"
#include "svsep/stft.hpp"

#include <array>
#include <complex>
#include <gtest/gtest.h>
#include <set>
#include <utility>

namespace svsep {
namespace {

using test::StoreBuilder;

constexpr std::size_t kPiece = 3 * 22050;  // 259 frames, 32 windows

MixerOptions of_songs(std::uint64_t seed = 0) {
  return {
      .recipe = Recipe::thesis, .validation = false, .piece_samples = kPiece, .channels = 1, .seed = seed};
}

const AudioStore& store() {
  static const AudioStore songs =
      StoreBuilder().add_song("a", 100000, 1).add_song("b", 80000, 2).add_song("c", 90000, 3).build();
  return songs;
}

std::vector<WindowBatch> batches(const Mixer& mixer, const WindowOptions& options, const BatchRange& range) {
  WindowBatches stream(mixer, options, range);
  std::vector<WindowBatch> result;
  for (std::int64_t i = 0; i < range.count; ++i) result.push_back(stream.next());
  return result;
}

void expect_equal(const WindowBatch& a, const WindowBatch& b) {
  EXPECT_TRUE(torch::equal(a.inputs, b.inputs));
  EXPECT_TRUE(torch::equal(a.labels, b.labels));
  EXPECT_EQ(a.names, b.names);
}

TEST(WindowSchedule, UsesEveryWindowOfAPieceOnceAndShufflesThePool) {
  WindowSchedule schedule(0, 1, 32, 2, 5);
  std::set<std::pair<std::uint64_t, std::size_t>> seen;
  std::vector<WindowPlace> in_order;
  for (int batch = 0; batch < 64; ++batch) {  // ten pieces
    for (const WindowPlace& place : schedule.next()) {
      EXPECT_LT(place.window, 32U);
      EXPECT_TRUE(seen.insert({place.piece, place.window}).second);
      if (batch < 12) {  // of the first pool
        EXPECT_LT(place.piece, 2U);
        in_order.push_back(place);
      }
    }
  }
  EXPECT_EQ(seen.size(), 320U);
  int rising = 0;
  for (std::size_t i = 1; i < in_order.size(); ++i)
    rising += in_order[i].window > in_order[i - 1].window ? 1 : 0;
  EXPECT_GT(rising, 15);
  EXPECT_LT(rising, 45);
}

TEST(WindowSchedule, FillsABatchFromSeveralPoolsWhereOneIsTooSmall) {
  WindowSchedule schedule(0, 1, 3, 1, 8);
  EXPECT_EQ(schedule.next().size(), 8U);
  EXPECT_EQ(schedule.next().size(), 8U);
}

TEST(WindowBatches, AreTheSameForAnyNumberOfWorkers) {
  const Mixer mixer(store(), of_songs());
  const std::vector<WindowBatch> expected =
      batches(mixer, {.tracks_in_batch = 2}, {.epoch = 2, .count = 9, .batch_size = 16, .workers = 0});
  for (const int workers : {1, 2, 16}) {
    const std::vector<WindowBatch> result = batches(
        mixer, {.tracks_in_batch = 2}, {.epoch = 2, .count = 9, .batch_size = 16, .workers = workers});
    for (std::size_t i = 0; i < 9; ++i) expect_equal(result[i], expected[i]);
  }
}

TEST(WindowBatches, AreTheSameAfterAResumption) {
  const Mixer mixer(store(), of_songs());
  const std::vector<WindowBatch> all =
      batches(mixer, {.tracks_in_batch = 2}, {.count = 12, .batch_size = 10});
  const std::vector<WindowBatch> rest =
      batches(mixer, {.tracks_in_batch = 2}, {.first = 7, .count = 5, .batch_size = 10, .workers = 2});
  for (std::size_t i = 0; i < 5; ++i) expect_equal(rest[i], all[7 + i]);
}

TEST(WindowBatches, DifferBetweenEpochsAndSeeds) {
  const Mixer mixer(store(), of_songs());
  const Mixer other(store(), of_songs(1));
  const auto first = [](const Mixer& of, std::uint64_t epoch) {
    return batches(of, {}, {.epoch = epoch, .count = 1, .batch_size = 4})[0].inputs;
  };
  EXPECT_FALSE(torch::equal(first(mixer, 1), first(mixer, 2)));
  EXPECT_FALSE(torch::equal(first(mixer, 1), first(other, 1)));
}

TEST(WindowBatches, OfTheRanksMakeUpTheBatchOfASingleProcess) {
  const Mixer mixer(store(), of_songs());
  const std::vector<WindowBatch> whole = batches(mixer, {}, {.count = 7, .batch_size = 20});
  std::vector<std::vector<WindowBatch>> shares;
  for (const int rank : {0, 1, 2, 3}) {
    shares.push_back(
        batches(mixer, {}, {.count = 7, .batch_size = 20, .rank = rank, .ranks = 4, .workers = rank}));
  }
  for (std::size_t i = 0; i < 7; ++i) {
    std::vector<torch::Tensor> inputs;
    std::vector<torch::Tensor> labels;
    for (const std::vector<WindowBatch>& share : shares) {
      inputs.push_back(share[i].inputs);
      labels.push_back(share[i].labels);
    }
    EXPECT_TRUE(torch::equal(torch::cat(inputs), whole[i].inputs));
    EXPECT_TRUE(torch::equal(torch::cat(labels), whole[i].labels));
  }
}

TEST(WindowBatches, HoldTheProductsFramesTransformedAsASeparationDoes) {
  const AudioStore one = StoreBuilder().add_song("a", kPiece, 1).build();
  const Mixer mixer(one, of_songs());
  const Piece piece = mixer.draw(1, 0);
  const StftParameters parameters;
  const auto spectra = [&](const AudioBuffer& audio) {
    std::vector<std::complex<float>> values;
    Stft stft(parameters, [&](Spectrum frame) { values.insert(values.end(), frame.begin(), frame.end()); });
    stft.push(audio.channels[0]);
    stft.finish();
    const auto bins = static_cast<std::int64_t>(parameters.bins());
    const std::array shape = {std::ssize(values) / bins, bins, std::int64_t{2}};
    return torch::view_as_complex(torch::from_blob(reinterpret_cast<float*>(values.data()), shape).clone());
  };
  const torch::Tensor vocals = spectra(piece.vocals);
  const torch::Tensor accompaniment = spectra(piece.accompaniment);
  const torch::Tensor magnitudes = (vocals + accompaniment).abs();
  const torch::Tensor log_levels = log_compress(magnitudes, frame_gains(magnitudes, 258), 1e-3);
  const torch::Tensor wins = vocals.abs() > accompaniment.abs();
  const torch::Tensor share = vocals.abs().square() / (vocals.abs().square() + accompaniment.abs().square());

  WindowSchedule schedule(0, 1, 32, 1, 32);
  const std::vector<WindowPlace> places = schedule.next();
  for (const InputTransform transform : {InputTransform::log_level, InputTransform::magnitude}) {
    for (const Label label : {Label::accompaniment, Label::ratio}) {
      WindowOptions options{.label = label, .tracks_in_batch = 1};
      options.model.input_transform = transform;
      const WindowBatch batch = batches(mixer, options, {.count = 1, .batch_size = 32})[0];
      EXPECT_EQ(batch.names, std::set<std::string>{"a"});
      EXPECT_EQ(batch.labels.scalar_type(), label == Label::ratio ? torch::kFloat : torch::kByte);
      for (std::int64_t w = 0; w < 32; ++w) {
        const auto first = static_cast<std::int64_t>(8 * places[static_cast<std::size_t>(w)].window);
        const torch::Tensor& expected = transform == InputTransform::magnitude ? magnitudes : log_levels;
        EXPECT_TRUE(torch::allclose(batch.inputs[w], expected.narrow(0, first, 9), 1e-5, 1e-3)) << w;
        const torch::Tensor difference =
            (batch.labels[w].to(torch::kFloat) -
             (label == Label::ratio ? share : wins.to(torch::kFloat)).narrow(0, first, 9))
                .abs();
        EXPECT_LT(difference.mean().item<double>(), 1e-4) << w;
      }
    }
  }
}

TEST(WindowBatches, LabelNothingWithoutVocals) {
  const AudioStore instrumental =
      StoreBuilder()
          .add("a", Role::song, {{test::Channel(90000)}, {test::noise_s16(90000, 3000, 1)}})
          .build();
  const Mixer mixer(instrumental, of_songs());
  EXPECT_EQ(batches(mixer, {}, {.count = 1, .batch_size = 64})[0].labels.max().item<int>(), 0);
}

TEST(WindowBatches, ThrowWhatDrawingThrewInPlace) {
  const AudioStore silent = StoreBuilder().add("hush", Role::song, {{test::Channel(90000)}}).build();
  const Mixer mixer(silent, of_songs());
  for (const int workers : {0, 2}) {
    WindowBatches stream(mixer, {}, {.count = 5, .batch_size = 8, .workers = workers});
    EXPECT_THROW(static_cast<void>(stream.next()), Error);
  }
}

TEST(WindowBatches, RefuseSharesThatAreNotEqualAndPiecesShorterThanAWindow) {
  const Mixer mixer(store(), of_songs());
  EXPECT_THROW(WindowBatches(mixer, {}, {.count = 1, .batch_size = 10, .rank = 0, .ranks = 4}), Error);
  MixerOptions tiny = of_songs();
  tiny.piece_samples = 1000;
  const Mixer of_tiny(store(), tiny);
  EXPECT_THROW(WindowBatches(of_tiny, {}, {.count = 1, .batch_size = 10}), Error);
}

}  // namespace
}  // namespace svsep
