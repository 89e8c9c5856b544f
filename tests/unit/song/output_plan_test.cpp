#include "song/output_plan.hpp"

#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTemplate = "{dir}/{track}/{stem}.{ext}";
const OutputKind kVocals{"vocals", "wav"};
const std::vector<OutputKind> kStems = {kVocals, {"accompaniment", "wav"}};

/// The text of the usage error that planning ends with.
std::string usage_error(const std::vector<Song>& songs, const fs::path& folder,
                        const std::string& name_template, const std::vector<OutputKind>& kinds) {
  try {
    static_cast<void>(plan_outputs(songs, folder, name_template, kinds));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

void expect_holds(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in: " << text;
}

TEST(ExpandTemplate, FillsTheFields) {
  EXPECT_EQ(expand_template(kTemplate, {"m/a/b/Song.mp3", "a/b", "Song"}, kVocals), "a/b/Song/vocals.wav");
  EXPECT_EQ(expand_template("{stem}s/{track} ({stem}).{ext}", {"x", "", "Song"}, kVocals),
            "vocalss/Song (vocals).wav");
}

TEST(ExpandTemplate, LeavesAnEmptyFolderOut) {
  EXPECT_EQ(expand_template(kTemplate, {"Song.mp3", "", "Song"}, kVocals), "Song/vocals.wav");
}

TEST(ExpandTemplate, TakesNamesWithBracesAsTheyAre) {
  EXPECT_EQ(expand_template("{track}.{ext}", {"x", "", "{stem}"}, kVocals), "{stem}.wav");
}

TEST(ExpandTemplate, RefusesWhatNamesNoFileInTheOutputFolder) {
  for (const char* text : {"", "/abs/{stem}", "../{stem}", "{track}/../../{stem}", "{stem}/", "{dir}",
                           "{name}", "{stem", "stem}", "{}"}) {
    EXPECT_THROW(static_cast<void>(expand_template(text, {"x", "", "Song"}, kVocals)), Error) << text;
  }
  EXPECT_THROW(static_cast<void>(expand_template(kTemplate, {"...wav", "", ".."}, kVocals)), Error);
}

TEST(PlanOutputs, GivesEverySongItsOutputs) {
  const std::vector<Job> jobs =
      plan_outputs({{"a.mp3", "", "a"}, {"d/b.mp3", "d", "b"}}, "out", kTemplate, kStems);
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].outputs[0].path, "out/a/vocals.wav");
  EXPECT_EQ(jobs[1].outputs[1].path, "out/d/b/accompaniment.wav");
  EXPECT_EQ(jobs[1].outputs[1].stem, "accompaniment");
}

TEST(PlanOutputs, NamesBothSongsThatWantOneOutput) {
  const std::string text =
      usage_error({{"x/a.mp3", "", "a"}, {"y/a.wav", "", "a"}}, "out", kTemplate, kStems);
  for (const char* part : {"out/a/vocals.wav", "x/a.mp3", "y/a.wav"}) expect_holds(text, part);
}

TEST(PlanOutputs, AsksForTheStemInTheTemplateWhereThereAreTwo) {
  expect_holds(usage_error({{"a.mp3", "", "a"}}, "out", "{track}.{ext}", kStems), "{stem} is missing");
  EXPECT_EQ(plan_outputs({{"a.mp3", "", "a"}}, "out", "{track}.{ext}", {kVocals})[0].outputs[0].path,
            "out/a.wav");
}

TEST(PlanOutputs, RefusesToReplaceASong) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "a.wav") << "x";
  const std::vector<Song> songs = {{folder / "a.wav", "", "a"}};
  expect_holds(usage_error(songs, folder.path(), "{track}.{ext}", {kVocals}), "would replace a song");
}

TEST(PlanOutputs, TakesASongAsDoneWhenAllItsOutputsExist) {
  const test::TemporaryFolder folder;
  const Job job{{}, {{"vocals", folder / "v"}, {"accompaniment", folder / "a"}}};
  check_free(job);
  std::ofstream(folder / "v") << "x";
  EXPECT_FALSE(is_done(job));
  EXPECT_THROW(check_free(job), Error);
  std::ofstream(folder / "a") << "x";
  EXPECT_TRUE(is_done(job));
}

}  // namespace
}  // namespace svsep
