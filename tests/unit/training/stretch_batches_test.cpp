#include "training/stretch_batches.hpp"

#include "support/audio_store.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace svsep {
namespace {

const AudioStore& store() {
  static const AudioStore songs =
      test::StoreBuilder().add_song("a", 30000, 1).add_song("b", 20000, 2).build();
  return songs;
}

MixerOptions remix() {
  return {.recipe = Recipe::remix, .validation = false, .piece_samples = 8000, .channels = 2, .seed = 0};
}

std::vector<StretchBatch> batches(const Mixer& mixer, const BatchRange& range) {
  StretchBatches stream(mixer, range);
  std::vector<StretchBatch> result;
  for (std::int64_t i = 0; i < range.count; ++i) result.push_back(stream.next());
  EXPECT_THROW(static_cast<void>(stream.next()), Error);
  return result;
}

TEST(StretchBatches, HoldThePiecesInOrder) {
  const Mixer mixer(store(), remix());
  const std::vector<StretchBatch> result =
      batches(mixer, {.epoch = 3, .first = 2, .count = 2, .batch_size = 3});
  for (std::int64_t i = 0; i < 6; ++i) {
    const Piece piece = mixer.draw(3, static_cast<std::uint64_t>(6 + i));
    const StretchBatch& batch = result[static_cast<std::size_t>(i / 3)];
    ASSERT_EQ(batch.vocals.sizes(), (std::vector<std::int64_t>{3, 2, 8000}));
    EXPECT_EQ(batch.names.count(piece.name), 1U);
    for (std::int64_t c = 0; c < 2; ++c) {
      const auto channel = static_cast<std::size_t>(c);
      EXPECT_TRUE(torch::equal(batch.vocals[i % 3][c], torch::tensor(piece.vocals.channels[channel])));
      EXPECT_TRUE(
          torch::equal(batch.accompaniment[i % 3][c], torch::tensor(piece.accompaniment.channels[channel])));
    }
  }
}

TEST(StretchBatches, AreTheSameForAnyNumberOfWorkersAndAfterAResumption) {
  const Mixer mixer(store(), remix());
  const std::vector<StretchBatch> expected = batches(mixer, {.count = 6, .batch_size = 4});
  for (const int workers : {1, 2, 16}) {
    const std::vector<StretchBatch> rest =
        batches(mixer, {.first = 2, .count = 4, .batch_size = 4, .workers = workers});
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(torch::equal(rest[i].vocals, expected[2 + i].vocals));
      EXPECT_TRUE(torch::equal(rest[i].accompaniment, expected[2 + i].accompaniment));
      EXPECT_EQ(rest[i].names, expected[2 + i].names);
    }
  }
}

TEST(StretchBatches, OfTheRanksMakeUpTheBatchOfASingleProcess) {
  const Mixer mixer(store(), remix());
  const std::vector<StretchBatch> whole = batches(mixer, {.count = 3, .batch_size = 4});
  const std::vector<StretchBatch> first =
      batches(mixer, {.count = 3, .batch_size = 4, .rank = 0, .ranks = 2});
  const std::vector<StretchBatch> second =
      batches(mixer, {.count = 3, .batch_size = 4, .rank = 1, .ranks = 2, .workers = 2});
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(torch::equal(torch::cat({first[i].vocals, second[i].vocals}), whole[i].vocals));
  }
  EXPECT_THROW(StretchBatches(mixer, {.count = 1, .batch_size = 3, .rank = 0, .ranks = 2}), Error);
}

}  // namespace
}  // namespace svsep
