// The song's time line: late beginnings, holes, damage, and where a file should end.
#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/decoder.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::run_ffmpeg;
using test::TemporaryFolder;

constexpr int kRateHz = 44100;

/// A file that ffmpeg makes of 10 s of a sweep.
fs::path made(const TemporaryFolder& folder, const std::string& name,
              const std::vector<std::string>& arguments, const std::vector<std::string>& before = {}) {
  test::write_wav_s16(folder / "song.wav", test::sweep(kRateHz, 10 * kRateHz, 2), kRateHz);
  std::vector<std::string> line = before;
  line.insert(line.end(), {"-i", (folder / "song.wav").string()});
  line.insert(line.end(), arguments.begin(), arguments.end());
  line.push_back((folder / name).string());
  run_ffmpeg(line);
  return folder / name;
}

const std::vector<std::string> kFilm = {"-f", "lavfi", "-i", "testsrc=d=12:s=64x64:r=10"};

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

struct Decoded {
  std::vector<float> samples;  ///< of the first channel
  DecodingReport report;
};

Decoded decoded(const fs::path& path, const DecoderOptions& options = {}) {
  Decoder decoder(path, options);
  Decoded result{read_all(decoder).channels.at(0), {}};
  result.report = decoder.report();
  return result;
}

/// Where `original` from `at` on lies in `samples`, by the best product within a second around `near`.
long place_of(const std::vector<float>& samples, long at, long near) {
  const AudioBuffer song = test::sweep(kRateHz, 10 * kRateHz, 2);
  long best = -1;
  double best_product = -1.0;
  for (long place = near - 3000; place <= near + 3000; ++place) {
    double product = 0.0;
    for (long n = 0; n < 2000; ++n) {
      product += double{song.channels[0][static_cast<std::size_t>(at + n)]} *
                 double{samples.at(static_cast<std::size_t>(place + n))};
    }
    if (product > best_product) {
      best_product = product;
      best = place;
    }
  }
  return best;
}

TEST(Timeline, HasSilenceWhereTheAudioOfAFilmBeginsLate) {
  const TemporaryFolder folder;
  for (const char* name : {"late.mkv", "late.mp4", "late.ts"}) {
    std::vector<std::string> before = kFilm;
    before.insert(before.end(), {"-itsoffset", "2"});
    const fs::path path =
        made(folder, name, {"-map", "0:v", "-map", "1:a", "-c:v", "mpeg4", "-c:a", "mp2"}, before);
    const Decoded song = decoded(path);
    EXPECT_NEAR(static_cast<double>(song.report.lead_samples), 2.0 * kRateHz, 0.06 * kRateHz) << name;
    EXPECT_NEAR(static_cast<double>(place_of(song.samples, 5 * kRateHz, 7 * kRateHz)), 7.0 * kRateHz,
                0.06 * kRateHz)
        << name;
    EXPECT_EQ(std::count(song.samples.begin(), song.samples.begin() + kRateHz, 0.0F), kRateHz) << name;
    EXPECT_FALSE(song.report.warnings.empty()) << name;
  }
}

TEST(Timeline, SelectsOnTheTimeLineOfALateSong) {
  const TemporaryFolder folder;
  const fs::path path = made(folder, "late.mka", {"-c:a", "flac"}, {"-itsoffset", "2"});
  const Decoded whole = decoded(path);
  ASSERT_EQ(whole.samples.size(), 12U * kRateHz);
  const Decoded part = decoded(path, {.range = {1.5, 3.25}});
  const auto at = [&](double seconds) { return whole.samples.begin() + std::lround(seconds * kRateHz); };
  EXPECT_EQ(part.samples, std::vector<float>(at(1.5), at(3.25)));
}

TEST(Timeline, FillsAHole) {
  const TemporaryFolder folder;
  for (const char* codec : {"libmp3lame", "flac", "aac", "libopus"}) {
    const fs::path path = made(folder, "hole.mkv", {"-af", "aselect='not(between(t,2,3))'", "-c:a", codec});
    const Decoded song = decoded(path);
    const double rate = song.samples.size() > 470000 ? 48000 : kRateHz;
    EXPECT_NEAR(static_cast<double>(song.samples.size()), 10.0 * rate, 0.05 * rate) << codec;
    EXPECT_NEAR(static_cast<double>(song.report.filled_samples), rate, 0.05 * rate) << codec;
    EXPECT_FALSE(song.report.warnings.empty()) << codec;
  }
}

