#include "separation/chunk_separator.hpp"

#include "support/separate.hpp"
#include "svsep/chunk_estimator.hpp"
#include "svsep/error.hpp"
#include "svsep/stft.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <complex>
#include <cstddef>
#include <functional>
#include <gtest/gtest.h>
#include <numbers>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace svsep {
namespace {

constexpr int kRateHz = 44100;

/// A rule on the samples of one channel of a chunk, in place of a network.
class FakeEstimator : public ChunkEstimator {
 public:
  using Rule = std::function<void(std::size_t stem, std::span<const float> chunk, std::span<float> out)>;

  FakeEstimator(ChunkParameters chunks, ChunkEnds ends, Rule rule)
      : chunks_(std::move(chunks)), ends_(ends), rule_(std::move(rule)) {}

  const ChunkParameters& chunks() const noexcept override { return chunks_; }
  ChunkEnds ends() const noexcept override { return ends_; }
  std::size_t batch_chunks() const noexcept override { return batch; }
  void want(const std::vector<bool>& wanted) override { asked = wanted; }
  void estimate(std::span<const float> mixture, std::span<float> stems) override {
    const std::size_t samples = chunks_.chunk_samples;
    const std::size_t inputs = mixture.size() / (chunks_.channels * samples);
    ASSERT_GE(inputs, 1U);
    ASSERT_LE(inputs, batch);
    ASSERT_EQ(stems.size(), mixture.size() * chunks_.stems.size());
    calls.push_back(inputs);
    for (std::size_t row = 0; row * samples < stems.size(); ++row) {
      const std::size_t channel = row % chunks_.channels;
      const std::size_t stem = row / chunks_.channels % chunks_.stems.size();
      const std::size_t input = row / chunks_.channels / chunks_.stems.size();
      const auto chunk = mixture.subspan((input * chunks_.channels + channel) * samples, samples);
      rule_(stem, chunk, stems.subspan(row * samples, samples));
    }
  }

  std::size_t batch = 1;
  std::vector<std::size_t> calls;  ///< inputs of each
  std::vector<bool> asked;

 private:
  ChunkParameters chunks_;
  ChunkEnds ends_;
  Rule rule_;
};

void copy(std::size_t /*stem*/, std::span<const float> chunk, std::span<float> out) {
  std::copy(chunk.begin(), chunk.end(), out.begin());
}

/// Another gain for every stem: 1, 0.5, 0.25 ...
void halve(std::size_t stem, std::span<const float> chunk, std::span<float> out) {
  for (std::size_t n = 0; n < out.size(); ++n) out[n] = std::ldexp(chunk[n], -static_cast<int>(stem));
}

/// Depends on where in its chunk a sample stands.
void ramp(std::size_t /*stem*/, std::span<const float> chunk, std::span<float> out) {
  for (std::size_t n = 0; n < out.size(); ++n) {
    out[n] = chunk[n] * static_cast<float>(n) / static_cast<float>(out.size());
  }
}

FakeEstimator fake(FakeEstimator::Rule rule, ChunkParameters chunks = {},
                   ChunkEnds ends = ChunkEnds::reflected) {
  if (chunks.chunk_samples == 0) chunks.chunk_samples = 1000;
  if (chunks.stems.empty()) chunks.stems = {"vocals"};
  return {std::move(chunks), ends, std::move(rule)};
}

std::vector<AudioBuffer> stems_of(FakeEstimator& estimator, const AudioBuffer& song,
                                  const std::vector<std::string>& stems, int rate_hz = kRateHz) {
  return separate_stems(estimator, song, rate_hz, {.stems = stems});
}

AudioBuffer sine(double hz, int rate_hz, std::size_t samples) {
  AudioBuffer song(1, samples);
  for (std::size_t n = 0; n < samples; ++n) {
    song.channels[0][n] =
        static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(n) / rate_hz));
  }
  return song;
}

