#include "core/atomic_file.hpp"

#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

namespace svsep {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(AtomicFile, KeepsAFileThatAppearedMeanwhileWhereToldTo) {
  const test::TemporaryFolder folder;
  {
    AtomicFile file(folder / "a");
    std::ofstream(folder / "a") << "precious";
    EXPECT_THROW(file.commit(ExistingFile::keep), Error);
  }
  EXPECT_EQ(text_of(folder / "a"), "precious");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
  AtomicFile other(folder / "b");
  std::ofstream(other.temporary_path()) << "new";
  other.commit(ExistingFile::keep);
  EXPECT_EQ(text_of(folder / "b"), "new");
}

TEST(AtomicFile, RemovesTheFoldersThatItMadeUnlessSomethingIsInThem) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "there");
  {
    const AtomicFile first(folder / "there/a/b/one");
    const AtomicFile second(folder / "there/a/two");
  }
  EXPECT_TRUE(fs::exists(folder / "there"));
  EXPECT_FALSE(fs::exists(folder / "there/a"));
  {
    const AtomicFile file(folder / "there/c/one");
    std::ofstream(folder / "there/c/somebody's") << "x";
  }
  EXPECT_TRUE(fs::exists(folder / "there/c"));
}

TEST(TemporaryName, IsNoLongerThanFileSystemsTakeAndCutsNoCharacter) {
  EXPECT_EQ(temporary_name("d/song.wav", ".part"), "d/song.wav.part");
  const std::string longest = temporary_name(std::string(255, 'n'), ".part").string();
  EXPECT_EQ(longest, std::string(250, 'n') + ".part");
  std::string umlauts;
  while (umlauts.size() < 254) umlauts += "ö";
  const std::string cut = temporary_name(umlauts, ".1234.part").string();
  EXPECT_EQ(cut, umlauts.substr(0, 244) + ".1234.part");
  EXPECT_EQ(temporary_name("x" + umlauts, ".1234.part"), ("x" + umlauts).substr(0, 245) + ".1234.part");
}

}  // namespace
}  // namespace svsep
