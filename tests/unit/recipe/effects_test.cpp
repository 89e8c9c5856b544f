#include "recipe/effects.hpp"

#include "recipe/level.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <numbers>
#include <numeric>
#include <set>
#include <string>

namespace svsep {
namespace {

constexpr int kRateHz = 22050;

AudioBuffer noise(std::size_t samples, std::size_t channels = 1, double peak = 1.7, std::uint64_t seed = 0) {
  Rng rng({seed});
  AudioBuffer audio(channels, samples);
  for (std::vector<float>& channel : audio.channels) {
    for (float& value : channel) value = static_cast<float>(rng.uniform(-peak, peak));
  }
  return audio;
}

std::vector<float> sine(std::size_t samples, double hz, double amplitude = 1.0) {
  std::vector<float> signal(samples);
  for (std::size_t n = 0; n < samples; ++n) {
    signal[n] = static_cast<float>(amplitude *
                                   std::sin(2 * std::numbers::pi * hz * static_cast<double>(n) / kRateHz));
  }
  return signal;
}

const std::map<std::string, std::function<void(AudioBuffer&, Rng&)>> kEffects = {
    {"equalise", [](AudioBuffer& audio, Rng& rng) { equalise(audio, 7, rng); }},
    {"compress", [](AudioBuffer& audio, Rng& rng) { compress(audio, kRateHz, rng); }},
    {"overdrive", [](AudioBuffer& audio, Rng& rng) { overdrive(audio, rng); }},
    {"double_voice", [](AudioBuffer& audio, Rng& rng) { double_voice(audio, kRateHz, rng); }},
    {"sing_twice", [](AudioBuffer& audio, Rng& rng) { sing_twice(audio, kRateHz, rng); }},
    {"stack", [](AudioBuffer& audio, Rng& rng) { stack(audio, kRateHz, rng); }},
    {"robotise", [](AudioBuffer& audio, Rng& rng) { robotise(audio, kRateHz, rng); }},
    {"chop", [](AudioBuffer& audio, Rng& rng) { chop(audio, kRateHz, rng); }},
    {"cut_lows", [](AudioBuffer& audio, Rng& rng) { cut_lows(audio, kRateHz, rng); }},
    {"breathe", [](AudioBuffer& audio, Rng& rng) { breathe(audio, rng); }},
    {"chorus", [](AudioBuffer& audio, Rng& rng) { chorus(audio, kRateHz, rng); }},
    {"harmonise", [](AudioBuffer& audio, Rng& rng) { harmonise(audio, kRateHz, rng); }},
    {"echo", [](AudioBuffer& audio, Rng& rng) { echo(audio, kRateHz, rng); }},
    {"reverberate", [](AudioBuffer& audio, Rng& rng) { reverberate(audio, kRateHz, rng); }},
    {"rest", [](AudioBuffer& audio, Rng& rng) { rest(audio, kRateHz, rng); }},
};

TEST(Effects, KeepTheLengthAndStayFiniteForAnySignal) {
  for (const auto& [name, effect] : kEffects) {
    for (const std::size_t samples : {1U, 2U, 63U, 1000U, 30000U}) {
      for (const double peak : {0.0, 1e-20, 1.7, 1e4}) {
        for (std::uint64_t seed = 0; seed < 4; ++seed) {
          AudioBuffer audio = noise(samples, 2, peak);
          Rng rng({seed});
          effect(audio, rng);
          ASSERT_EQ(audio.channels.size(), 2U);
          for (const std::vector<float>& channel : audio.channels) {
            ASSERT_EQ(channel.size(), samples) << name;
            ASSERT_TRUE(std::all_of(channel.begin(), channel.end(), [](float x) { return std::isfinite(x); }))
                << name << " of " << samples << " samples within " << peak;
          }
        }
      }
    }
  }
}

TEST(Effects, LeaveSilenceSilentAndFollowFromTheGenerator) {
  for (const auto& [name, effect] : kEffects) {
    AudioBuffer silence(2, 20000);
    AudioBuffer once = noise(20000, 2);
    AudioBuffer again = once;
    AudioBuffer other = once;
    Rng rng({1});
    effect(silence, rng);
    EXPECT_EQ(rms(silence), 0.0) << name;
    (rng = Rng({2}), effect(once, rng));
    (rng = Rng({2}), effect(again, rng));
    (rng = Rng({3}), effect(other, rng));
    EXPECT_EQ(once.channels, again.channels) << name;
    EXPECT_NE(once.channels, other.channels) << name;
  }
}

TEST(Effects, TreatChannelsAlikeButForThoseThatSpread) {
  const std::set<std::string> spread = {"reverberate", "double_voice", "sing_twice", "stack",
                                        "breathe",     "chorus",       "harmonise"};
  for (const auto& [name, effect] : kEffects) {
    AudioBuffer audio = with_channels(noise(20000), 2);
    Rng rng({4});
    effect(audio, rng);
    EXPECT_NE(audio.channels[0] == audio.channels[1], spread.contains(name)) << name;
  }
}

TEST(ResampleBy, ChangesPitchAndTempoTogether) {
  const std::vector<float> tone = sine(30000, 440);
  const std::vector<float> higher = resample_by(tone, 1.25, 20000);
  const std::vector<float> expected = sine(20000, 550);
  for (std::size_t n = 0; n < 20000; ++n) ASSERT_NEAR(higher[n], expected[n], 2e-3);
  EXPECT_EQ(resample_by(tone, 1.0, tone.size()), tone);
}

TEST(ResampleBy, IsExactForAParabola) {
  std::vector<float> parabola;
  for (int n = 0; n < 100; ++n) parabola.push_back(static_cast<float>(0.01 * n * n - 0.3 * n));
  const std::vector<float> result = resample_by(parabola, 0.7, 100);
  for (std::size_t n = 2; n < 100; ++n) {  // its first neighbours are cut off
    const double at = 0.7 * static_cast<double>(n);
    EXPECT_NEAR(result[n], 0.01 * at * at - 0.3 * at, 1e-4);
  }
}

TEST(Equalise, ChangesEveryFrequencyByNoMoreThanAskedFor) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    Rng rng({seed});
    for (const double hz : {60.0, 500.0, 3000.0, 9000.0}) {
      AudioBuffer audio(0, 0);
      audio.channels.push_back(sine(22050, hz));
      equalise(audio, 7, rng);
      AudioBuffer middle;  // away from the ends, where the filter sees silence
      middle.channels.emplace_back(audio.channels[0].begin() + 2000, audio.channels[0].begin() + 20000);
      EXPECT_LT(std::abs(20 * std::log10(rms(middle) * std::numbers::sqrt2)), 7.3) << hz;
    }
  }
}

