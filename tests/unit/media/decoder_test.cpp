#include "svsep/decoder.hpp"

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/error.hpp"
#include "svsep/probe.hpp"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::noise;
using test::run_ffmpeg;
using test::sweep;
using test::TemporaryFolder;
using test::write_wav_f32;
using test::write_wav_s16;

constexpr int kRateHz = 44100;
constexpr std::size_t kOddLength = 225943;  // 5.12 s; no codec's frame divides it

AudioBuffer decode(const fs::path& path, std::size_t stream = 0, const TimeRange& range = {}) {
  Decoder decoder(path, stream, range);
  return read_all(decoder);
}

/// The text of the Error(input) that `action` throws.
template <class Action>
std::string input_error(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::input);
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = a.size() == b.size() ? 0.0 : std::numeric_limits<double>::infinity();
  for (std::size_t n = 0; n < std::min(a.size(), b.size()); ++n) {
    most = std::max(most, static_cast<double>(std::abs(a[n] - b[n])));
  }
  return most;
}

/// By how many samples `decoded` comes later than `original`, within -1500..1500, at `at`.
int delay_of(const std::vector<float>& decoded, const std::vector<float>& original, std::size_t at) {
  int best = 0;
  double best_product = -1.0;
  for (int lag = -1500; lag <= 1500; ++lag) {
    double product = 0.0;
    for (std::size_t n = at; n < at + 4000; ++n) {
      product += double{original[n]} * double{decoded[n + static_cast<std::size_t>(lag + 1500) - 1500]};
    }
    if (product > best_product) {
      best_product = product;
      best = lag;
    }
  }
  return best;
}

struct Format {
  std::string name;
  std::vector<std::string> arguments;
  int rate_hz = kRateHz;
  double tolerance = 0.0;  // of a seek
};

void PrintTo(const Format& format, std::ostream* stream) { *stream << format.name; }

fs::path encoded(const TemporaryFolder& folder, const Format& format, const AudioBuffer& song) {
  write_wav_s16(folder / "song.wav", song, format.rate_hz);
  std::vector<std::string> arguments = {"-i", (folder / "song.wav").string()};
  arguments.insert(arguments.end(), format.arguments.begin(), format.arguments.end());
  const fs::path path = folder / format.name;
  arguments.push_back(path.string());
  run_ffmpeg(arguments);
  return path;
}

// --- every sample, at its place ---

TEST(Decoder, ReturnsTheSamplesOfA16BitWav) {
  const TemporaryFolder folder;
  for (const int rate_hz : {8000, 44100, 192000}) {
    for (const std::size_t channels : {1U, 2U, 6U, 8U}) {
      const AudioBuffer song = noise(5001, channels);
      write_wav_s16(folder / "a.wav", song, rate_hz);
      Decoder decoder(folder / "a.wav");
      EXPECT_EQ(decoder.sample_rate_hz(), rate_hz);
      EXPECT_EQ(decoder.channels(), static_cast<int>(channels));
      EXPECT_EQ(decoder.expected_samples(), 5001);
      const AudioBuffer read = read_all(decoder);
      ASSERT_EQ(read.channels.size(), channels);
      for (std::size_t c = 0; c < channels; ++c) {
        EXPECT_LE(difference(read.channels[c], song.channels[c]), 0.5 / 32768);
      }
    }
  }
}

TEST(Decoder, ReturnsTheSamplesOfAFloatWavUnchangedEvenBeyondFullScale) {
  const TemporaryFolder folder;
  const AudioBuffer song = noise(5001, 2, 3.0);
  write_wav_f32(folder / "a.wav", song, kRateHz);
  EXPECT_EQ(decode(folder / "a.wav").channels, song.channels);
}

class LosslessAndLossy : public testing::TestWithParam<Format> {};

