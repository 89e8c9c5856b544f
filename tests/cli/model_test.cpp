#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

const std::string kWeights = SVSEP_GOLDEN_DIR "/import/thesis.h5";

class ModelVerb : public testing::Test {
 protected:
  /// The program with a folder of models of its own.
  test::RunResult run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"env", "XDG_DATA_HOME=" + folder_.path().string(), SVSEP_BINARY});
    return test::run(arguments, {}, folder_.path());
  }

  test::TemporaryFolder folder_;
  fs::path models_ = folder_ / "svsep/models";
};

TEST_F(ModelVerb, ImportsWeightsThatSeparateAndEvaluateFindByName) {
  const test::RunResult imported = run({"model", "import", kWeights, "--name", "mine"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_EQ(imported.out, "mine\n");
  EXPECT_TRUE(fs::exists(models_ / "mine.safetensors"));
  EXPECT_NE(run({"model", "list"}).out.find("\nmine:"), std::string::npos);
  const std::string shown = run({"model", "show", "mine"}).out;
  EXPECT_NE(shown.find("thresholds:     vocals 0.15, accompaniment 0.8\n"), std::string::npos) << shown;
  EXPECT_EQ(run({"info", "mine"}).out, shown);
  test::write_wav_s16(folder_ / "song.wav", test::noise(8000), 22050);
  const test::RunResult separated = run({"separate", "song.wav", "-m", "mine"});
  EXPECT_EQ(separated.exit_code, 0) << separated.err;
  EXPECT_TRUE(fs::exists(folder_ / "separated/song/vocals.wav"));
}

TEST_F(ModelVerb, ListsTheShippedModels) {
  const test::RunResult result = run({"model", "list"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.out.find("cnn:"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("unet (default):"), std::string::npos) << result.out;
}

TEST_F(ModelVerb, ListsAFileThatIsDamagedWithTheReason) {
  fs::create_directories(models_);
  test::write_wav_s16(models_ / "broken.safetensors", test::noise(100), 22050);
  const test::RunResult result = run({"model", "list"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.out.find("is no safetensors file"), std::string::npos) << result.out;
}

TEST_F(ModelVerb, NamesTheModelAfterTheFileAndReplacesNone) {
  EXPECT_EQ(run({"model", "import", kWeights}).exit_code, 0);
  EXPECT_TRUE(fs::exists(models_ / "thesis.safetensors"));
  const test::RunResult again = run({"model", "import", kWeights});
  EXPECT_EQ(again.exit_code, 4);
  EXPECT_NE(again.err.find("exists already; see --overwrite"), std::string::npos) << again.err;
  EXPECT_EQ(run({"model", "import", kWeights, "--overwrite"}).exit_code, 0);
  EXPECT_EQ(run({"model", "import", kWeights, "--name", "unet"}).exit_code, 2);
  EXPECT_EQ(run({"model", "import", kWeights, "--name", "../unet"}).exit_code, 2);
}

TEST_F(ModelVerb, SaysWhatIsWrongAndLeavesNothing) {
  test::write_wav_s16(folder_ / "song.wav", test::noise(100), 22050);
  EXPECT_EQ(run({"model", "import", "missing.ckpt"}).exit_code, 3);
  EXPECT_EQ(run({"model", "import", kWeights, "--config", "missing.yaml"}).exit_code, 3);
  const test::RunResult song = run({"model", "import", "song.wav"});
  EXPECT_EQ(song.exit_code, 5);
  EXPECT_NE(song.err.find("svsep: error: cannot import: song.wav: is no weight file"), std::string::npos)
      << song.err;
  EXPECT_EQ(run({"model", "import", SVSEP_GOLDEN_DIR "/import/zip.pth"}).exit_code, 5);
  EXPECT_EQ(run({"model", "show", "nothing"}).exit_code, 5);
  EXPECT_EQ(run({"model"}).exit_code, 2);
  EXPECT_FALSE(fs::exists(models_));
}

}  // namespace
}  // namespace svsep