TEST(BandLimits, LeaveMostPiecesAsTheyAreAndOthersWithoutTop) {
  int limited = 0;
  int without_top = 0;
  Rng rng({0});
  for (int i = 0; i < 400; ++i) {
    const std::vector<float> gains = draw_band_limits(kRateHz / 2.0, kRateHz, rng);
    if (gains.empty()) continue;
    ++limited;
    EXPECT_LE(*std::max_element(gains.begin(), gains.end()), 1.0F);
    if (gains.back() < 0.02F) ++without_top;
  }
  EXPECT_NEAR(limited, 400 * 0.37, 40);  // 1 - 0.7 * 0.9
  EXPECT_NEAR(without_top, 400 * 0.3, 40);
}

TEST(BandLimits, EndWhereANarrowRecordingDoes) {
  Rng rng({0});
  for (int i = 0; i < 20; ++i) {
    const std::vector<float> gains = draw_band_limits(7600, kRateHz, rng);
    ASSERT_EQ(gains.size(), 2049U);
    EXPECT_LT(*std::max_element(gains.begin() + 1500, gains.end()), 1e-3F);  // above 8.1 kHz
  }
}

TEST(BandLimits, TakeAwayWhatTheySay) {
  std::vector<float> gains(2049, 1.0F);
  std::fill(gains.begin() + 1024, gains.end(), 1e-3F);  // above 5.5 kHz
  AudioBuffer audio(0, 0);
  audio.channels.push_back(sine(22050, 8000));
  limit_band(audio, gains);
  std::fill_n(audio.channels[0].begin(), 2000, 0.0F);
  std::fill_n(audio.channels[0].end() - 2000, 2000, 0.0F);
  EXPECT_LT(rms(audio), 2e-3);
}

TEST(Compress, EvensOutLevels) {
  AudioBuffer audio = noise(22050);
  std::for_each(audio.channels[0].begin() + 11025, audio.channels[0].end(), [](float& x) { x *= 0.1F; });
  const auto ratio = [](const AudioBuffer& of) {
    AudioBuffer loud;
    AudioBuffer quiet;
    loud.channels.emplace_back(of.channels[0].begin() + 1000, of.channels[0].begin() + 10000);
    quiet.channels.emplace_back(of.channels[0].begin() + 12000, of.channels[0].begin() + 21000);
    return rms(loud) / rms(quiet);
  };
  const double before = ratio(audio);
  Rng rng({0});
  compress(audio, kRateHz, rng);
  // The level to the power of 1 - 0.3 .. 1 - 0.7, had the power no floor.
  EXPECT_LT(ratio(audio), std::pow(before, 0.75));
  EXPECT_GT(ratio(audio), std::pow(before, 0.25));
}