TEST_P(LosslessAndLossy, HasTheLengthAndThePlaceOfTheSongThatWasEncoded) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(GetParam().rate_hz, kOddLength, 2);
  Decoder decoder(encoded(folder, GetParam(), song));
  EXPECT_EQ(decoder.sample_rate_hz(), GetParam().rate_hz);
  const AudioBuffer read = read_all(decoder);
  EXPECT_EQ(read.samples(), kOddLength);
  EXPECT_EQ(decoder.damaged_packets(), 0);
  ASSERT_EQ(read.channels.size(), 2U);
  for (std::size_t c = 0; c < 2; ++c) {
    EXPECT_EQ(delay_of(read.channels[c], song.channels[c], 40000), 0);
    EXPECT_EQ(delay_of(read.channels[c], song.channels[c], kOddLength - 10000), 0);
  }
}

TEST_P(LosslessAndLossy, GivesForASelectionThatSliceOfTheWhole) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(GetParam().rate_hz, 12 * kRateHz + 17, 2);
  const fs::path path = encoded(folder, GetParam(), song);
  const AudioBuffer whole = decode(path);
  const double rate = GetParam().rate_hz;
  for (const double start_s : {0.0, 0.00001, 0.5, 2.3456789, 7.000013, 10.9}) {
    const double end_s = start_s + 0.777;
    const AudioBuffer part = decode(path, 0, {start_s, end_s});
    const std::ptrdiff_t from = std::lround(start_s * rate);
    const std::ptrdiff_t to =
        std::min<std::ptrdiff_t>(std::lround(end_s * rate), std::ssize(whole.channels[0]));
    for (std::size_t c = 0; c < 2; ++c) {
      const auto begin = whole.channels[c].begin();
      EXPECT_LE(difference(part.channels[c], {begin + from, begin + to}), GetParam().tolerance) << start_s;
    }
  }
}

// AAC's noise substitution draws other noise after a seek, and intensity stereo moves sound between channels:
// neither is what is tested here.
INSTANTIATE_TEST_SUITE_P(
    Formats, LosslessAndLossy,
    testing::Values(Format{"a.wav", {}}, Format{"a.flac", {}}, Format{"a.mp3", {"-b:a", "192k"}},
                    Format{"vbr.mp3", {"-q:a", "4"}},
                    Format{"a.m4a", {"-aac_pns", "0", "-aac_is", "0"}, kRateHz, 1e-6},
                    Format{"alac.m4a", {"-c:a", "alac"}}, Format{"pcm.mov", {"-c:a", "pcm_s16be"}},
                    Format{"a.ogg", {"-c:a", "libvorbis"}}, Format{"a.opus", {"-c:a", "libopus"}, 48000},
                    Format{"a.webm", {"-c:a", "libopus"}, 48000}, Format{"a.wv", {"-c:a", "wavpack"}}),
    [](const auto& instance) {
      std::string name = instance.param.name;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

TEST(Decoder, KeepsTheEncoderDelayWhereTheFormatCannotStateIt) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(kRateHz, kOddLength);
  const AudioBuffer read = decode(encoded(folder, {"a.aac", {"-aac_pns", "0"}}, song));  // raw ADTS
  EXPECT_EQ(read.samples() % 1024, 0U);
  EXPECT_GE(read.samples(), kOddLength + 1024);
  EXPECT_EQ(delay_of(read.channels[0], song.channels[0], 40000), 1024);
}

TEST(Decoder, GivesForASelectionThatSliceAlsoWhereTimeStampsAreEstimates) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(kRateHz, 12 * kRateHz);
  for (const Format& format : {Format{"a.aac", {}}, Format{"noindex.mp3", {"-q:a", "5", "-write_xing", "0"}},
                               Format{"a.mka", {"-c:a", "libmp3lame"}}}) {
    const fs::path path = encoded(folder, format, song);
    const AudioBuffer whole = decode(path);
    const AudioBuffer part = decode(path, 0, {8.0, 9.5});
    const auto begin = whole.channels[0].begin();
    EXPECT_EQ(part.channels[0], std::vector<float>(begin + 8 * kRateHz, begin + 19 * kRateHz / 2))
        << format.name;
  }
}

TEST(Decoder, ReadsAFragmentedMp4ToItsEnd) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(kRateHz, 12 * kRateHz);
  const AudioBuffer read = decode(encoded(
      folder, {"a.mp4", {"-movflags", "frag_keyframe+empty_moov", "-frag_duration", "3000000"}}, song));
  EXPECT_GE(read.samples(), song.samples());
  EXPECT_LE(read.samples(), song.samples() + 2048);
}

