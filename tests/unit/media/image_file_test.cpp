#include "media/image_file.hpp"

#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;

/// No two neighbours alike.
Image pattern(std::size_t width, std::size_t height) {
  Image image = {width, height, {}};
  for (std::size_t i = 0; i < 3 * width * height; ++i) {
    image.rgb.push_back(static_cast<std::uint8_t>(i * 37 + i / 256));
  }
  return image;
}

TEST(ImageFile, IsAPngOfTheSamePixelsToFfmpeg) {
  const TemporaryFolder folder;
  for (const auto& [width, height] : {std::pair<std::size_t, std::size_t>{1, 1}, {67, 33}, {640, 2}}) {
    const Image image = pattern(width, height);
    const fs::path path = folder / "a.png";
    write_png(path, image);
    const auto probe = test::run({"ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height",
                                  "-of", "csv=p=0", path.string()});
    EXPECT_EQ(probe.out, "png," + std::to_string(width) + "," + std::to_string(height) + "\n") << probe.err;
    const auto pixels =
        test::run({"ffmpeg", "-v", "error", "-i", path.string(), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"});
    EXPECT_EQ(pixels.out, std::string(image.rgb.begin(), image.rgb.end())) << pixels.err;
  }
}

TEST(ImageFile, LeavesNothingBesideIt) {
  const TemporaryFolder folder;
  write_png(folder / "new" / "a.png", pattern(4, 4));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "new"), {}), 1);
}

TEST(ImageFile, NamesThePathThatCannotBeWritten) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "taken.png");
  try {
    write_png(folder / "taken.png", pattern(4, 4));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::output);
    EXPECT_NE(std::string(error.what()).find("taken.png: is a folder"), std::string::npos) << error.what();
  }
}

TEST(ImageFile, RefusesAPictureOfNoPixels) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_png(folder / "a.png", Image{}), Error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

}  // namespace
}  // namespace svsep