TEST(Overdrive, BendsLoudSamplesTowardsZeroAndKeepsTheirSigns) {
  AudioBuffer audio(0, 0);
  audio.channels.push_back({-10.0F, -1.0F, -0.001F, 0.0F, 0.001F, 1.0F, 10.0F});
  const AudioBuffer dry = audio;
  Rng rng({0});
  overdrive(audio, rng);
  for (std::size_t n = 0; n < 7; ++n) EXPECT_EQ(audio.channels[0][n], -audio.channels[0][6 - n]);
  EXPECT_TRUE(std::is_sorted(audio.channels[0].begin(), audio.channels[0].end()));
  EXPECT_NEAR(audio.channels[0][4], 0.001F, 1e-6);
  EXPECT_LT(audio.channels[0][6] / audio.channels[0][5], 3.0F);
}

TEST(Echo, RepeatsAnImpulseThreeTimesInAGeometricSeries) {
  AudioBuffer audio(1, 50000);
  audio.channels[0][0] = 1.0F;
  Rng rng({0});
  echo(audio, kRateHz, rng);
  std::vector<std::size_t> places;
  for (std::size_t n = 0; n < 50000; ++n) {
    if (audio.channels[0][n] != 0.0F) places.push_back(n);
  }
  ASSERT_EQ(places.size(), 4U);
  EXPECT_EQ(places[2], 2 * places[1]);
  EXPECT_EQ(places[3], 3 * places[1]);
  const float gain = audio.channels[0][places[1]];
  EXPECT_NEAR(audio.channels[0][places[3]], gain * gain * gain, 1e-6);
}

TEST(Reverberate, AddsATailThatDecaysAndDiffersBetweenChannels) {
  AudioBuffer audio(2, 60000);
  for (std::vector<float>& channel : audio.channels) std::fill_n(channel.begin(), 100, 1.0F);
  Rng rng({1});
  reverberate(audio, kRateHz, rng);
  const auto power = [&](std::size_t c, std::size_t first, std::size_t end) {
    double sum = 0.0;
    for (std::size_t n = first; n < end; ++n) sum += std::pow(double{audio.channels[c][n]}, 2);
    return sum;
  };
  EXPECT_GT(power(0, 800, 3000), 0.0);
  EXPECT_GT(power(0, 800, 3000), 3 * power(0, 40000, 42200));
  EXPECT_NE(audio.channels[0], audio.channels[1]);
  EXPECT_EQ(audio.channels[0][50], 1.0F);  // the room answers later
}

TEST(DoubleVoice, AddsCopiesThatAreLateByAtMost80Milliseconds) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    AudioBuffer audio(1, 22050);
    audio.channels[0][1000] = 1.0F;
    Rng rng({seed});
    double_voice(audio, kRateHz, rng);
    double copies = 0.0;
    for (std::size_t n = 0; n < 22050; ++n) {
      if (n == 1000 || audio.channels[0][n] == 0.0F) continue;
      copies += double{audio.channels[0][n]};
      EXPECT_GT(n, 1000U + 30);
      EXPECT_LT(n, 1000U + 0.08 * kRateHz);
    }
    EXPECT_GT(copies, 0.28);
    EXPECT_LT(copies, 2.1);
  }
}

TEST(SingTwice, IsAsLoudInTheSidesAsInTheMiddle) {
  double middle = 0.0;
  double sides = 0.0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    AudioBuffer audio = with_channels(noise(22050), 2);
    Rng rng({seed});
    sing_twice(audio, kRateHz, rng);
    for (std::size_t n = 2000; n < 22050; ++n) {
      middle += std::pow(double{audio.channels[0][n]} + double{audio.channels[1][n]}, 2);
      sides += std::pow(double{audio.channels[0][n]} - double{audio.channels[1][n]}, 2);
    }
  }
  EXPECT_GT(sides, 0.6 * middle);  // half keep a voice in the middle
  EXPECT_LT(sides, middle);
}

/// The share of the power that lies at a frequency: 1 for a sine.
double share_at(const std::vector<float>& signal, double hz) {
  std::complex<double> sum = 0;
  double power = 0.0;
  for (std::size_t n = 0; n < signal.size(); ++n) {
    const double angle = 2 * std::numbers::pi * hz * static_cast<double>(n) / kRateHz;
    sum += double{signal[n]} * std::polar(1.0, -angle);
    power += std::pow(double{signal[n]}, 2);
  }
  return 2 * std::norm(sum) / (static_cast<double>(signal.size()) * power);
}