TEST(Decoder, DecodesUpToTheEndWhereTheSelectionGoesBeyondIt) {
  const TemporaryFolder folder;
  write_wav_s16(folder / "a.wav", noise(1000), 1000);
  EXPECT_EQ(decode(folder / "a.wav", 0, {0.25, 1e300}).samples(), 750U);
}

TEST(Decoder, ConvertsAStreamThatChangesItsRateToHowItBegan) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(kRateHz, 3 * kRateHz, 2);
  const std::string first = bytes_of(encoded(folder, {"a.mp3", {}}, song));
  const std::string second = bytes_of(encoded(folder, {"b.mp3", {"-ar", "22050", "-ac", "1"}}, song));
  write_bytes(folder / "both.mp3", first + second);
  Decoder decoder(folder / "both.mp3");
  const AudioBuffer read = read_all(decoder);
  EXPECT_EQ(decoder.sample_rate_hz(), kRateHz);
  EXPECT_EQ(decoder.channels(), 2);
  EXPECT_NEAR(static_cast<double>(read.samples()), 6.0 * kRateHz, 0.1 * kRateHz);
}

// --- streams ---

TEST(Decoder, DecodesTheStreamAskedFor) {
  const TemporaryFolder folder;
  write_wav_s16(folder / "a.wav", noise(5000, 1), kRateHz);
  write_wav_s16(folder / "b.wav", noise(7000, 2), 32000);
  run_ffmpeg({"-i", folder / "a.wav", "-i", folder / "b.wav", "-map", "0", "-map", "1", "-c:a", "flac",
              "-metadata", "title=A song", "-metadata:s:a:1", "title=second", folder / "two.mka"});
  EXPECT_EQ(decode(folder / "two.mka", 0).samples(), 5000U);
  EXPECT_EQ(decode(folder / "two.mka", 1).samples(), 7000U);
  EXPECT_NE(input_error([&] { decode(folder / "two.mka", 2); }).find("has no audio stream 2; expected 0..1"),
            std::string::npos);

  const MediaInfo info = probe(folder / "two.mka");
  EXPECT_EQ(info.container, "matroska,webm");
  ASSERT_EQ(info.audio_streams.size(), 2U);
  EXPECT_EQ(info.audio_streams[1].codec, "flac");
  EXPECT_EQ(info.audio_streams[1].title, "second");
  EXPECT_EQ(info.audio_streams[1].sample_rate_hz, 32000);
  EXPECT_EQ(info.audio_streams[1].channels, 2);
  EXPECT_EQ(info.tags.at("title"), "A song");
}

TEST(Decoder, IgnoresPictures) {
  const TemporaryFolder folder;
  write_wav_s16(folder / "a.wav", sweep(kRateHz, kOddLength), kRateHz);
  run_ffmpeg({"-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1", folder / "cover.png"});
  run_ffmpeg({"-i", folder / "cover.png", "-i", folder / "a.wav", "-map", "0", "-map", "1", "-c:v", "copy",
              "-disposition:v", "attached_pic", folder / "a.mp3"});
  EXPECT_EQ(decode(folder / "a.mp3").samples(), kOddLength);
  EXPECT_EQ(probe(folder / "a.mp3").audio_streams.size(), 1U);
  EXPECT_NE(input_error([&] { decode(folder / "cover.png"); }).find("holds no audio stream"),
            std::string::npos);
}

TEST(Probe, FindsTheTagsThatOggKeepsInTheStream) {
  const TemporaryFolder folder;
  write_wav_s16(folder / "a.wav", sweep(kRateHz, kRateHz), kRateHz);
  run_ffmpeg({"-i", folder / "a.wav", "-metadata", "title=Lied", "-c:a", "libvorbis", folder / "a.ogg"});
  const MediaInfo info = probe(folder / "a.ogg");
  const auto title = std::find_if(info.tags.begin(), info.tags.end(), [](const auto& tag) {
    return tag.first == "title" || tag.first == "TITLE";
  });
  ASSERT_NE(title, info.tags.end());
  EXPECT_EQ(title->second, "Lied");
  EXPECT_NEAR(info.audio_streams.at(0).duration_s.value(), 1.0, 1e-3);
}

