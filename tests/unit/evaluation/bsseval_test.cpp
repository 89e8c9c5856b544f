#include "evaluation/bsseval.hpp"

#include "dsp/sdr.hpp"
#include "signals.hpp"
#include "svsep/error.hpp"
#include "svsep/stem_file.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace svsep {
namespace {

using test::Case;
using test::kWindow;
using test::Sources;

// Golden values: scripts/make_golden_bsseval.py tests/golden "The Easton Ellises - Falcon 69.stem.mp4"
// "Music Delta - 80s Rock.stem.mp4" (museval).

double read_number(std::istream& stream) {
  std::string word;  // operator>> reads no nan
  stream >> word;
  return std::stod(word);
}

void expect_metric(double expected, double got, double tolerance, const std::string& where) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(got)) << where << ": " << got;
  } else {
    EXPECT_NEAR(expected, got, tolerance) << where;
  }
}

/// Compares with the lines "case source window SDR ISR SIR SAR" of that case; returns their count.
std::size_t expect_golden(const std::string& file_name, const std::string& name,
                          const std::vector<std::vector<BssMetrics>>& scores, double tolerance_db) {
  std::ifstream file(std::string(SVSEP_GOLDEN_DIR) + "/" + file_name);
  std::string line_case;
  std::size_t lines = 0;
  while (file >> line_case) {
    std::size_t source = 0;
    std::size_t window = 0;
    file >> source >> window;
    const BssMetrics expected{read_number(file), read_number(file), read_number(file), read_number(file)};
    if (line_case != name) continue;
    ++lines;
    const std::string where =
        name + ", source " + std::to_string(source) + ", window " + std::to_string(window);
    const BssMetrics& got = scores.at(source).at(window);
    expect_metric(expected.sdr, got.sdr, tolerance_db, where + ", SDR");
    expect_metric(expected.isr, got.isr, tolerance_db, where + ", ISR");
    expect_metric(expected.sir, got.sir, tolerance_db, where + ", SIR");
    expect_metric(expected.sar, got.sar, tolerance_db, where + ", SAR");
  }
  return lines;
}

TEST(BssEval, EqualsMusevalOnSyntheticSignals) {
  for (const auto& [name, signals] : test::golden_cases()) {
    const auto scores = BssEval(signals.references, kWindow, 2).score(signals.estimates);
    EXPECT_EQ(expect_golden("bsseval_windows.txt", name, scores, 1e-5), 2 * scores[0].size()) << name;
  }
}

struct Song {
  Sources references;  // vocals and accompaniment
  std::map<std::string, Sources> estimates;
};

/// As the musdb package reads it: rounded to 16 bits.
Song read_song(const std::filesystem::path& path, std::size_t rate) {
  const auto stem = [&](Stem which) {
    Decoder decoder = open_stem(path, which, {.end_s = 6.0});
    return test::changed({read_all(decoder)}, [](double x, auto...) {
      return std::clamp(std::nearbyint(x * 32768.0), -32768.0, 32767.0) / 32768.0;
    })[0];
  };
  Song song{{stem(Stem::vocals), stem(Stem::drums)}, {}};
  for (const AudioBuffer& part : {stem(Stem::bass), stem(Stem::other)}) {
    song.references[1] =
        test::changed({song.references[1]}, [&](double x, std::size_t, std::size_t c, std::size_t n) {
          return x + static_cast<double>(part.channels[c][n]);
        })[0];
  }
  const auto truth = [&](std::size_t j, std::size_t c, std::size_t n) {
    return static_cast<double>(song.references[j].channels[c][n]);
  };
  const AudioBuffer mixture = stem(Stem::mixture);
  AudioBuffer swapped = mixture;
  std::swap(swapped.channels[0], swapped.channels[1]);
  const Sources good =
      test::changed({mixture, mixture}, [&](double, std::size_t j, std::size_t c, std::size_t n) {
        const auto mixed = static_cast<float>(0.9 * truth(j, c, n) + 0.1 * truth(1 - j, c, n));
        return static_cast<double>(mixed) * (n / 1000 % 2 == 0 ? 0.75 : 1.0);
      });
  song.estimates = {
      {"good", good},
      {"bad", {swapped, mixture}},
      {"scaled", test::changed(good, [](double x, auto...) { return 0.1 * x; })},
      {"clipped", test::changed(good, [](double x, auto...) { return std::clamp(x, -0.125, 0.125); })},
      {"silent", test::changed(good, [&](double x, std::size_t j, std::size_t, std::size_t n) {
         return j == 0 && n >= rate && n < 3 * rate ? 0.0 : x;
       })}};
  return song;
}

void expect_song(const std::string& file_name, const std::string& number) {
  const std::filesystem::path path = std::filesystem::path(SVSEP_DATA_DIR) / "real" / file_name;
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "needs " << file_name;
  const Song song = read_song(path, 44100);
  const BssEval bss_eval(song.references, 44100, 2);
  for (const auto& [name, estimates] : song.estimates) {
    EXPECT_EQ(expect_golden("bsseval_songs.txt", number + "/" + name, bss_eval.score(estimates), 0.001), 12U);
  }
}

TEST(BssEval, EqualsMusevalOnASong) { expect_song("The Easton Ellises - Falcon 69.stem.mp4", "0"); }

TEST(BssEval, EqualsMusevalOnAnotherSong) { expect_song("Music Delta - 80s Rock.stem.mp4", "1"); }