double rms_of(const std::vector<float>& signal) {
  AudioBuffer audio;
  audio.channels = {signal};
  return rms(audio);
}

TEST(Stack, AddsTakesOfTheSamePitchAndOfOthers) {
  bool same = false, other = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    AudioBuffer audio;
    audio.channels = {sine(44100, 440), sine(44100, 440)};
    Rng rng({seed});
    stack(audio, kRateHz, rng);
    const std::vector<float> later(audio.channels[0].begin() + 4410, audio.channels[0].end());
    const double at_pitch = share_at(later, 440);
    same = same || at_pitch > 0.85;
    other = other || at_pitch < 0.6;
  }
  EXPECT_TRUE(same);
  EXPECT_TRUE(other);
}

TEST(Robotise, GivesEveryNoteOneTone) {
  AudioBuffer audio = noise(22050, 1);
  double most = 0.0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {  // some have one note only, a tone of at least a second
    AudioBuffer robot = audio;
    Rng rng({seed});
    robotise(robot, kRateHz, rng);
    for (std::size_t period = 60; period <= 222; period += 2) {
      double product = 0.0, power = 0.0;
      for (std::size_t n = 4000; n < 12000; ++n) {
        product += double{robot.channels[0][n]} * double{robot.channels[0][n + period]};
        power += std::pow(double{robot.channels[0][n]}, 2);
      }
      most = std::max(most, product / power);
    }
  }
  EXPECT_GT(most, 0.5);  // of noise: 0.05
}

TEST(Chop, LeavesSlicesAndSilenceOfOneLength) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    AudioBuffer audio;
    audio.channels = {std::vector<float>(44100, 1.0F)};
    Rng rng({seed});
    chop(audio, kRateHz, rng);
    std::size_t slice = 0;  // what all distances between the slices' ends are multiples of
    std::size_t last = 0;
    for (std::size_t n = 1; n < audio.samples() - 100; ++n) {  // the last slice may be cut
      EXPECT_LE(audio.channels[0][n], 1.0F);
      if (audio.channels[0][n] >= 0.5F || audio.channels[0][n - 1] < 0.5F) continue;
      if (last > 0) slice = std::gcd(slice, n - last);
      last = n;
    }
    EXPECT_GT(slice, 0.08 * kRateHz) << seed;
  }
}

TEST(CutLows, TakesTheBottomAndLeavesTheMiddle) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    AudioBuffer audio;
    audio.channels = {sine(22050, 25), sine(22050, 1500)};
    Rng rng({seed});
    cut_lows(audio, kRateHz, rng);
    EXPECT_LT(rms_of(audio.channels[0]), 0.75 * 0.42) << seed;
    EXPECT_GT(rms_of(audio.channels[1]), 0.85 * std::sqrt(0.5)) << seed;
  }
}

TEST(Breathe, AddsAVoiceWithoutPitchAndSometimesWhispers) {
  int whispers = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    AudioBuffer audio;
    audio.channels = {sine(22050, 430)};
    Rng rng({seed});
    breathe(audio, rng);
    const double pitched = share_at(audio.channels[0], 430);
    whispers += pitched < 0.3;
    EXPECT_LT(pitched, 0.995) << seed;
    EXPECT_GT(rms(audio), 0.9 * std::sqrt(0.5)) << seed;
    EXPECT_LT(rms(audio), 1.4 * std::sqrt(0.5)) << seed;
  }
  EXPECT_GT(whispers, 2);
  EXPECT_LT(whispers, 20);
}

TEST(Chorus, AddsACopyThatIsLateByAtMost30Milliseconds) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    AudioBuffer audio(2, 22050);
    for (auto& channel : audio.channels) channel[1000] = 1.0F;
    Rng rng({seed});
    chorus(audio, kRateHz, rng);
    for (const auto& channel : audio.channels) {
      double copy = 0.0;
      for (std::size_t n = 0; n < 22050; ++n) {
        if (n == 1000 || channel[n] == 0.0F) continue;
        copy += double{channel[n]};
        EXPECT_GT(n, 1000U + 0.0008 * kRateHz);
        EXPECT_LT(n, 1000U + 0.03 * kRateHz);
      }
      EXPECT_GT(copy, 0.35);
      EXPECT_LT(copy, 1.1);
    }
  }
}