// --- names ---

TEST(Decoder, OpensFilesOfAnyName) {
  const TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  for (const char* name :
       {"a:b.wav", "-x.wav", "http:x.wav", "Ünïcode 歌 song.wav", "100%25.wav", "a|b?c#d.wav"}) {
    write_wav_s16(fs::path(name), noise(100), 8000);
    EXPECT_EQ(decode(name).samples(), 100U) << name;
    EXPECT_EQ(decode(folder / name).samples(), 100U) << name;
  }
  fs::current_path(before);
}

TEST(Decoder, ReadsAPipe) {
  const TemporaryFolder folder;
  write_wav_s16(folder / "a.wav", noise(200000), kRateHz);
  const auto line = "mkfifo '" + (folder / "pipe").string() + "' && { cat '" + (folder / "a.wav").string() +
                    "' > '" + (folder / "pipe").string() + "' & }";
  ASSERT_EQ(test::run_shell(line).exit_code, 0);
  EXPECT_EQ(decode(folder / "pipe", 0, {3.0, std::nullopt}).samples(), 200000U - 3 * kRateHz);
}

// --- what is wrong is said, and nothing else ---

TEST(Decoder, SaysWhatIsWrongWithAFileThatHoldsNoAudio) {
  const TemporaryFolder folder;
  write_bytes(folder / "text.mp3", "This is no music.\n");
  write_bytes(folder / "empty.mp3", "");
  write_wav_s16(folder / "silent.wav", AudioBuffer(2, 0), kRateHz);
  testing::internal::CaptureStderr();
  const std::string none = input_error([&] { decode(folder / "none.wav"); });
  EXPECT_EQ(none, "cannot decode: " + (folder / "none.wav").string() + ": No such file or directory");
  EXPECT_EQ(input_error([&] { decode(folder.path()); }),
            "cannot decode: " + folder.path().string() + ": is a folder; expected an audio file");
  EXPECT_EQ(input_error([&] { decode(folder / "silent.wav"); }),
            "cannot decode: " + (folder / "silent.wav").string() + ": holds no audio samples");
  write_bytes(folder / "empty.wav", "");
  for (const char* name : {"empty.mp3", "empty.wav"}) {
    EXPECT_EQ(input_error([&] { decode(folder / name); }),
              "cannot decode: " + (folder / name).string() + ": is empty; expected an audio file");
  }
  EXPECT_NE(input_error([&] { decode(folder / "text.mp3"); }).find("is not a media file that FFmpeg knows"),
            std::string::npos);
  for (const char* name : {"text.mp3", "empty.mp3"}) {
    EXPECT_NE(input_error([&] { decode(folder / name); }).find(name), std::string::npos);
    EXPECT_NE(input_error([&] { static_cast<void>(probe(folder / name)); }).find(name), std::string::npos);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Decoder, RefusesAnEmptySelection) {
  const TemporaryFolder folder;
  write_wav_s16(folder / "a.wav", noise(8000), 8000);
  for (const TimeRange& range : {TimeRange{-1.0, 0.5}, TimeRange{0.5, 0.5}, TimeRange{0.6, 0.5},
                                 TimeRange{std::nan(""), std::nullopt}}) {
    EXPECT_NE(input_error([&] { decode(folder / "a.wav", 0, range); }).find("selected range is empty"),
              std::string::npos);
  }
  EXPECT_NE(input_error([&] {
              decode(folder / "a.wav", 0, {0.5, 0.50001});
            }).find("shorter than one sample"),
            std::string::npos);
}

TEST(Decoder, SaysWhereTheSongEndsWhenTheSelectionBeginsBehindIt) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(8000, 5 * 8000);
  for (const Format& format : {Format{"a.wav", {}, 8000}, Format{"a.flac", {}, 8000},
                               Format{"a.mp3", {}, 8000}, Format{"a.m4a", {}, 8000}}) {
    const fs::path path = encoded(folder, format, song);
    for (const double start_s : {5.0, 6.0, 1e300}) {
      const std::string text = input_error([&] { decode(path, 0, {start_s, std::nullopt}); });
      EXPECT_NE(text.find("nothing in the selected range; expected a start before 5.0"), std::string::npos)
          << text;
    }
  }
}