TEST(Timeline, FillsNothingWhereNothingIsMissing) {
  const TemporaryFolder folder;
  for (const auto& [name, codec] : std::vector<std::pair<std::string, std::string>>{{"a.mkv", "aac"},
                                                                                    {"a.webm", "libopus"},
                                                                                    {"a.ogg", "libvorbis"},
                                                                                    {"a.opus", "libopus"},
                                                                                    {"a.mp3", "libmp3lame"},
                                                                                    {"a.m4a", "aac"},
                                                                                    {"a.ts", "aac"},
                                                                                    {"a.flv", "aac"},
                                                                                    {"a.wma", "wmav2"},
                                                                                    {"a.avi", "libmp3lame"},
                                                                                    {"a.aac", "aac"},
                                                                                    {"a.ac3", "ac3"},
                                                                                    {"a.wv", "wavpack"},
                                                                                    {"a.mka", "ac3"},
                                                                                    {"a.tta", "tta"},
                                                                                    {"a.caf", "pcm_s16be"},
                                                                                    {"a.mov", "pcm_s16le"},
                                                                                    {"a.flac", "flac"},
                                                                                    {"a.mpg", "mp2"}}) {
    const Decoded song = decoded(made(folder, name, {"-c:a", codec}));
    EXPECT_EQ(song.report.filled_samples, 0) << name;
    EXPECT_EQ(song.report.lead_samples, 0) << name;
    EXPECT_FALSE(song.report.is_cut_off) << name;
    EXPECT_EQ(song.report.damaged_packets, 0) << name;
  }
}

TEST(Timeline, KeepsWhatFollowsADamagedPartInItsPlace) {
  const TemporaryFolder folder;
  for (const auto& [name, codec] : std::vector<std::pair<std::string, std::string>>{
           {"a.flac", "flac"}, {"a.mp3", "libmp3lame"}, {"a.m4a", "aac"}}) {
    const fs::path path = made(folder, name, {"-c:a", codec, "-movflags", "faststart"});
    std::string bytes = bytes_of(path);
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2), 2500, '\0');
    write_bytes(path, bytes);
    const Decoded song = decoded(path);
    const double packet = name == "a.mp3" ? 1152.0 : 0.0;  // which has no clock, only bytes
    EXPECT_NEAR(static_cast<double>(place_of(song.samples, 8 * kRateHz, 8 * kRateHz)), 8.0 * kRateHz,
                packet + 1)
        << name;
    EXPECT_FALSE(song.report.warnings.empty()) << name;
  }
}

TEST(Timeline, FillsNothingBetweenJoinedMp3s) {
  const TemporaryFolder folder;
  const std::string song = bytes_of(made(folder, "a.mp3", {"-metadata", "title=" + std::string(3000, 'x')}));
  write_bytes(folder / "both.mp3", song + song);
  EXPECT_EQ(decoded(folder / "both.mp3").report.filled_samples, 0);
}

TEST(DeclaredEnd, TellsACutOffFileFromAWholeOne) {
  const TemporaryFolder folder;
  for (const auto& [name, codec] : std::vector<std::pair<std::string, std::string>>{
           {"a.wav", "pcm_s16le"},  {"a.w64", "pcm_s16le"}, {"a.mp3", "libmp3lame"}, {"a.ogg", "libvorbis"},
           {"a.opus", "libopus"},   {"a.mka", "flac"},      {"a.mkv", "aac"},        {"a.webm", "libopus"},
           {"a.aiff", "pcm_s16be"}, {"a.caf", "pcm_s16be"}, {"a.ac3", "ac3"},        {"a.avi", "libmp3lame"},
           {"a.flac", "flac"},      {"a.m4a", "aac"},       {"a.au", "pcm_s16be"},   {"a.wv", "wavpack"},
           {"a.aac", "aac"},        {"a.mp2", "mp2"},       {"a.tta", "tta"},        {"a.wma", "wmav2"},
           {"a.flv", "aac"}}) {
    const fs::path path = made(folder, name, {"-c:a", codec, "-movflags", "faststart"});
    const std::string bytes = bytes_of(path);
    EXPECT_FALSE(decoded(path).report.is_cut_off) << name;
    for (const std::size_t share : {39U, 83U}) {
      write_bytes(path, bytes.substr(0, bytes.size() * share / 100 + 1));
      const DecodingReport report = decoded(path).report;
      EXPECT_TRUE(report.is_cut_off) << name << " at " << share << " %";
      EXPECT_LT(report.length_s.value_or(99), 9.5) << name;
    }
  }
}

TEST(DeclaredEnd, NamesBothLengths) {
  const TemporaryFolder folder;
  const fs::path path = made(folder, "a.mp3", {});
  write_bytes(path, bytes_of(path).substr(0, 64000));
  const DecodingReport report = decoded(path).report;
  EXPECT_NEAR(report.declared_s.value_or(0), 10.0, 0.1);
  EXPECT_NEAR(report.length_s.value_or(0), 4.0, 0.1);
  ASSERT_FALSE(report.warnings.empty());
  EXPECT_NE(report.warnings.front().find(" s of 10.0"), std::string::npos) << report.warnings.front();
}

TEST(DeclaredEnd, IsNoneWhereAPipeWasTheWriter) {
  const TemporaryFolder folder;
  const fs::path song = made(folder, "a.wav", {});
  for (const char* format : {"wav", "matroska", "flac", "mp3"}) {
    const auto line = "ffmpeg -v error -i '" + song.string() + "' -f " + format + " - | cat > '" +
                      (folder / "piped").string() + "'";
    ASSERT_EQ(test::run_shell(line).exit_code, 0);
    EXPECT_FALSE(decoded(folder / "piped").report.is_cut_off) << format;
  }
}

