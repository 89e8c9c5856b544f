#include "plot/spectrogram_figure.hpp"

#include "plot/axis.hpp"
#include "plot/canvas.hpp"
#include "support/audio_files.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <sys/resource.h>

namespace svsep {
namespace {

using plot::Box;
using plot::Colour;
using plot::magma;
using plot::Scale;
using plot::viridis;
using test::noise;
using test::sine;

constexpr int kRateHz = 44100;
constexpr Colour kNothing = {214, 214, 214};
constexpr Scale kFrequency = {30.0, 20000.0, true};
enum Panel { mixture, vocals, accompaniment, mask };

Box box_of(Panel panel) { return {96, 78 + 262 * panel, 1200, 232}; }

Colour pixel(const Image& image, int x, int y) {
  const std::size_t at = 3 * (static_cast<std::size_t>(y) * image.width + static_cast<std::size_t>(x));
  return {image.rgb.at(at), image.rgb.at(at + 1), image.rgb.at(at + 2)};
}

int brightness(Colour colour) { return colour.red + colour.green + colour.blue; }

AudioBuffer part(const AudioBuffer& buffer, std::size_t from, std::size_t count) {
  AudioBuffer block;
  for (const auto& channel : buffer.channels) {
    const auto start = channel.begin() + static_cast<std::ptrdiff_t>(from);
    block.channels.emplace_back(start, start + static_cast<std::ptrdiff_t>(count));
  }
  return block;
}

AudioBuffer sum(AudioBuffer a, const AudioBuffer& b) {
  for (std::size_t c = 0; c < a.channels.size(); ++c) {
    for (std::size_t n = 0; n < a.samples(); ++n) a.channels[c][n] += b.channels[c][n];
  }
  return a;
}

Image figure_of(const AudioBuffer& song, const AudioBuffer& voice, const AudioBuffer& rest,
                int rate_hz = kRateHz) {
  SpectrogramFigure figure(rate_hz, "song");
  figure.push_mixture(song);
  figure.push_stems(voice, rest);
  return figure.draw();
}

TEST(SpectrogramFigure, ShowsASineAtItsFrequencyBesideItsTick) {
  for (const double frequency_hz : {50.0, 200.0, 1000.0, 10000.0}) {
    const AudioBuffer tone = sine(kRateHz, 2 * kRateHz, 2, frequency_hz);
    const Image image = figure_of(tone, tone, AudioBuffer(2, tone.samples()));
    for (const Panel panel : {mixture, vocals}) {
      const Box box = box_of(panel);
      const double expected = y_of(box, kFrequency, frequency_hz);
      double weighted = 0.0;
      double count = 0.0;
      for (int y = box.top; y < box.bottom(); ++y) {
        if (pixel(image, 700, y) != magma(1.0)) continue;
        weighted += y;
        ++count;
      }
      ASSERT_GT(count, 0.0) << frequency_hz;
      EXPECT_NEAR(weighted / count, expected, 2.0) << frequency_hz;
      EXPECT_EQ(pixel(image, box.left - 5, static_cast<int>(std::lrint(expected))), plot::kInk) << "the tick";
    }
  }
}

TEST(SpectrogramFigure, ShowsLevelsInDecibelsBelowTheMixture) {
  const AudioBuffer tone = sine(kRateHz, 2 * kRateHz, 1, 1000.0, 0.5);
  for (const double level_db : {-20.0, -40.0, -60.0, -90.0}) {
    const AudioBuffer quiet = sine(kRateHz, 2 * kRateHz, 1, 1000.0, 0.5 * std::pow(10.0, level_db / 20.0));
    const Image image = figure_of(tone, quiet, AudioBuffer(1, tone.samples()));
    const Box box = box_of(vocals);
    const int y = static_cast<int>(std::lrint(y_of(box, kFrequency, 1000.0)));
    const Colour expected = magma(1.0 + level_db / 80.0);
    const Colour shown = pixel(image, 700, y);
    EXPECT_NEAR(shown.red, expected.red, 3) << level_db;
    EXPECT_NEAR(shown.green, expected.green, 3) << level_db;
  }
}

TEST(SpectrogramFigure, ShowsAClickAtItsTime) {
  AudioBuffer song(1, 4 * kRateHz);
  song.channels[0][3 * kRateHz] = 1.0F;
  const Image image = figure_of(song, song, AudioBuffer(1, song.samples()));
  const Box box = box_of(mixture);
  double weighted = 0.0;
  double weight = 0.0;
  for (int x = box.left; x < box.right(); ++x) {
    const int light = brightness(pixel(image, x, box.top + 50)) - brightness(magma(0.0));
    weighted += static_cast<double>(light) * x;
    weight += light;
  }
  EXPECT_NEAR(weighted / weight, box.left + 0.75 * box.width, 2.0);
  // The tick of 3 s is in the same place.
  const Box last = box_of(mask);
  EXPECT_EQ(pixel(image, static_cast<int>(std::lrint(x_of(last, {0.0, 4.0}, 3.0))), last.bottom() + 4),
            plot::kInk);
}

TEST(SpectrogramFigure, ShowsTheVocalsShareOfTheMagnitude) {
  const std::size_t samples = kRateHz;
  const AudioBuffer low = sine(kRateHz, samples, 1, 200.0);
  const AudioBuffer high = sine(kRateHz, samples, 1, 4000.0);
  const AudioBuffer third = sine(kRateHz, samples, 1, 1000.0, 0.1);
  const AudioBuffer thrice = sine(kRateHz, samples, 1, 1000.0, 0.3);
  const Image image = figure_of(sum(low, high), sum(low, third), sum(high, thrice));
  const Box box = box_of(mask);
  const auto at = [&](double frequency_hz) {
    return pixel(image, 700, static_cast<int>(std::lrint(y_of(box, kFrequency, frequency_hz))));
  };
  EXPECT_EQ(at(200.0), viridis(1.0));
  EXPECT_EQ(at(4000.0), viridis(0.0));
  EXPECT_NEAR(at(1000.0).green, viridis(0.25).green, 2);
}

TEST(SpectrogramFigure, ShowsSilenceAsTheFloor) {
  for (const std::size_t samples : {std::size_t{0}, std::size_t{1}, std::size_t{700}, std::size_t{kRateHz}}) {
    const AudioBuffer silence(2, samples);
    const Image image = figure_of(silence, silence, silence);
    EXPECT_EQ(image.width, 1440U);
    EXPECT_EQ(image.height, 1160U);
    for (const Panel panel : {mixture, vocals, accompaniment, mask}) {
      const Box box = box_of(panel);
      for (int y = box.top; y < box.bottom(); ++y) {
        for (int x = box.left; x < box.right(); ++x) {
          ASSERT_EQ(pixel(image, x, y), panel == mask ? kNothing : magma(0.0)) << x << " " << y;
        }
      }
    }
  }
}

TEST(SpectrogramFigure, IsDrawnWithoutAnySamples) {
  SpectrogramFigure figure(kRateHz, "");
  EXPECT_EQ(figure.draw().rgb.size(), 3U * 1440U * 1160U);
}

TEST(SpectrogramFigure, IsDrawnOfSamplesTooLoudToSquare) {
  const AudioBuffer loud = sine(kRateHz, kRateHz, 1, 1000.0, 1e30);
  EXPECT_EQ(figure_of(loud, loud, AudioBuffer(1, loud.samples())).width, 1440U);
}

TEST(SpectrogramFigure, DoesNotDependOnTheBlocks) {
  const std::size_t samples = 3 * kRateHz + 17;
  const AudioBuffer voice = test::sweep(kRateHz, samples, 2);
  const AudioBuffer rest = noise(samples, 2, 0.1);
  const AudioBuffer song = sum(voice, rest);
  const Image whole = figure_of(song, voice, rest);

  SpectrogramFigure figure(kRateHz, "song");
  for (std::size_t from = 0, count = 1; from < samples; from += count, count = count * 3 % 10007) {
    count = std::min(count, samples - from);
    figure.push_mixture(part(song, from, count));
  }
  for (std::size_t from = 0, count = 977; from < samples; from += count) {  // later, in other blocks
    count = std::min(count, samples - from);
    figure.push_stems(part(voice, from, count), part(rest, from, count));
  }
  EXPECT_EQ(figure.draw().rgb, whole.rgb);
}

TEST(SpectrogramFigure, ShowsTheMeanOfTheChannels) {
  const AudioBuffer mono = noise(kRateHz, 1, 0.1);
  AudioBuffer stereo(2, mono.samples());
  for (std::size_t n = 0; n < mono.samples(); ++n) stereo.channels[0][n] = 2.0F * mono.channels[0][n];
  EXPECT_EQ(figure_of(stereo, stereo, stereo).rgb, figure_of(mono, mono, mono).rgb);
}

TEST(SpectrogramFigure, LooksTheSameForAnyLengthOfASteadyTone) {
  constexpr int kLowRateHz = 8000;
  const AudioBuffer tone = sine(kLowRateHz, 8 * kLowRateHz, 1, 500.0);  // whole periods: can be repeated
  std::vector<Image> images;
  for (const int times : {1, 3, 40}) {  // 8 s: fewer columns than pixels; 24 s: more; 320 s: merged twice
    SpectrogramFigure figure(kLowRateHz, "tone");
    for (int i = 0; i < times; ++i) {
      figure.push_mixture(tone);
      figure.push_stems(tone, tone);
    }
    images.push_back(figure.draw());
  }
  const Box box = box_of(mixture);
  for (int y = box.top; y < box.bottom(); ++y) {
    for (int x = box.left + 100; x < box.right() - 100; x += 7) {
      for (const Image& image : images) {
        EXPECT_NEAR(brightness(pixel(image, x, y)), brightness(pixel(images[0], x, y)), 12) << x << " " << y;
      }
    }
  }
}

TEST(SpectrogramFigure, NeedsNoMoreMemoryForALongSong) {
  constexpr int kLowRateHz = 1000;  // the same number of columns a second as any other, and quick
  const AudioBuffer second = noise(kLowRateHz, 1);
  SpectrogramFigure figure(kLowRateHz, "long");
  const auto push = [&](int seconds) {
    for (int i = 0; i < seconds; ++i) {
      figure.push_mixture(second);
      figure.push_stems(second, second);
    }
  };
  const auto peak_kib = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  push(180);
  const auto early = peak_kib();
  push(3 * 3600);
  EXPECT_LT(peak_kib() - early, 32 * 1024) << "all columns would be 900 MiB";
  EXPECT_EQ(figure.draw().width, 1440U);
}

TEST(SpectrogramFigure, KeepsItsLabelsInsideThePicture) {
  const std::string long_title(300, 'M');
  for (const int rate_hz : {100, 8000, 44100, 192000}) {
    SpectrogramFigure figure(rate_hz, long_title);
    const AudioBuffer song = noise(static_cast<std::size_t>(rate_hz) / 2, 1);
    figure.push_mixture(song);
    figure.push_stems(song, song);
    const Image image = figure.draw();
    const auto width = static_cast<int>(image.width);
    const auto height = static_cast<int>(image.height);
    for (int x = 0; x < width; ++x) {
      for (const int y : {0, 1, height - 2, height - 1}) ASSERT_EQ(pixel(image, x, y), plot::kWhite);
    }
    for (int y = 0; y < height; ++y) {
      for (const int x : {0, 1, width - 2, width - 1}) ASSERT_EQ(pixel(image, x, y), plot::kWhite);
    }
  }
}

}  // namespace
}  // namespace svsep
