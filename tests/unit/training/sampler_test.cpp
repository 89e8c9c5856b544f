#include "training/sampler.hpp"

#include "support/dataset.hpp"
#include "model/input_transform.hpp"
#include "svsep/dsp/stft.hpp"

#include <algorithm>
#include <complex>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::write_track;
using testing::HasSubstr;

constexpr std::int64_t kToneBin = 82;  // 440 Hz * 4096 / 22050 Hz = 81.7

Preparation with_magnitudes(Label label = Label::accompaniment) {
  Preparation preparation;
  preparation.model.input_transform = InputTransform::magnitude;
  preparation.label = label;
  return preparation;
}

bool equal(const Piece& a, const Piece& b) {
  return a.track == b.track && torch::equal(a.input, b.input) && torch::equal(a.label, b.label);
}

std::vector<float> scaled(std::vector<float> samples, float gain) {
  for (float& sample : samples) sample *= gain;
  return samples;
}

TEST(Prepare, ComparesTheVocalsWithTheAccompanimentOrTheMixture) {
  const std::vector<float> tone = test::sine(test::kRateHz, 22050).channels[0];
  const auto share = [&](float gain, Label label) {
    const Piece piece = prepare("t", tone, scaled(tone, gain), with_magnitudes(label));
    return piece.label.select(1, kToneBin).to(torch::kFloat).mean().item<double>();
  };
  EXPECT_EQ(share(0.5F, Label::accompaniment), 1.0);
  EXPECT_EQ(share(0.5F, Label::mixture), 0.0);  // the mixture is 1.5 times the vocals
  EXPECT_EQ(share(-0.5F, Label::mixture), 1.0);
  EXPECT_EQ(share(-1.5F, Label::accompaniment), 0.0);
  EXPECT_EQ(share(-1.5F, Label::mixture), 1.0);
}

TEST(Prepare, GivesTheMagnitudesOfTheSum) {
  const std::vector<float> vocals = test::noise(5000, 1, 0.5, 1).channels[0];
  const std::vector<float> accompaniment = test::noise(5000, 1, 0.5, 2).channels[0];
  const Piece piece = prepare("t", vocals, accompaniment, with_magnitudes());
  std::vector<float> sum = vocals;
  std::transform(sum.begin(), sum.end(), accompaniment.begin(), sum.begin(), std::plus<>());
  std::vector<float> expected;
  Stft stft({}, [&](Spectrum frame) {
    for (const std::complex<float> value : frame) expected.push_back(std::abs(value));
  });
  stft.push(sum);
  stft.finish();
  ASSERT_EQ(piece.input.numel(), static_cast<std::int64_t>(expected.size()));
  EXPECT_TRUE(torch::allclose(piece.input.flatten(), torch::tensor(expected), 1e-4, 1e-4));
  EXPECT_EQ(piece.input.sizes(), piece.label.sizes());
}

TEST(Prepare, MakesTheLogLevelInputIndependentOfLoudness) {
  const std::vector<float> vocals = test::sine(test::kRateHz, 22050).channels[0];
  const std::vector<float> accompaniment = test::noise(22050).channels[0];
  const Piece loud = prepare("t", vocals, accompaniment, {});
  const Piece quiet = prepare("t", scaled(vocals, 0.01F), scaled(accompaniment, 0.01F), {});
  EXPECT_TRUE(torch::allclose(loud.input, quiet.input, 1e-3, 1e-3));
  const Piece bare = prepare("t", vocals, accompaniment, with_magnitudes());
  EXPECT_TRUE(torch::equal(loud.input, log_compress(bare.input, frame_gains(bare.input, 258), 1e-3F)));
}

TEST(Sampler, LabelsTheToneThatSingsAsVocals) {
  const test::TemporaryFolder folder;
  Sampler sampler({{"a", write_track(folder.path(), "a")}}, with_magnitudes(), 0);
  const Piece piece = sampler.piece(1, 0);
  EXPECT_EQ(piece.track, "a");
  EXPECT_EQ(piece.input.size(0), 1 + 3 * test::kRateHz / 256);  // the whole of a short track
  const torch::Tensor label = piece.label.to(torch::kFloat);
  EXPECT_EQ(label.slice(1, kToneBin - 1, kToneBin + 2).min().item<float>(), 1.0F);
  EXPECT_LT(label.slice(1, 1000).slice(0, 8, -8).mean().item<float>(), 0.01F);
}

TEST(Sampler, DrawsTheSameForTheSameKeyAndSomethingElseForAnother) {
  const test::TemporaryFolder folder;
  const std::vector<Track> tracks = {{"a", write_track(folder.path(), "a", {.seconds = 31.0})},
                                     {"b", write_track(folder.path(), "b", {.seconds = 31.0})}};
  Sampler sampler(tracks, {}, 7);
  const Piece piece = sampler.piece(2, 3);
  EXPECT_EQ(piece.input.size(0), 1 + 30 * test::kRateHz / 256);
  EXPECT_FALSE(equal(sampler.piece(2, 4), piece));
  EXPECT_FALSE(equal(sampler.piece(3, 3), piece));
  EXPECT_TRUE(equal(sampler.piece(2, 3), piece));
  EXPECT_TRUE(equal(Sampler(tracks, {}, 7).piece(2, 3), piece));
  EXPECT_FALSE(equal(Sampler(tracks, {}, 8).piece(2, 3), piece));
}