// --- words and values ---

/// WAVE_FORMAT_EXTENSIBLE integers of `valid` bits at the upper end of words of `word` bytes.
fs::path extensible(const TemporaryFolder& folder, const std::vector<float>& samples, int valid, int word) {
  using test::detail::append;
  std::string data;
  for (const float value : samples) {
    const auto integer = static_cast<std::int64_t>(std::lrint(std::ldexp(value, valid - 1)));
    append(data, static_cast<std::uint64_t>(integer) << (8 * word - valid), word);
  }
  std::string bytes = "RIFF";
  append(bytes, 60 + data.size(), 4);
  bytes += "WAVEfmt ";
  append(bytes, 40, 4);
  append(bytes, 0xFFFE, 2);
  append(bytes, 1, 2);
  append(bytes, kRateHz, 4);
  append(bytes, static_cast<std::uint64_t>(kRateHz) * static_cast<std::uint64_t>(word), 4);
  append(bytes, static_cast<std::uint64_t>(word), 2);
  append(bytes, static_cast<std::uint64_t>(8 * word), 2);
  append(bytes, 22, 2);
  append(bytes, static_cast<std::uint64_t>(valid), 2);
  append(bytes, 4, 4);
  bytes += std::string("\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", 16);
  bytes += "data";
  append(bytes, data.size(), 4);
  write_bytes(folder / "words.wav", bytes + data);
  return folder / "words.wav";
}

TEST(WavWords, OfFewerBitsThanTheirSizeAreReadRightly) {
  const TemporaryFolder folder;
  const std::vector<float> song = test::sweep(kRateHz, kRateHz).channels[0];
  for (const auto& [valid, word] : std::vector<std::pair<int, int>>{
           {24, 4}, {20, 4}, {16, 4}, {20, 3}, {16, 3}, {12, 2}, {32, 4}, {24, 3}}) {
    const std::vector<float> read = decoded(extensible(folder, song, valid, word)).samples;
    ASSERT_EQ(read.size(), song.size()) << valid << " in " << word;
    double worst = 0.0;
    for (std::size_t n = 0; n < song.size(); ++n)
      worst = std::max(worst, double{std::abs(read[n] - song[n])});
    EXPECT_LE(worst, std::ldexp(1.0, -valid) + 1e-7) << valid << " in " << word;
  }
}

TEST(UnusableSamples, InGreatNumberAreAnError) {
  const TemporaryFolder folder;
  AudioBuffer song = test::noise(10000, 2);
  std::fill_n(song.channels[0].begin(), 500, std::nanf(""));  // 2.5 % of all
  test::write_wav_f32(folder / "a.wav", song, kRateHz);
  EXPECT_THROW(decoded(folder / "a.wav"), std::exception);
}

TEST(Decoder, HalvesRatesThatAreTooHigh) {
  const TemporaryFolder folder;
  const AudioBuffer song = test::sine(1'411'200, 1'411'200 / 2, 2, 1000.0);
  test::write_wav_f32(folder / "a.wav", song, 1'411'200);
  Decoder decoder(folder / "a.wav");
  EXPECT_EQ(decoder.sample_rate_hz(), 705'600);
  const AudioBuffer read = read_all(decoder);
  EXPECT_EQ(read.samples(), 705'600U / 2);
  const AudioBuffer expected = test::sine(705'600, 705'600 / 2, 2, 1000.0);
  for (std::size_t n = 1000; n + 1000 < read.samples(); n += 97) {
    EXPECT_NEAR(read.channels[1][n], expected.channels[1][n], 1e-3);
  }
}

// --- streams ---

TEST(Stream, IsTheOneFlaggedAsDefaultOrTheOneAskedFor) {
  const TemporaryFolder folder;
  test::write_wav_s16(folder / "a.wav", test::noise(5000), kRateHz);
  test::write_wav_s16(folder / "b.wav", test::noise(7000, 2), 32000);
  const fs::path path = folder / "two.mka";
  run_ffmpeg({"-i", folder / "a.wav", "-i", folder / "b.wav", "-map", "0", "-map", "1", "-c:a", "flac",
              "-disposition:a:0", "0", "-disposition:a:1", "default", "-metadata:s:a:0", "language=eng",
              "-metadata:s:a:1", "language=deu", path});
  const DecodingReport report = decoded(path).report;
  EXPECT_EQ(report.stream, 1U);
  EXPECT_EQ(report.streams, 2U);
  EXPECT_EQ(decoded(path, {.stream = 0}).samples.size(), 5000U);
  EXPECT_EQ(decoded(path, {.language = "eng"}).samples.size(), 5000U);
  EXPECT_EQ(decoded(path, {.language = "deu"}).samples.size(), 7000U);
  EXPECT_THROW(decoded(path, {.language = "fra"}), std::exception);
}

}  // namespace
}  // namespace svsep