TEST(BssEval, DoesNotDependOnTheThreadCount) {
  const Case signals = test::golden_cases().at("good");
  const auto one = BssEval(signals.references, kWindow, 1).score(signals.estimates);
  const auto four = BssEval(signals.references, kWindow, 4).score(signals.estimates);
  for (std::size_t j = 0; j < one.size(); ++j) {
    for (std::size_t w = 0; w < one[j].size(); ++w) {
      EXPECT_DOUBLE_EQ(one[j][w].sdr, four[j][w].sdr);
      EXPECT_DOUBLE_EQ(one[j][w].sar, four[j][w].sar);
    }
  }
}

TEST(BssEval, FindsNoInterferenceAndNoArtifactsInAFilteredReference) {
  Sources references = test::golden_references();
  for (AudioBuffer& source : references) {
    for (auto& channel : source.channels) std::fill(channel.end() - 100, channel.end(), 0.0F);
  }
  const Sources delayed = test::changed(references, [&](double, std::size_t j, std::size_t c, std::size_t n) {
    return n < 100 ? 0.0 : 0.5 * static_cast<double>(references[j].channels[c][n - 100]);
  });
  for (const auto& source : BssEval(references, test::kSamples, 1).score(delayed)) {
    EXPECT_LT(source[0].sdr, 6.0);
    EXPECT_GT(source[0].sir, 100.0);
    EXPECT_GT(source[0].sar, 100.0);
  }
}

TEST(BssEval, TakesASourceGivenTwiceInBothChannels) {
  Case signals = test::golden_cases().at("good");
  for (Sources* sources : {&signals.references, &signals.estimates}) {
    for (AudioBuffer& source : *sources) source.channels[1] = source.channels[0];
  }
  const auto twice = BssEval(signals.references, kWindow, 1).score(signals.estimates);
  const auto once = BssEval(test::cut(signals.references, 1, test::kSamples), kWindow, 1)
                        .score(test::cut(signals.estimates, 1, test::kSamples));
  for (std::size_t j = 0; j < once.size(); ++j) {
    for (std::size_t w = 0; w < once[j].size(); ++w) {
      EXPECT_NEAR(twice[j][w].sir, once[j][w].sir, 0.001);
      EXPECT_NEAR(twice[j][w].sar, once[j][w].sar, 0.001);
    }
  }
}

TEST(BssEval, GivesNanForAWholeTrackOfSilence) {
  const Case signals = test::golden_cases().at("good");
  Sources silent = signals.estimates;
  for (auto& channel : silent[0].channels) std::fill(channel.begin(), channel.end(), 0.0F);
  for (const auto& source : BssEval(signals.references, kWindow, 1).score(silent)) {
    ASSERT_EQ(source.size(), 4U);
    for (const BssMetrics& metrics : source) EXPECT_TRUE(std::isnan(metrics.sdr) && std::isnan(metrics.sar));
  }
  for (const auto& source : BssEval(silent, kWindow, 1).score(signals.estimates)) {
    for (const BssMetrics& metrics : source) EXPECT_TRUE(std::isnan(metrics.sdr) && std::isnan(metrics.sar));
  }
}

TEST(BssEval, RefusesShapesThatDiffer) {
  const Sources references = test::golden_references();
  const BssEval bss_eval(references, kWindow, 1);
  const auto expect_refused = [&](const Sources& estimates, const std::string& text) {
    try {
      (void)bss_eval.score(estimates);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  };
  expect_refused(test::cut(references, 1, test::kSamples),
                 "expected 2 channels of 18000 samples, got 1 channels");
  expect_refused(test::cut(references, 2, 17999), "got 2 channels of 17999 samples");
  expect_refused({references[0]}, "expected 2, got 1");
  EXPECT_THROW(BssEval(Sources{}, kWindow, 1), Error);
  EXPECT_THROW(BssEval(Sources(2, AudioBuffer(2, 0)), kWindow, 1), Error);
  EXPECT_THROW(BssEval(Sources{references[0], AudioBuffer(2, 10)}, kWindow, 1), Error);
  EXPECT_THROW((void)global_sdr_db(references[0], AudioBuffer(1, 10)), Error);
  EXPECT_THROW((void)si_sdr_db(references[0], AudioBuffer(1, 10)), Error);
}

TEST(GlobalScores, EqualTheirFormulasInNumpy) {
  const auto cases = test::golden_cases();
  std::ifstream file(std::string(SVSEP_GOLDEN_DIR) + "/bsseval_global.txt");
  std::string name;
  std::size_t lines = 0;
  for (std::size_t source = 0; file >> name >> source; ++lines) {
    const Case& signals = cases.at(name);
    const double global_db = read_number(file);
    const double si_db = read_number(file);
    EXPECT_NEAR(global_sdr_db(signals.references[source], signals.estimates[source]), global_db, 1e-9)
        << name;
    EXPECT_NEAR(si_sdr_db(signals.references[source], signals.estimates[source]), si_db, 1e-9) << name;
  }
  EXPECT_EQ(lines, 14U);
}

TEST(GlobalScores, KnowTheirExtremes) {
  const AudioBuffer reference = test::golden_references()[0];
  const AudioBuffer silence(2, test::kSamples);
  EXPECT_NEAR(global_sdr_db(reference, silence), 0.0, 1e-6);
  EXPECT_EQ(global_sdr_db(silence, silence), 0.0);
  EXPECT_GT(global_sdr_db(reference, reference), 80.0);
  EXPECT_TRUE(std::isnan(si_sdr_db(reference, silence)));
  EXPECT_EQ(si_sdr_db(reference, test::changed({reference}, [](double x, auto...) { return x / 4.0; })[0]),
            std::numeric_limits<double>::infinity());
}

}  // namespace
}  // namespace svsep