TEST(Decoder, GivesWhatATruncatedFileStillHolds) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(kRateHz, 10 * kRateHz);
  for (const Format& format : {Format{"a.wav", {}}, Format{"a.mp3", {}}, Format{"a.flac", {}},
                               Format{"a.ogg", {}}, Format{"a.m4a", {"-movflags", "faststart"}}}) {
    const fs::path path = encoded(folder, format, song);
    const std::string bytes = bytes_of(path);
    write_bytes(path, bytes.substr(0, bytes.size() * 6 / 10));
    const AudioBuffer read = decode(path);
    EXPECT_GT(read.samples(), 3U * kRateHz) << format.name;
    EXPECT_LT(read.samples(), 9U * kRateHz) << format.name;
    EXPECT_EQ(delay_of(read.channels[0], song.channels[0], 2 * kRateHz), 0) << format.name;
  }
}

TEST(Decoder, SkipsAndCountsDamagedPackets) {
  const TemporaryFolder folder;
  const AudioBuffer song = sweep(kRateHz, 10 * kRateHz);
  const std::string whole = bytes_of(encoded(folder, {"a.m4a", {"-movflags", "faststart"}}, song));
  const std::size_t media = whole.find("mdat") + 4;
  for (const std::size_t from :
       {media, media + (whole.size() - media) / 2}) {  // the first packets, the middle
    std::string bytes = whole;
    for (std::size_t n = from; n < from + 3000; ++n) bytes[n] = static_cast<char>(0xFF);
    write_bytes(folder / "damaged.m4a", bytes);
    testing::internal::CaptureStderr();
    Decoder decoder(folder / "damaged.m4a");
    const AudioBuffer read = read_all(decoder);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    EXPECT_GT(decoder.damaged_packets(), 0);
    EXPECT_EQ(read.samples(), 10U * kRateHz);  // with silence in their place
  }
  std::string bytes = whole;
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(media), bytes.end(), static_cast<char>(0xFF));
  write_bytes(folder / "damaged.m4a", bytes);
  EXPECT_NE(input_error([&] { decode(folder / "damaged.m4a"); }).find("nothing could be decoded"),
            std::string::npos);
}

TEST(Decoder, ReadsNoOtherFileThatAPlaylistNames) {
  const TemporaryFolder folder;
  test::run_ffmpeg({"-f", "lavfi", "-i", "sine=duration=1", folder / "other.ts"});
  const std::string other = (folder / "other.ts").string();
  write_bytes(folder / "a.wav",
              "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:" + other + "\n#EXT-X-ENDLIST\n");
  write_bytes(folder / "b.mp3", "ffconcat version 1.0\nfile other.ts\n");
  for (const char* name : {"a.wav", "b.mp3"}) {
    EXPECT_NE(input_error([&] { decode(folder / name); }), "") << name;
    EXPECT_NE(input_error([&] { static_cast<void>(probe(folder / name)); }), "") << name;
  }
}

TEST(Decoder, TurnsUnusableSamplesIntoSilenceAndCountsThem) {
  const TemporaryFolder folder;
  AudioBuffer song = noise(10000, 2);
  song.channels[0][17] = std::numeric_limits<float>::quiet_NaN();
  song.channels[1][9999] = -std::numeric_limits<float>::infinity();
  song.channels[1][500] = 1e12F;
  song.channels[1][501] = -2e12F;
  write_wav_f32(folder / "a.wav", song, kRateHz);
  song.channels[0][17] = song.channels[1][501] = song.channels[1][9999] = 0.0F;
  Decoder decoder(folder / "a.wav");
  EXPECT_EQ(read_all(decoder).channels, song.channels);
  EXPECT_EQ(decoder.unusable_samples(), 3);
  AudioBuffer block;
  EXPECT_FALSE(decoder.read(block));
}

}  // namespace
}  // namespace svsep
