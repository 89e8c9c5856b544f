#include "media/film.hpp"

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/decoder.hpp"
#include "svsep/error.hpp"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <numbers>
#include <string>

namespace svsep {
namespace {

using test::run_ffmpeg;
using test::TemporaryFolder;

constexpr int kRateHz = 48000;
constexpr std::size_t kBeepSamples = 4800;

/// A film of 6 s with chapters and subtitles, whose sound is a beep at 3 s, and begins 1 s late.
void make_film(const TemporaryFolder& folder, const std::string& name) {
  AudioBuffer sound(1, 5 * kRateHz);
  for (std::size_t n = 0; n < kBeepSamples; ++n) {
    const double phase = std::numbers::pi * static_cast<double>(n);
    const double window = std::sin(phase / kBeepSamples);
    sound.channels[0][2 * kRateHz + n] = static_cast<float>(0.9 * window * window * std::sin(phase / 24));
  }
  test::write_wav_s16(folder / "sound.wav", sound, kRateHz);
  std::ofstream(folder / "a.srt") << "1\n00:00:01,000 --> 00:00:02,000\nHello\n";
  std::ofstream(folder / "chapters.txt")
      << ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=One\n"
      << "[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=6000\ntitle=Two\n";
  const bool is_mp4 = name.ends_with(".mp4");
  run_ffmpeg({"-f",
              "lavfi",
              "-i",
              "testsrc=d=6:s=64x64:r=25",
              "-itsoffset",
              "1",
              "-i",
              folder / "sound.wav",
              "-i",
              folder / "a.srt",
              "-i",
              folder / "chapters.txt",
              "-map",
              "0",
              "-map",
              "1",
              "-map",
              "2",
              "-map_metadata",
              "3",
              "-map_chapters",
              "3",
              "-c:v",
              "mpeg4",
              "-c:a",
              "aac",
              "-c:s",
              is_mp4 ? "mov_text" : "srt",
              folder / name});
}

nlohmann::json probed(const std::string& path) {
  return nlohmann::json::parse(
      test::run({"ffprobe", "-v", "error", "-show_streams", "-show_chapters", "-of", "json", path}).out);
}

/// Where its energy lies, in samples.
double centre(const AudioBuffer& sound) {
  double energy = 0.0;
  double moment = 0.0;
  for (std::size_t n = 0; n < sound.samples(); ++n) {
    const double power = double{sound.channels[0][n]} * double{sound.channels[0][n]};
    energy += power;
    moment += power * static_cast<double>(n);
  }
  return moment / energy;
}

TEST(ReplaceAudio, KeepsPictureSubtitlesAndChaptersAndIsInSync) {
  const TemporaryFolder folder;
  for (const std::string name : {"film.mp4", "film.mkv"}) {
    make_film(folder, name);
    Decoder before(folder / name);
    const AudioBuffer sound = read_all(before);
    EXPECT_NEAR(centre(sound), 3.0 * kRateHz + kBeepSamples / 2.0, 1100) << name;  // whose AAC has its delay
    test::write_wav_s16(folder / "new.wav", sound, kRateHz);
    const bool is_mp4 = film_extension(name) == "mp4";
    const std::string audio = is_mp4 ? "new.m4a" : "new.flac";
    EXPECT_EQ(film_audio_format(film_extension(name)), is_mp4 ? AudioFormat::m4a : AudioFormat::flac);
    run_ffmpeg({"-i", folder / "new.wav", "-b:a", "256k", folder / audio});
    replace_audio(folder / name, folder / audio, folder / ("out." + name))->commit();

    const auto probe = probed((folder / ("out." + name)).string());
    ASSERT_GE(probe["streams"].size(), 3U) << name;  // an MP4 has its chapters in another one
    EXPECT_EQ(probe["streams"][0]["codec_type"], "video");
    EXPECT_EQ(probe["streams"][1]["codec_type"], "subtitle");
    EXPECT_EQ(probe["streams"][2]["codec_type"], "audio");
    ASSERT_EQ(probe["chapters"].size(), 2U) << name;
    EXPECT_EQ(probe["chapters"][1]["tags"]["title"], "Two");
    EXPECT_NEAR(std::stod(probe["chapters"][1]["start_time"].get<std::string>()), 2.0, 0.01);
    Decoder after(folder / ("out." + name));
    const AudioBuffer replaced = read_all(after);
    EXPECT_EQ(std::stod(probe["streams"][0]["start_time"].get<std::string>()), 0) << name;
    EXPECT_NEAR(centre(replaced), centre(sound), is_mp4 ? 50 : 0.01) << name;  // AAC smears the beep
  }
}

TEST(ReplaceAudio, SaysWhatItCannotKeep) {
  const TemporaryFolder folder;
  test::write_wav_s16(folder / "a.wav", test::noise(48000), kRateHz);
  EXPECT_THROW(require_picture(folder / "a.wav"), Error);
  EXPECT_THROW(static_cast<void>(replace_audio(folder / "a.wav", folder / "a.wav", folder / "out.mkv")),
               Error);
  make_film(folder, "film.mkv");
  EXPECT_NO_THROW(require_picture(folder / "film.mkv"));
  for (const char* name : {"out.webm", "out.strange"}) {
    EXPECT_THROW(static_cast<void>(replace_audio(folder / "film.mkv", folder / "a.wav", folder / name)),
                 Error);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "out.mkv"));
  EXPECT_FALSE(std::filesystem::exists(folder / "out.webm"));
}

}  // namespace
}  // namespace svsep