TEST(ChunkSeparator, GivesTheMixtureToTheBitForANetworkThatCopies) {
  for (const ChunkEnds ends : {ChunkEnds::reflected, ChunkEnds::centred}) {
    for (const double overlap : {0.0, 0.25, 0.5, 0.75, 0.9}) {
      for (const std::size_t samples : {1U, 2U, 499U, 500U, 501U, 1000U, 1001U, 1500U, 5432U}) {
        FakeEstimator estimator = fake(copy, {.overlap = overlap}, ends);
        const AudioBuffer song = noise(2, samples);
        EXPECT_EQ(stems_of(estimator, song, {"vocals"})[0].channels, song.channels)
            << overlap << " of a chunk, " << samples << " samples";
      }
    }
  }
}

TEST(ChunkSeparator, TakesAnyChannelCountInPairs) {
  for (const std::size_t network_channels : {1U, 2U}) {
    for (const std::size_t channels : {1U, 2U, 3U, 6U}) {
      FakeEstimator estimator = fake(copy, {.channels = network_channels});
      estimator.batch = 4;
      const AudioBuffer song = noise(channels, 4000);
      EXPECT_EQ(stems_of(estimator, song, {"vocals"})[0].channels, song.channels);
    }
  }
}

TEST(ChunkSeparator, KeepsTheExactLengthAtEveryRate) {
  for (const int rate_hz : {8000, 22050, 44100, 48000, 192000}) {
    for (const std::size_t samples : {1U, 100U, 1023U, 44101U}) {
      FakeEstimator estimator = fake(copy);
      const std::vector<AudioBuffer> stems =
          stems_of(estimator, noise(1, samples), {"vocals", "accompaniment"}, rate_hz);
      EXPECT_EQ(stems[0].samples(), samples) << rate_hz;
      EXPECT_EQ(stems[1].samples(), samples) << rate_hz;
    }
  }
}

TEST(ChunkSeparator, GivesNothingForASongWithoutSamples) {
  FakeEstimator estimator = fake(copy);
  EXPECT_EQ(stems_of(estimator, AudioBuffer(2, 0), {"vocals"})[0].samples(), 0U);
  EXPECT_TRUE(estimator.calls.empty());
}

TEST(ChunkSeparator, GivesTheStemsTheRateThatIsAskedFor) {
  FakeEstimator estimator = fake(copy);
  const std::vector<AudioBuffer> stems =
      separate_stems(estimator, noise(2, 44101), kRateHz, {.output_sample_rate_hz = 48000});
  EXPECT_EQ(stems[0].samples(), 48001U);  // round(44101 * 48000 / 44100)
  EXPECT_EQ(stems[1].samples(), 48001U);
}

TEST(ChunkSeparator, KeepsASineInPlaceAtAnotherRate) {
  FakeEstimator estimator = fake(copy);
  const AudioBuffer song = sine(1000, 48000, 48000);
  const AudioBuffer vocals = stems_of(estimator, song, {"vocals"}, 48000)[0];
  EXPECT_LT(largest_difference(slice(vocals, 2000, 46000).channels[0], slice(song, 2000, 46000).channels[0]),
            2e-4);
}

TEST(ChunkSeparator, DoesNotDependOnHowTheSongIsCut) {
  for (const ChunkEnds ends : {ChunkEnds::reflected, ChunkEnds::centred}) {
    FakeEstimator estimator = fake(ramp, {.overlap = 0.6}, ends);
    const AudioBuffer song = noise(2, 20001);
    const auto cut = [&](const std::vector<std::size_t>& blocks) {
      return separate_stems(estimator, song, 32000, {}, blocks);
    };
    const std::vector<AudioBuffer> whole = cut({20001});
    for (const std::vector<std::size_t>& sizes :
         std::vector<std::vector<std::size_t>>{{1, 2, 3, 1021}, {997}, {4096, 1}}) {
      const std::vector<AudioBuffer> stems = cut(sizes);
      EXPECT_EQ(stems[0].channels, whole[0].channels);
      EXPECT_EQ(stems[1].channels, whole[1].channels);
    }
  }
}

TEST(ChunkSeparator, DoesNotDependOnTheBatch) {
  FakeEstimator one = fake(ramp);
  FakeEstimator four = fake(ramp);
  four.batch = 4;
  const AudioBuffer song = noise(3, 20001);  // two inputs a chunk
  EXPECT_EQ(stems_of(one, song, {"vocals"})[0].channels, stems_of(four, song, {"vocals"})[0].channels);
  EXPECT_EQ(*std::max_element(four.calls.begin(), four.calls.end()), 4U);
}

