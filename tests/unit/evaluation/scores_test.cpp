#include "evaluation/scores.hpp"

#include "evaluation/museval_json.hpp"
#include "signals.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <limits>
#include <sstream>

namespace svsep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::filesystem::path museval_file() { return std::string(SVSEP_GOLDEN_DIR) + "/bsseval_museval.json"; }

std::string without_global_scores(const std::string& text) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("\"uSDR\"") == std::string::npos && line.find("\"SI-SDR\"") == std::string::npos)
      kept += line + "\n";
  }
  kept.pop_back();
  return kept;
}

BssMetrics all(double value) { return {value, value, value, value}; }

TEST(MusevalJson, IsWhatMusevalWritesButForTheGlobalScores) {
  const auto signals = test::golden_cases().at("silent");
  const BssEval bss_eval(signals.references, test::kWindow, 1);
  const TrackScores scores =
      score_track(bss_eval, {"vocals", "accompaniment"}, signals.references, signals.estimates);
  EXPECT_EQ(without_global_scores(to_museval_json(scores)), read_text(museval_file()));
}

TEST(MusevalJson, IsReadBack) {
  const test::TemporaryFolder folder;
  const TrackScores scores = {{"a \"NaN\" \\", {all(1.5), all(kNan), all(kInfinity)}, -2.25, kNan},
                              {"b", {}, 1.0, 2.0}};
  const std::filesystem::path path = folder.path() / "scores.json";
  std::ofstream(path) << to_museval_json(scores);
  const TrackScores read = read_museval_json(path).scores;
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].name, scores[0].name);
  ASSERT_EQ(read[0].frames.size(), 3U);
  EXPECT_EQ(read[0].frames[0].isr, 1.5);
  EXPECT_TRUE(std::isnan(read[0].frames[1].sir));
  EXPECT_TRUE(std::isnan(read[0].frames[2].sar));
  EXPECT_EQ(read[0].global_sdr_db, -2.25);
  EXPECT_TRUE(std::isnan(read[0].si_sdr_db));
  EXPECT_TRUE(read[1].frames.empty());
}

TEST(MusevalJson, SaysWhatTheScoresAreOf) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "scores.json";
  std::ofstream(path) << to_museval_json({{"a", {all(1.5)}, 1.0, 2.0}}, Scored{"0f", "1e", "model \"x\""});
  const ScoreFile read = read_museval_json(path);
  ASSERT_TRUE(read.scored);
  EXPECT_EQ(read.scored->references, "0f");
  EXPECT_EQ(read.scored->estimates, "1e");
  EXPECT_EQ(read.scored->described, "model \"x\"");
  EXPECT_EQ(read.scores[0].frames[0].sdr, 1.5);
  EXPECT_FALSE(read_museval_json(museval_file()).scored);
}

TEST(MusevalJson, IsReadAsMusevalWroteIt) {
  const TrackScores scores = read_museval_json(museval_file()).scores;
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_EQ(scores[1].name, "accompaniment");
  EXPECT_EQ(scores[1].frames[2].sdr, 17.18274);
  EXPECT_TRUE(std::isnan(scores[1].frames[3].sdr));
  EXPECT_TRUE(std::isnan(scores[1].global_sdr_db));
}

TEST(MusevalJson, RefusesWhatItIsNot) {
  const test::TemporaryFolder folder;
  EXPECT_THROW((void)read_museval_json(folder.path() / "absent.json"), Error);
  const std::filesystem::path path = folder.path() / "scores.json";
  for (const char* text :
       {"", "no JSON", "[]", "3", "{}", "{\"targets\": 3}", "{\"targets\": [{\"name\": 1, \"frames\": []}]}",
        "{\"targets\": [{\"name\": \"a\", \"frames\": [{\"metrics\": {\"SDR\": \"x\"}}]}]}",
        "{\"targets\": [{\"name\": \"a\", \"frames\": [{}]}]}", "\"NaN"}) {
    std::ofstream(path) << text;
    try {
      (void)read_museval_json(path);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos);
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }
}

TEST(Summary, IsTheMedianOfTheTracksMediansAndTheMeanOfTheGlobalScores) {
  const auto summaries =
      summarise({{{"vocals", {all(1), all(kNan), all(2), all(9)}, 3.0, 1.0}},
                 {{"vocals", {all(4), all(kInfinity), all(6)}, 6.0, kNan}, {"rest", {all(kNan)}, 0.0, 0.0}},
                 {{"vocals", {}, kNan, 2.0}}});
  ASSERT_EQ(summaries.size(), 2U);
  EXPECT_EQ(summaries[0].target, "vocals");
  EXPECT_EQ(summaries[0].tracks, 3U);
  EXPECT_EQ(summaries[0].median.sdr, 3.5);  // of 2 and 5; the third track has no window
  EXPECT_EQ(summaries[0].median.sar, 3.5);
  EXPECT_EQ(summaries[0].mean_global_sdr_db, 4.5);
  EXPECT_EQ(summaries[0].mean_si_sdr_db, 1.5);
  EXPECT_TRUE(std::isnan(summaries[1].median.isr));
  EXPECT_TRUE(summarise({}).empty());
}

}  // namespace
}  // namespace svsep
