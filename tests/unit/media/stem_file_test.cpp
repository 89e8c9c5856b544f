#include "svsep/stem_file.hpp"

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"
#include "svsep/probe.hpp"

#include <array>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::array kStems = {Stem::mixture, Stem::drums, Stem::bass, Stem::other, Stem::vocals};

/// A stem file whose stream n is a tone of n + 1 hundred Hz.
fs::path stem_file(const test::TemporaryFolder& folder, int streams) {
  std::vector<std::string> arguments;
  for (int n = 0; n < streams; ++n) {
    const fs::path wav = folder / (std::to_string(n) + ".wav");
    test::write_wav_s16(wav, test::sine(44100, 100000, 2, 100.0 * (n + 1)), 44100);
    arguments.insert(arguments.end(), {"-i", wav.string()});
  }
  for (int n = 0; n < streams; ++n) arguments.insert(arguments.end(), {"-map", std::to_string(n)});
  arguments.push_back((folder / "song.stem.mp4").string());
  test::run_ffmpeg(arguments);
  return folder / "song.stem.mp4";
}

double crossings(const std::vector<float>& samples) {
  double count = 0.0;
  for (std::size_t n = 1; n < samples.size(); ++n)
    count += (samples[n - 1] < 0.0F) != (samples[n] < 0.0F) ? 1.0 : 0.0;
  return count;
}

TEST(StemFile, OpensEachStemByItsRole) {
  const test::TemporaryFolder folder;
  const fs::path path = stem_file(folder, 5);
  for (const Stem stem : kStems) {
    Decoder decoder = open_stem(path, stem);
    const AudioBuffer read = read_all(decoder);
    EXPECT_EQ(read.samples(), 100000U);
    const double frequency_hz = 100.0 * (static_cast<double>(stem) + 1.0);
    EXPECT_NEAR(crossings(read.channels[0]), 2.0 * frequency_hz * 100000 / 44100, 10.0);
  }
  Decoder part = open_stem(path, Stem::bass, {1.0, 1.5});
  EXPECT_EQ(read_all(part).samples(), 22050U);
}

TEST(StemFile, KeepsThePaddingAtTheEndOnRequest) {
  const test::TemporaryFolder folder;
  const fs::path path = stem_file(folder, 5);
  Decoder decoder = open_stem(path, Stem::vocals);
  const AudioBuffer song = read_all(decoder);
  Decoder padded_decoder = open_stem(path, Stem::vocals, {.keeps_end_padding = true});
  AudioBuffer padded = read_all(padded_decoder);
  EXPECT_EQ(padded.samples(), 100352U);  // whole packets of 1024
  for (auto& channel : padded.channels) channel.resize(song.samples());
  EXPECT_EQ(padded.channels, song.channels);
}

TEST(StemFile, RefusesAFileWithoutTheFiveStreams) {
  const test::TemporaryFolder folder;
  const fs::path path = stem_file(folder, 4);
  try {
    static_cast<void>(open_stem(path, Stem::vocals));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    EXPECT_EQ(error.what(),
              "cannot decode: " + path.string() +
                  ": is no stem file; expected 5 audio streams (mixture, drums, bass, other, vocals), got 4");
  }
}

TEST(StemFile, IsKnownByItsName) {
  EXPECT_TRUE(is_stem_file("folder/A Song.stem.mp4"));
  EXPECT_TRUE(is_stem_file("B.STEM.MP4"));
  EXPECT_FALSE(is_stem_file("c.mp4"));
  EXPECT_FALSE(is_stem_file("d.stem.mp4/e.wav"));
}

const std::vector<std::string> kStreams = {"mixture", "accompaniment", "vocals"};

TEST(StemFileEncoder, WritesStreamsOfTheExactLengthWithTitlesTagsAndCover) {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "a.stem.mp4";
  constexpr std::size_t kSamples = 15 * 44100 + 17;
  test::run_ffmpeg({"-f", "lavfi", "-i", "color=red:size=48x32", "-frames:v", "1", folder / "cover.png"});
  std::ifstream picture(folder / "cover.png", std::ios::binary);
  const CoverImage cover = {"png", 48, 32, {std::istreambuf_iterator<char>(picture), {}}};
  const auto tone = [](std::size_t stem) {
    return test::sine(44100, kSamples, 2, 200.0 * (static_cast<double>(stem) + 1.0));
  };
  StemFileEncoder encoder(path, kStreams,
                          {AudioFormat::m4a, 44100, 2, {}, {{{"title", "Lied"}, {"artist", "Anon"}}, cover}});
  for (const std::size_t stem : {0U, 2U, 1U}) encoder.write(stem, tone(stem));
  encoder.finish();
  EXPECT_NEAR(encoder.peak(2), 0.5F, 1e-3F);
  EXPECT_EQ(encoder.clipped_samples(2), 0);

  for (std::size_t stem = 0; stem < 3; ++stem) {
    const AudioBuffer wanted = tone(stem);
    Decoder decoder(path, std::array<std::size_t, 3>{0, 3, 4}.at(stem));
    const AudioBuffer read = read_all(decoder);
    ASSERT_EQ(read.samples(), kSamples);
    double power = 0.0;
    double error = 0.0;
    for (std::size_t n = 0; n < kSamples; ++n) {
      power += std::pow(double{wanted.channels[1][n]}, 2.0);
      error += std::pow(double{wanted.channels[1][n]} - double{read.channels[1][n]}, 2.0);
    }
    EXPECT_LT(error, 1e-2 * power);
  }
  const Tags tags = Decoder(path).tags();
  EXPECT_EQ(tags.values, (std::map<std::string, std::string>{{"title", "Lied"}, {"artist", "Anon"}}));
  ASSERT_TRUE(tags.cover);
  EXPECT_EQ(tags.cover->bytes, cover.bytes);

  ASSERT_EQ(probe(path).audio_streams.size(), 5U);
  const auto probed = nlohmann::json::parse(test::run({"ffprobe", "-v", "error", "-show_streams",
                                                       "-select_streams", "a", "-of", "json", path.string()})
                                                .out)["streams"];
  for (std::size_t stem = 0; stem < 5; ++stem) {
    const std::array names = {"mixture", "silence", "silence", "accompaniment", "vocals"};
    EXPECT_EQ(probed[stem]["tags"]["handler_name"], names.at(stem));
    EXPECT_EQ(probed[stem]["codec_name"], "aac");
    EXPECT_EQ(probed[stem]["duration_ts"], kSamples);
    EXPECT_EQ(probed[stem]["disposition"]["default"], stem == 0 ? 1 : 0);
  }
}

