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

const OutputKind kVocals{"vocals", "wav"};
const std::vector<OutputKind> kStems = {kVocals, {"accompaniment", "wav"}};

/// The text of the usage error that planning ends with.
std::string usage_error(const std::vector<Song>& songs, const OutputNames& names,
                        const std::vector<OutputKind>& kinds) {
  try {
    static_cast<void>(plan_outputs(songs, names, kinds));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

/// The names that a template of the user's gives.
OutputNames named(const std::string& name_template, const fs::path& folder = "out") {
  return {folder, name_template, false, "pair"};
}

void expect_holds(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in: " << text;
}

TEST(ExpandTemplate, FillsTheFields) {
  EXPECT_EQ(expand_template(named(kOutputTemplate), {"m/a/b/Song.mp3", "a/b", "Song"}, kVocals),
            "a/b/Song/vocals.wav");
  EXPECT_EQ(expand_template(named("{stem}s/{name} ({stem}).{ext}"), {"x", "", "Song"}, kVocals),
            "vocalss/Song (vocals).wav");
}

TEST(ExpandTemplate, LeavesAnEmptyFolderOut) {
  EXPECT_EQ(expand_template(named(kOutputTemplate), {"Song.mp3", "", "Song"}, kVocals), "Song/vocals.wav");
}

TEST(ExpandTemplate, TakesNamesWithBracesAsTheyAre) {
  EXPECT_EQ(expand_template(named("{name}.{ext}"), {"x", "", "{stem}"}, kVocals), "{stem}.wav");
}

TEST(ExpandTemplate, RefusesWhatNamesNoFileInTheOutputFolder) {
  for (const char* text : {"", "/abs/{stem}", "../{stem}", "{name}/../../{stem}", "{stem}/", "{dir}",
                           "{song}", "{stem", "stem}", "{}"}) {
    EXPECT_THROW(static_cast<void>(expand_template(named(text), {"x", "", "Song"}, kVocals)), Error) << text;
  }
  EXPECT_THROW(static_cast<void>(expand_template(named(kOutputTemplate), {"...wav", "", ".."}, kVocals)),
               Error);
}

TEST(PlanOutputs, GivesEverySongItsOutputs) {
  const std::vector<Job> jobs =
      plan_outputs({{"a.mp3", "", "a"}, {"d/b.mp3", "d", "b"}}, named(kOutputTemplate), kStems);
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].outputs[0].path, "out/a/vocals.wav");
  EXPECT_EQ(jobs[1].outputs[1].path, "out/d/b/accompaniment.wav");
  EXPECT_EQ(jobs[1].outputs[1].stem, "accompaniment");
}

TEST(PlanOutputs, NamesBothSongsThatWantOneOutput) {
  const std::string text =
      usage_error({{"x/a.mp3", "", "a"}, {"y/a.wav", "", "a"}}, named(kOutputTemplate), kStems);
  for (const char* part : {"out/a/vocals.wav", "x/a.mp3", "y/a.wav"}) expect_holds(text, part);
}

/// The paths of the songs' vocals by the default names.
std::vector<std::string> paths_of(const std::vector<Song>& songs) {
  std::vector<std::string> paths;
  for (const Job& job : plan_outputs(songs, {.folder = "out"}, {kVocals})) {
    paths.push_back(job.outputs[0].path.string());
  }
  return paths;
}
using Paths = std::vector<std::string>;

TEST(PlanOutputs, TellsSongsOfOneNameApartByTheShortestPartOfTheirFolders) {
  EXPECT_EQ(paths_of({{"x/a.mp3", "", "a"}, {"y/a.mp3", "", "a"}, {"y/b.mp3", "", "b"}}),
            (Paths{"out/x/a/vocals.wav", "out/y/a/vocals.wav", "out/b/vocals.wav"}));
  EXPECT_EQ(paths_of({{"x/cd/a.mp3", "cd", "a"}, {"y/cd/a.mp3", "cd", "a"}}),
            (Paths{"out/x/cd/a/vocals.wav", "out/y/cd/a/vocals.wav"}));
}

TEST(PlanOutputs, TellsFilesOfOneNameInAFolderApartByTheirExtensions) {
  EXPECT_EQ(paths_of({{"x/a.flac", "", "a"}, {"x/a.mp3", "", "a"}}),
            (Paths{"out/a (flac)/vocals.wav", "out/a (mp3)/vocals.wav"}));
  EXPECT_EQ(paths_of({{"x/a.flac", "", "a"}, {"x/a.mp3", "", "a"}, {"y/a.mp3", "", "a"}}),
            (Paths{"out/x/a (flac)/vocals.wav", "out/x/a (mp3)/vocals.wav", "out/y/a/vocals.wav"}));
}

TEST(PlanOutputs, NamesTheFieldsThatWouldTellSongsApartInATemplateOfTheUsers) {
  const std::vector<Song> songs = {{"x/a.flac", "", "a"}, {"y/a.mp3", "", "a"}};
  expect_holds(usage_error(songs, named("{name}/{stem}.{ext}"), kStems), "{folder} and {input_ext}");
  const auto by_folder = plan_outputs(songs, named("{folder}/{name}/{stem}.{ext}"), kStems);
  EXPECT_EQ(by_folder[1].outputs[0].path, "out/y/a/vocals.wav");
  const auto by_extension = plan_outputs(songs, named("{model}/{name} {input_ext}/{stem}.{ext}"), kStems);
  EXPECT_EQ(by_extension[0].outputs[0].path, "out/pair/a flac/vocals.wav");
}

TEST(PlanOutputs, TakesTheNameForATitleThatIsNotThere) {
  const auto jobs = plan_outputs({{"x/a.flac", "", "a"}}, named("{artist}/{title}.{ext}"), {kVocals});
  EXPECT_EQ(jobs[0].outputs[0].path, "out/Unknown artist/a.wav");
}

TEST(PlanOutputs, AsksForTheStemInTheTemplateWhereThereAreTwo) {
  expect_holds(usage_error({{"a.mp3", "", "a"}}, named("{name}.{ext}"), kStems), "{stem} is missing");
  EXPECT_EQ(plan_outputs({{"a.mp3", "", "a"}}, named("{name}.{ext}"), {kVocals})[0].outputs[0].path,
            "out/a.wav");
}

TEST(PlanOutputs, RefusesToReplaceASong) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "a.wav") << "x";
  const std::vector<Song> songs = {{folder / "a.wav", "", "a"}};
  expect_holds(usage_error(songs, named("{name}.{ext}", folder.path()), {kVocals}), "would replace a song");
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