TEST(ChunkSeparator, AddsUpToTheMixture) {
  FakeEstimator estimator = fake(halve, {.stems = {"drums", "vocals"}});
  const AudioBuffer song = noise(2, 9000);
  for (const int rate_hz : {44100, 48000}) {
    const auto all = stems_of(estimator, song, {"all", "rest"}, rate_hz);
    const auto both = stems_of(estimator, song, {"vocals", "accompaniment"}, rate_hz);
    for (std::size_t n = 0; n < song.samples(); ++n) {
      const auto at = [n](const AudioBuffer& stem) { return stem.channels[1][n]; };
      ASSERT_NEAR(at(all[0]) + at(all[1]) + at(all[2]), at(song), 1e-6) << n;
      ASSERT_NEAR(at(both[0]) + at(both[1]), at(song), 1e-6) << n;
    }
  }
}

TEST(ChunkSeparator, GivesTheModelsOwnAccompanimentWhereItHasOne) {
  FakeEstimator estimator = fake(halve, {.stems = {"vocals", "accompaniment"}});
  const AudioBuffer song = noise(1, 3000);
  const auto stems = stems_of(estimator, song, {"accompaniment"});
  for (std::size_t n = 0; n < song.samples(); ++n) {
    ASSERT_EQ(stems[0].channels[0][n], song.channels[0][n] / 2);
  }
}