/// The content of the box at this path of types ("moov.udta.stem"), found by a parser of its own.
std::string box_of(const std::string& bytes, const std::string& types) {
  std::size_t begin = 0;
  std::size_t end = bytes.size();
  for (std::size_t at = 0; at < types.size(); at += 5) {
    bool found = false;
    while (!found && begin + 8 <= end) {
      std::size_t size = 0;
      for (std::size_t i = 0; i < 4; ++i) size = size * 256 + static_cast<unsigned char>(bytes[begin + i]);
      if (size < 8 || begin + size > end) return {};
      found = bytes.compare(begin + 4, 4, types, at, 4) == 0;
      if (found) end = begin + size;
      begin += found ? 8 : size;
    }
    if (!found) return {};
  }
  return bytes.substr(begin, end - begin);
}

TEST(StemFileEncoder, DescribesTheStemsAsDjProgramsReadThem) {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "a.stem.mp4";
  StemFileEncoder encoder(path, kStreams,
                          {AudioFormat::m4a, 44100, 2, {}, {{{"title", "Lied"}, {"comment", "c"}}, {}}});
  for (const std::size_t stem : {0U, 1U, 2U}) {
    encoder.write(stem, test::sine(44100, 50000, 2));
  }
  encoder.finish();
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const auto description = nlohmann::json::parse(box_of(bytes, "moov.udta.stem"));
  EXPECT_EQ(description["version"], 1);
  ASSERT_EQ(description["stems"].size(), 4U);
  EXPECT_EQ(description["stems"][2]["name"], "accompaniment");
  EXPECT_EQ(description["stems"][3]["name"], "vocals");
  EXPECT_EQ(description["stems"][3]["color"].get<std::string>().size(), 7U);
  EXPECT_EQ(description["mastering_dsp"]["compressor"]["enabled"], false);
  EXPECT_EQ(Decoder(path).tags().values.at("title"), "Lied");
}

TEST(StemFileEncoder, WritesWhatOpenStemReads) {
  const test::TemporaryFolder folder;
  const fs::path path = folder / "a.stem.mp4";
  StemFileEncoder encoder(path, kStreams, {AudioFormat::m4a, 44100, 2});
  const AudioBuffer song = test::sine(44100, 50000, 2);
  for (const std::size_t stem : {0U, 1U, 2U}) encoder.write(stem, song);
  encoder.finish();
  const auto power = [&](Stem stem) {
    Decoder decoder = open_stem(path, stem);
    double sum = 0.0;
    const AudioBuffer audio = read_all(decoder);
    for (const float value : audio.channels[0]) sum += double{value} * double{value};
    return sum;
  };
  EXPECT_GT(power(Stem::vocals), 1000.0);
  EXPECT_GT(power(Stem::other), 1000.0);
  EXPECT_LT(power(Stem::drums), 1e-6);
  EXPECT_LT(power(Stem::bass), 1e-6);
}

TEST(StemFileEncoder, LeavesNothingBehindUnlessItFinished) {
  const test::TemporaryFolder folder;
  StemFileEncoder(folder / "a.stem.mp4", kStreams, {AudioFormat::m4a, 44100, 2})
      .write(2, test::sine(44100, 400000, 2));
  EXPECT_TRUE(fs::is_empty(folder.path()));
  EXPECT_THROW(StemFileEncoder(folder / "a.stem.mp4", kStreams, {AudioFormat::m4a, 192000, 2}), Error);
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(StemFile, HoldsAMixtureThatIsTheSumOfItsStems) {
  const fs::path path = fs::path(SVSEP_DATA_DIR) / "real" / "Music Delta - 80s Rock.stem.mp4";
  if (!fs::exists(path)) GTEST_SKIP() << "needs " << path;
  std::vector<AudioBuffer> stems;
  for (const Stem stem : kStems) {
    Decoder decoder = open_stem(path, stem);
    stems.push_back(read_all(decoder));
    EXPECT_EQ(stems.back().channels.size(), 2U);
    EXPECT_EQ(stems.back().samples(), stems.front().samples());
  }
  double energy = 0.0;
  double error = 0.0;
  for (std::size_t n = 0; n < stems[0].samples(); ++n) {
    const double mixture = stems[0].channels[0][n];
    double sum = 0.0;
    for (std::size_t s = 1; s < stems.size(); ++s) sum += stems[s].channels[0][n];
    energy += mixture * mixture;
    error += (mixture - sum) * (mixture - sum);
  }
  EXPECT_LT(error, 0.01 * energy);  // each stream was encoded on its own
}

}  // namespace
}  // namespace svsep
