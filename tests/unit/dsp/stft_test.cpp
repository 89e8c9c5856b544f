#include "svsep/stft.hpp"

#include "golden.hpp"
#include "signals.hpp"
#include "svsep/error.hpp"

#include <array>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <thread>
#include <tuple>

namespace svsep {
namespace {

using test::Frames;
using test::inverse_stft;
using test::largest_difference;
using test::noise;
using test::stft;

constexpr StftParameters kThesis{4096, 1024, 256};
constexpr StftParameters kFullWindow{2048, 2048, 512};
constexpr StftParameters kThirds{96, 96, 32};

TEST(Stft, GivesOneFrameEveryHopOfSamples) {
  EXPECT_TRUE(stft(kThesis, {}).empty());
  for (const std::size_t samples :
       {1U, 2U, 255U, 256U, 257U, 511U, 512U, 513U, 1023U, 1024U, 5000U, 22050U}) {
    const Frames frames = stft(kThesis, noise(samples));
    EXPECT_EQ(frames.size(), 1 + samples / 256) << samples << " samples";
    EXPECT_EQ(frames.size(), kThesis.frames(samples));
    EXPECT_EQ(frames.front().size(), kThesis.bins());
  }
}

TEST(Stft, DoesNotDependOnBlockSizes) {
  for (const auto& parameters : {kThesis, kFullWindow, kThirds}) {
    const std::vector<float> signal = noise(20011);
    const Frames whole = stft(parameters, signal, signal.size());
    for (const std::size_t block : {0U, 1U, 7U, 255U, 256U, 257U, 10000U}) {
      EXPECT_EQ(stft(parameters, signal, block), whole) << "blocks of " << block;
    }
  }
}

TEST(Stft, GivesAFrameAsSoonAsItsWindowIsComplete) {
  std::size_t frames = 0;
  Stft analysis(kThesis, [&](Spectrum) { ++frames; });
  analysis.push(noise(20000));
  EXPECT_EQ(frames, 1 + (20000 - 512) / 256);
}

TEST(Stft, IsLinear) {
  const std::vector<float> a = noise(5000, 1);
  const std::vector<float> b = noise(5000, 2);
  std::vector<float> both(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) both[i] = 0.5F * a[i] - 2.0F * b[i];
  const Frames frames_a = stft(kThesis, a);
  const Frames frames_b = stft(kThesis, b);
  const Frames frames_both = stft(kThesis, both);
  for (std::size_t t = 0; t < frames_both.size(); ++t) {
    for (std::size_t f = 0; f < kThesis.bins(); ++f) {
      EXPECT_LT(std::abs(frames_both[t][f] - (0.5F * frames_a[t][f] - 2.0F * frames_b[t][f])), 2e-4F);
    }
  }
}

TEST(Stft, KeepsTheEnergyOfTheWindowedSamples) {  // Parseval
  const std::vector<float> signal = noise(4096);
  const Frames frames = stft(kThesis, signal);
  const std::size_t t = 8;  // centred on sample 2048, far from both ends
  double spectral = 0.0;
  for (std::size_t f = 0; f < kThesis.bins(); ++f) {
    spectral += (f == 0 || f == kThesis.bins() - 1 ? 1.0 : 2.0) * std::norm(frames[t][f]);
  }
  double temporal = 0.0;
  for (std::size_t i = 0; i < 1024; ++i) {
    const double window = 0.5 - 0.5 * std::cos(2.0 * std::numbers::pi * static_cast<double>(i) / 1024.0);
    const double value = window * signal[2048 - 512 + i];
    temporal += value * value;
  }
  EXPECT_NEAR(spectral / 4096.0, temporal, 1e-5 * temporal);
}

TEST(Stft, WorksInSeveralThreadsAtOnce) {
  const std::vector<float> signal = noise(3000);
  const Frames expected = stft(kThesis, signal);
  std::array<Frames, 8> results;
  std::vector<std::thread> threads;
  for (Frames& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) result = stft(kThesis, signal);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Frames& result : results) EXPECT_EQ(result, expected);
}

TEST(Stft, RefusesUnusableSizes) {
  for (const StftParameters& good :
       {kThesis, kFullWindow, kThirds, StftParameters{4, 4, 2}, StftParameters{1048576, 1048576, 524288}}) {
    EXPECT_NO_THROW(validate(good));
  }
  for (const StftParameters& bad :
       {StftParameters{0, 0, 0}, StftParameters{4095, 1024, 256}, StftParameters{1024, 2048, 512},
        StftParameters{4096, 1024, 0}, StftParameters{4096, 1024, 1}, StftParameters{4096, 1024, 1024},
        StftParameters{4096, 1024, 300}, StftParameters{2097152, 1024, 256}, StftParameters{90, 90, 15}}) {
    try {
      validate(bad);
      ADD_FAILURE() << "accepted " << bad.fft_samples << ", " << bad.window_samples << ", "
                    << bad.hop_samples;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::model);
    }
    EXPECT_THROW(Stft(bad, [](Spectrum) {}), Error);
    EXPECT_THROW(InverseStft(bad, [](Samples) {}), Error);
  }
}