TEST(ChunkSeparator, TellsTheNetworkWhichStemsMatter) {
  FakeEstimator estimator = fake(halve, {.stems = {"drums", "bass", "vocals"}});
  const auto asked_for = [&](const std::vector<std::string>& stems) {
    (void)estimator.make_separator({}, {.stems = stems}, [](auto) {});
    return estimator.asked;
  };
  EXPECT_EQ(asked_for({}), (std::vector<bool>{false, false, true}));
  EXPECT_EQ(asked_for({"drums", "accompaniment"}), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(asked_for({"rest"}), (std::vector<bool>{true, true, true}));
}

TEST(ChunkSeparator, ContinuesTheSongByItsReflectionWhereChunksOverlap) {
  std::vector<std::vector<float>> seen;
  FakeEstimator estimator = fake(
      [&](std::size_t, std::span<const float> chunk, std::span<float> out) {
        seen.emplace_back(chunk.begin(), chunk.end());
        std::copy(chunk.begin(), chunk.end(), out.begin());
      },
      {.channels = 1, .chunk_samples = 8, .overlap = 0.5});
  AudioBuffer song(1, 10);
  for (std::size_t n = 0; n < 10; ++n) song.channels[0][n] = static_cast<float>(n);
  (void)stems_of(estimator, song, {"vocals"});
  const std::vector<std::vector<float>> expected = {
      {4, 3, 2, 1, 0, 1, 2, 3},
      {0, 1, 2, 3, 4, 5, 6, 7},
      {4, 5, 6, 7, 8, 9, 8, 7},
      {8, 9, 8, 7, 6, 5, 6, 7}};  // numpy.pad(song, 4, "reflect"), the last chunk's end reflected again
  EXPECT_EQ(seen, expected);
}

TEST(ChunkSeparator, PutsTheEndInTheMiddleOfTheLastChunkWhereTheFamilyDoes) {
  std::vector<std::vector<float>> seen;
  FakeEstimator estimator = fake(
      [&](std::size_t, std::span<const float> chunk, std::span<float> out) {
        seen.emplace_back(chunk.begin(), chunk.end());
        std::copy(chunk.begin(), chunk.end(), out.begin());
      },
      {.channels = 1, .chunk_samples = 8, .overlap = 0.25}, ChunkEnds::centred);
  AudioBuffer song(1, 10);
  for (std::size_t n = 0; n < 10; ++n) song.channels[0][n] = static_cast<float>(n + 1);
  (void)stems_of(estimator, song, {"vocals"});
  const std::vector<std::vector<float>> expected = {{1, 2, 3, 4, 5, 6, 7, 8}, {5, 6, 7, 8, 9, 10, 0, 0}};
  EXPECT_EQ(seen, expected);
}

/// The largest magnitude away from the sine's bin, against its own, in dB; not at the ends, where the
/// transform sees an edge.
double stray_db(const std::vector<float>& samples, double hz) {
  const StftParameters sizes{2048, 2048, 256};
  constexpr std::size_t kEdgeFrames = 5;
  const std::size_t frames = sizes.frames(samples.size());
  std::size_t at = 0;
  double peak = 0;
  double stray = 0;
  Stft stft(sizes, [&](Spectrum frame) {
    const bool is_edge = at < kEdgeFrames || at + kEdgeFrames >= frames;
    ++at;
    for (std::size_t bin = 0; bin < frame.size() && !is_edge; ++bin) {
      const double distance = std::abs(static_cast<double>(bin) - hz * 2048 / kRateHz);
      double& largest = distance < 40 ? peak : stray;
      largest = std::max(largest, static_cast<double>(std::abs(frame[bin])));
    }
  });
  stft.push(samples);
  stft.finish();
  return 20 * std::log10(stray / peak);
}

TEST(ChunkSeparator, ShowsNoClickWhereChunksMeet) {
  // A network whose gain depends on the chunk, as a chunk's level moves a real one: the fades have to hide
  // it.
  for (const ChunkEnds ends : {ChunkEnds::reflected, ChunkEnds::centred}) {
    int turn = 0;
    FakeEstimator estimator = fake(
        [&](std::size_t, std::span<const float> chunk, std::span<float> out) {
          const float gain = turn++ % 2 == 0 ? 1.0F : 0.9F;
          for (std::size_t n = 0; n < out.size(); ++n) out[n] = gain * chunk[n];
        },
        {.channels = 1, .chunk_samples = 22050, .overlap = 0.25}, ends);
    const AudioBuffer song = sine(1000, kRateHz, 5 * 44100);
    const AudioBuffer vocals = stems_of(estimator, song, {"vocals"})[0];
    EXPECT_LT(stray_db(vocals.channels[0], 1000), -70);
    EXPECT_LT(stray_db(song.channels[0], 1000), -80) << "the measure itself";
  }
}

TEST(ChunkSeparator, HoldsAFewChunksHoweverLongTheSong) {
  constexpr std::size_t kChunk = 4096;
  FakeEstimator estimator = fake(copy, {.channels = 1, .chunk_samples = kChunk});
  std::atomic<std::size_t> given = 0;
  std::size_t furthest = 0;  // that the stems were behind the song
  const auto separator = estimator.make_separator(
      {kRateHz, 1}, {}, [&](std::span<const AudioBuffer> stems) { given += stems[0].samples(); });
  const AudioBuffer block = noise(1, 1000);
  for (std::size_t pushed = 0; pushed < 2'000'000; pushed += block.samples()) {
    separator->push(block);
    furthest = std::max(furthest, pushed - std::min<std::size_t>(pushed, given));
  }
  separator->finish();
  EXPECT_EQ(given, 2'000'000U);
  EXPECT_LT(furthest, 8 * kChunk);
}

TEST(ChunkSeparator, RefusesStemsAndBlocksThatDoNotFit) {
  FakeEstimator estimator = fake(copy);
  EXPECT_THROW((void)estimator.make_separator({}, {.stems = {"piano"}}, [](auto) {}), Error);
  EXPECT_THROW((void)estimator.make_separator({0, 2}, {}, [](auto) {}), Error);
  EXPECT_THROW((void)estimator.make_separator({44100, 0}, {}, [](auto) {}), Error);
  const auto separator = estimator.make_separator({44100, 2}, {}, [](auto) {});
  EXPECT_THROW(separator->push(AudioBuffer(1, 10)), Error);
}

TEST(ChunkSeparator, ThrowsWhatTheNetworkThrows) {
  FakeEstimator estimator = fake([](auto, auto, auto) { throw Error(ErrorKind::runtime, "no memory"); });
  const auto separator = estimator.make_separator({44100, 1}, {}, [](auto) {});
  EXPECT_THROW(
      {
        separator->push(AudioBuffer(1, 5000));
        separator->finish();
      },
      Error);
}

}  // namespace
}  // namespace svsep