TEST(Harmonise, AddsTheVoiceAtOtherNotesInTheSameTime) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const std::vector<float> dry = sine(22050, 400);
    AudioBuffer audio;
    audio.channels = {dry};
    Rng rng({seed});
    harmonise(audio, kRateHz, rng);
    std::vector<float> added = audio.channels[0];
    for (std::size_t n = 0; n < added.size(); ++n) added[n] -= dry[n];
    double best = 0.0;
    for (int cents = -1250; cents <= 1250; cents += 2) {
      if (std::abs(cents) < 250) continue;
      best = std::max(best, share_at(added, 400 * std::exp2(cents / 1200.0)));
    }
    EXPECT_GT(best, 0.05) << seed;
    EXPECT_LT(share_at(added, 400), 0.02) << seed;
    const auto level = [&](std::ptrdiff_t first) {
      return rms_of({added.begin() + first, added.begin() + first + 5000});
    };
    EXPECT_NEAR(level(16000) / level(3000), 1.0, 0.5) << seed;  // to the end
  }
}

TEST(Rest, SilencesAStretchWithFades) {
  AudioBuffer audio(1, 60000);
  std::fill(audio.channels[0].begin(), audio.channels[0].end(), 1.0F);
  Rng rng({3});
  rest(audio, kRateHz, rng);
  EXPECT_EQ(*std::min_element(audio.channels[0].begin(), audio.channels[0].end()), 0.0F);
  for (std::size_t n = 1; n < 60000; ++n) {
    ASSERT_LT(std::abs(audio.channels[0][n] - audio.channels[0][n - 1]), 0.01F);  // no click
  }
}

TEST(Spread, KeepsAboutThePowerAndMostlyMakesChannelsThatDiffer) {
  const AudioBuffer mono = noise(20000);
  Rng rng({0});
  int alike = 0;
  for (int i = 0; i < 40; ++i) {
    const AudioBuffer wide = spread(mono.channels[0], kRateHz, rng);
    ASSERT_EQ(wide.channels.size(), 2U);
    if (wide.channels[0] == wide.channels[1]) ++alike;
    EXPECT_GT(rms(wide), 0.8 * rms(mono));
    EXPECT_LT(rms(wide), 1.5 * rms(mono));
  }
  EXPECT_GT(alike, 2);
  EXPECT_LT(alike, 20);
}

TEST(Pan, KeepsThePowerOfTwoChannelsAndLeavesOneAsItIs) {
  AudioBuffer both(0, 0);
  both.channels = {noise(20000).channels[0], noise(20000).channels[0]};
  const double level = rms(both);
  Rng rng({1});
  pan(both, 1.0, rng);
  EXPECT_NEAR(rms(both), level, 1e-3 * level);
  AudioBuffer one = noise(1000);
  const AudioBuffer before = one;
  pan(one, 1.0, rng);
  EXPECT_EQ(one.channels, before.channels);
}

TEST(Downmix, MakesChannelsAlike) {
  AudioBuffer audio(2, 2);
  audio.channels = {{1, 2}, {3, -2}};
  downmix(audio, 0.5);
  EXPECT_EQ(audio.channels[0], (std::vector<float>{2, 0}));
  EXPECT_EQ(audio.channels[1], audio.channels[0]);
}

TEST(SilenceOutside, KeepsTheMiddleAndFades) {
  AudioBuffer audio(1, 10000);
  std::fill(audio.channels[0].begin(), audio.channels[0].end(), 1.0F);
  silence_outside(audio, 2000, 8000, kRateHz);
  EXPECT_EQ(audio.channels[0][1999], 0.0F);
  EXPECT_EQ(audio.channels[0][8000], 0.0F);
  EXPECT_EQ(audio.channels[0][5000], 1.0F);
  EXPECT_LT(audio.channels[0][2000], 0.01F);
  AudioBuffer whole = noise(1000);
  const AudioBuffer before = whole;
  silence_outside(whole, 0, 1000, kRateHz);
  EXPECT_EQ(whole.channels, before.channels);
}

TEST(SoundingRms, DoesNotCountRests) {
  AudioBuffer audio = noise(44100);
  const double level = rms(audio);
  std::fill(audio.channels[0].begin() + 10000, audio.channels[0].end(), 0.0F);
  EXPECT_LT(rms(audio), 0.6 * level);
  EXPECT_NEAR(sounding_rms(audio, kRateHz), level, 0.1 * level);
  EXPECT_EQ(sounding_rms(AudioBuffer(1, 5000), kRateHz), 0.0);
}

}  // namespace
}  // namespace svsep