TEST(Sampler, KeepsPiecesWithoutVocalsAndSkipsSilentOnes) {
  const test::TemporaryFolder folder;
  const Track instrumental{"a", write_track(folder.path(), "a", {.vocals = 0.0})};
  const Track silent{"b", write_track(folder.path(), "b", {.vocals = 0.0, .accompaniment = 0.0})};
  Sampler sampler({instrumental, silent}, {}, 0);
  for (std::uint64_t index = 0; index < 5; ++index) {
    const Piece piece = sampler.piece(1, index);
    EXPECT_EQ(piece.track, "a");
    EXPECT_EQ(piece.label.max().item<int>(), 0);
  }
  Sampler nothing({silent}, {}, 0);
  const Error error = error_of([&] { static_cast<void>(nothing.piece(1, 0)); });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(), HasSubstr("b.stem.mp4 is silent"));
}

TEST(Sampler, SkipsATrackThatCannotBeDecoded) {
  const test::TemporaryFolder folder;
  const Track good{"a", write_track(folder.path(), "a")};
  const Track damaged{"b", write_track(folder.path(), "b")};
  std::string bytes;
  {
    std::ifstream file(damaged.path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  const std::size_t audio = bytes.find("mdat") + 4;
  const std::size_t index = bytes.find("moov") - 4;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(audio),
            bytes.begin() + static_cast<std::ptrdiff_t>(index), '\xff');
  std::ofstream(damaged.path, std::ios::binary) << bytes;
  Sampler sampler({good, damaged}, {}, 0);
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(sampler.piece(1, i).track, "a");
  Sampler nothing({damaged}, {}, 0);
  EXPECT_EQ(error_of([&] { static_cast<void>(nothing.piece(1, 0)); }).kind(), ErrorKind::input);
}

TEST(Sampler, CutsPoolsIntoBatchesOfWindowsThatOverlapByOneFrame) {
  const test::TemporaryFolder folder;
  Sampler sampler({{"a", write_track(folder.path(), "a")}}, {}, 0);
  std::vector<Batch> batches;
  const auto collect = [&](Batch batch) {
    batches.push_back(std::move(batch));
    return true;
  };
  sampler.push_batches(1, 13, 5, 2, collect);  // a piece has 259 frames and so 32 windows
  ASSERT_EQ(batches.size(), 13U);
  std::map<const Piece*, std::vector<std::int64_t>> starts;
  for (std::size_t i = 0; i < 12; ++i) {  // batches of the first pool: 60 of 64 windows
    for (const Window& window : batches[i].windows) starts[window.piece.get()].push_back(window.first_frame);
  }
  ASSERT_EQ(starts.size(), 2U);
  for (auto& [piece, frames] : starts) {
    EXPECT_FALSE(std::is_sorted(frames.begin(), frames.end()));
    std::sort(frames.begin(), frames.end());
    EXPECT_EQ(std::adjacent_find(frames.begin(), frames.end()), frames.end());
    for (const std::int64_t frame : frames) EXPECT_EQ(frame % 8, 0);
    EXPECT_LE(frames.back() + 9, 259);
  }
  const Window& window = batches[0].windows[2];
  EXPECT_TRUE(torch::equal(batches[0].inputs()[2], window.piece->input.narrow(0, window.first_frame, 9)));
  EXPECT_TRUE(torch::equal(batches[0].labels()[2], window.piece->label.narrow(0, window.first_frame, 9)));
}

TEST(Sampler, FillsABatchFromSeveralPoolsWhereOneIsTooSmall) {
  const test::TemporaryFolder folder;
  Sampler sampler({{"a", write_track(folder.path(), "a", {.seconds = 0.3})}}, {}, 0);
  std::vector<Batch> batches;
  sampler.push_batches(1, 2, 8, 1, [&](Batch batch) {
    batches.push_back(std::move(batch));
    return true;
  });
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[1].inputs().size(0), 8);
}

TEST(BatchQueue, RethrowsInPlaceWhatItsThreadThrew) {
  BatchQueue queue(4, [](const Sampler::Push& push) {
    push({{}, 1});
    push({{}, 2});
    throw Error(ErrorKind::input, "gone");
  });
  EXPECT_EQ(queue.pop().window_frames, 1);
  EXPECT_EQ(queue.pop().window_frames, 2);
  EXPECT_STREQ(error_of([&] { static_cast<void>(queue.pop()); }).what(), "gone");
}

TEST(BatchQueue, EndsItsThreadWhenNobodyTakesTheRest) {
  std::int64_t pushed = 0;
  {
    BatchQueue queue(2, [&](const Sampler::Push& push) {
      while (push({{}, 1})) ++pushed;
    });
    static_cast<void>(queue.pop());
  }
  EXPECT_LE(pushed, 3);
}

}  // namespace
}  // namespace svsep