TEST(InverseStft, ReturnsTheSamplesThatWentIn) {
  for (const auto& parameters : {kThesis, kFullWindow, kThirds}) {
    std::vector<std::size_t> lengths{1, 2, 3, 5, 511, 512, 513, 514, 1023, 1024, 1025, 22050, 100003};
    for (std::size_t length = 4; length <= 3000; length += 41) lengths.push_back(length);
    for (const std::size_t length : lengths) {
      const std::vector<float> signal = noise(length);
      const auto back = inverse_stft(parameters, stft(parameters, signal), length);
      EXPECT_LT(largest_difference(back, signal), 1e-6) << length << " samples";
    }
  }
}

TEST(InverseStft, ReturnsTheSamplesOfHalfOverlappingWindows) {
  // The last samples may lie where the last frame's window is almost 0: up to (window / 2 pi)^2 times the
  // error.
  const StftParameters parameters{256, 256, 128};
  for (std::size_t length = 1; length <= 1000; length += 3) {
    const std::vector<float> signal = noise(length);
    const auto back = inverse_stft(parameters, stft(parameters, signal), length);
    EXPECT_LT(largest_difference(back, signal), 2e-3) << length << " samples";
  }
}

TEST(InverseStft, CutsOrFillsToTheLengthAskedFor) {
  const std::vector<float> signal = noise(5000);
  const Frames frames = stft(kThesis, signal);
  const auto longer = inverse_stft(kThesis, frames, 9000);
  ASSERT_EQ(longer.size(), 9000U);
  EXPECT_LT(largest_difference(std::span(longer).first(5000), signal), 1e-6);
  EXPECT_TRUE(std::all_of(longer.begin() + 19 * 256 + 512, longer.end(), [](float x) { return x == 0.0F; }));
  EXPECT_EQ(inverse_stft(kThesis, frames, 4900).size(), 4900U);
  EXPECT_EQ(inverse_stft(kThesis, {}, 700), std::vector<float>(700));
  EXPECT_TRUE(inverse_stft(kThesis, {}, 0).empty());
}

TEST(InverseStft, GivesSamplesAsSoonAsNoLaterFrameTouchesThem) {
  const Frames frames = stft(kThesis, noise(20000));
  std::size_t samples = 0;
  InverseStft synthesis(kThesis, [&](Samples block) { samples += block.size(); });
  for (std::size_t t = 0; t < 10; ++t) synthesis.push(frames[t]);
  EXPECT_EQ(samples, 10U * 256U - 512U);
}

TEST(InverseStft, TurnsComplementaryMasksIntoStemsThatSumToTheMixture) {
  const std::vector<float> mixture = noise(30000);
  Frames vocals = stft(kThesis, mixture);
  Frames accompaniment = vocals;
  Rng rng({7});
  for (std::size_t t = 0; t < vocals.size(); ++t) {
    for (std::size_t f = 0; f < kThesis.bins(); ++f) {
      const auto mask = static_cast<float>(rng.uniform());
      vocals[t][f] *= mask;
      accompaniment[t][f] *= 1.0F - mask;
    }
  }
  auto sum = inverse_stft(kThesis, vocals, mixture.size());
  const auto rest = inverse_stft(kThesis, accompaniment, mixture.size());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += rest[i];
  EXPECT_LT(largest_difference(sum, mixture), 1e-6);
}

// The golden values: python3 scripts/make_golden_dsp.py (librosa 0.11.0).
class StftGolden : public testing::TestWithParam<std::tuple<StftParameters, std::size_t>> {
 protected:
  StftParameters parameters_ = std::get<0>(GetParam());
  std::size_t samples_ = std::get<1>(GetParam());
  std::map<std::string, std::vector<float>> golden_ = test::read_golden("dsp_stft.txt");
  std::string case_ = std::to_string(samples_) + "-" + std::to_string(parameters_.fft_samples) + "-" +
                      std::to_string(parameters_.window_samples) + "-" +
                      std::to_string(parameters_.hop_samples);
  Frames frames_ = stft(parameters_, golden_.at("signal-" + std::to_string(samples_)));
};

TEST_P(StftGolden, FramesAreThoseOfLibrosa) {
  std::vector<float> values;
  for (const auto& frame : frames_) {
    for (std::size_t f = 0; f < frame.size(); f += 23) {
      values.push_back(frame[f].real());
      values.push_back(frame[f].imag());
    }
  }
  const std::vector<float>& expected = golden_.at("stft-" + case_);
  const auto [lowest, highest] = std::minmax_element(expected.begin(), expected.end());
  const float peak = std::max(-*lowest, *highest);
  EXPECT_LT(largest_difference(values, expected), 1e-6 * peak);
}

TEST_P(StftGolden, MaskedSamplesAreThoseOfLibrosa) {
  for (std::size_t t = 0; t < frames_.size(); ++t) {
    for (std::size_t f = 0; f < frames_[t].size(); ++f) {
      frames_[t][f] *= static_cast<float>((3 * f + 5 * t) % 8) / 8.0F;
    }
  }
  EXPECT_LT(largest_difference(inverse_stft(parameters_, frames_, samples_), golden_.at("masked-" + case_)),
            1e-6);
}

INSTANTIATE_TEST_SUITE_P(OfLibrosa, StftGolden,
                         testing::Combine(testing::Values(kThesis, kFullWindow),
                                          testing::Values(1, 2, 300, 2500)),
                         [](const auto& test) {
                           return "Fft" + std::to_string(std::get<0>(test.param).fft_samples) + "Of" +
                                  std::to_string(std::get<1>(test.param)) + "Samples";
                         });

}  // namespace
}  // namespace svsep
