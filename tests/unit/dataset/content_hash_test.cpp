#include "dataset/content_hash.hpp"

#include "support/dataset.hpp"

#include <chrono>
#include <fstream>
#include <gtest/gtest.h>
#include <set>

namespace svsep {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// As if the file had been written long ago; `age_s` tells such times apart.
void make_old(const fs::path& path, int age_s = 3600) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::seconds(age_s));
}

TEST(ContentHash, TellsApartWhatDiffersInABitOrInLength) {
  std::set<std::uint64_t> hashes;
  for (std::size_t length = 0; length < 70; ++length) hashes.insert(hash_bytes(std::string(length, '\0')));
  const std::string zeros(100, '\0');
  hashes.insert(hash_bytes(zeros));
  for (std::size_t i = 0; i < zeros.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = zeros;
      changed[i] = static_cast<char>(1U << static_cast<unsigned>(bit));
      hashes.insert(hash_bytes(changed));
    }
  }
  EXPECT_EQ(hashes.size(), 70U + 1U + 800U);
}

TEST(ContentHash, OfAFileIsThatOfItsBytes) {
  const test::TemporaryFolder folder;
  std::string bytes(3U << 20U, 'x');  // more than one block of reading
  bytes += "the end";
  write(folder / "a", bytes);
  EXPECT_EQ(hash_file(folder / "a"), hash_bytes(bytes));
  EXPECT_EQ(test::error_of([&] { static_cast<void>(hash_file(folder / "no")); }).kind(), ErrorKind::input);
}

TEST(HashIndex, KnowsAFileByItsPathSizeAndTime) {
  const test::TemporaryFolder folder;
  const fs::path file = folder / "a song";
  write(file, "before");
  make_old(file);
  const auto time = fs::last_write_time(file);
  std::uint64_t before = 0;
  {
    HashIndex index(folder / "index");
    before = index.hash(file);
    index.save();
  }
  // Other bytes under the same size and time: only an index that does not read the file gives the old hash.
  write(file, "after!");
  fs::last_write_time(file, time);
  EXPECT_EQ(HashIndex(folder / "index").hash(file), before);
  make_old(file, 7200);
  EXPECT_EQ(HashIndex(folder / "index").hash(file), hash_bytes("after!"));
}

TEST(HashIndex, DoesNotTrustAFileThatHasJustChanged) {
  const test::TemporaryFolder folder;
  write(folder / "a", "new");
  HashIndex index(folder / "index");
  static_cast<void>(index.hash(folder / "a"));
  index.save();
  EXPECT_FALSE(fs::exists(folder / "index"));
}

TEST(HashIndex, ForgetsFilesThatAreGoneAndSkipsDamagedLines) {
  const test::TemporaryFolder folder;
  write(folder / "a", "a");
  write(folder / "b", "b");
  make_old(folder / "a");
  make_old(folder / "b");
  write(folder / "index", "no index\n\nffff 1\n0123456789abcdef 1 2 /no/such file\n");
  HashIndex index(folder / "index");
  EXPECT_EQ(index.hash(folder / "a"), hash_bytes("a"));
  EXPECT_EQ(index.hash(folder / "b"), hash_bytes("b"));
  fs::remove(folder / "b");
  index.save();
  std::ifstream saved(folder / "index");
  std::string line;
  ASSERT_TRUE(std::getline(saved, line));
  EXPECT_TRUE(line.ends_with((folder / "a").string()));
  EXPECT_FALSE(std::getline(saved, line));
}

}  // namespace
}  // namespace svsep
