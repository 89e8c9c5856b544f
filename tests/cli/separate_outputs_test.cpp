#include "separate_fixture.hpp"
#include "svsep/encoder.hpp"
#include "svsep/stem_file.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

namespace svsep {
namespace {

using test::decode;
using Names = std::vector<std::string>;

class SeparateOutputs : public test::SeparateTest {
 protected:
  /// The JSON objects that the run printed.
  static std::vector<nlohmann::json> reports(const test::RunResult& result) {
    std::vector<nlohmann::json> objects;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
    return objects;
  }
};

/// The largest difference of `vocal_gain` x vocals + `accompaniment_gain` x accompaniment from `sum`.
float largest_difference(const AudioBuffer& vocals, float vocal_gain, const AudioBuffer& accompaniment,
                         float accompaniment_gain, const AudioBuffer& sum) {
  float largest = 0;
  for (std::size_t c = 0; c < sum.channels.size(); ++c) {
    for (std::size_t n = 0; n < sum.samples(); ++n) {
      const float expected =
          vocal_gain * vocals.channels[c][n] + accompaniment_gain * accompaniment.channels[c][n];
      largest = std::max(largest, std::abs(expected - sum.channels[c][n]));
    }
  }
  return largest;
}

/// A format, and whether it can hold six channels.
class SeparateFormats : public SeparateOutputs, public ::testing::WithParamInterface<FormatName> {};

TEST_P(SeparateFormats, KeepTheSampleCountOfEveryRateAndChannelCount) {
  const FormatName& format = GetParam();
  Names arguments = {"--jobs", "2", "--quiet", "--stems", "vocals", "--format", std::string(format.name)};
  const std::vector<std::size_t> channel_counts =
      format.format == AudioFormat::mp3 ? std::vector<std::size_t>{1, 2} : std::vector<std::size_t>{1, 2, 6};
  const std::vector<int> rates_hz = {8000, 16000, 22050, 32000, 44100, 48000, 96000, 192000};
  const auto samples_at = [](int rate_hz) { return static_cast<std::size_t>(rate_hz / 5 + 77); };
  const auto name_of = [](int rate_hz, std::size_t channels) {
    return std::to_string(rate_hz) + "-" + std::to_string(channels);
  };
  for (const int rate_hz : rates_hz) {
    for (const std::size_t channels : channel_counts) {
      const std::string name = name_of(rate_hz, channels) + ".wav";
      test::write_wav_s16(folder_ / name, test::noise(samples_at(rate_hz), channels, 0.2), rate_hz);
      arguments.push_back(name);
    }
  }
  const test::RunResult result = separate(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const int rate_hz : rates_hz) {
    const int out_hz = nearest_sample_rate(format.format, rate_hz);
    const auto in_samples = static_cast<double>(samples_at(rate_hz));
    const auto samples = static_cast<std::size_t>(std::llround(in_samples * out_hz / rate_hz));
    for (const std::size_t channels : channel_counts) {
      expect_audio("separated/" + name_of(rate_hz, channels) + "/vocals." + std::string(format.extension),
                   out_hz, channels, samples);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SeparateFormats, ::testing::ValuesIn(kFormatNames),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(SeparateOutputs, SaysWhichFormatsHoldTheChannels) {
  write_song("song.wav", 2000, 6);
  expect_failure(separate({"song.wav", "--quiet", "--format", "mp3"}), 4, {"vocals.mp3", "6 channels"});
}

TEST_F(SeparateOutputs, ResamplesAsToldToAndSaysWhereTheFormatForcesIt) {
  write_song("song.wav", 22050, 2);
  ASSERT_EQ(separate({"song.wav", "--sample-rate", "48000"}).exit_code, 0);
  expect_stems("song", 48000, 2, 48000);
  const test::RunResult opus = separate({"song.wav", "--format", "opus"});
  EXPECT_EQ(opus.exit_code, 0);
  EXPECT_NE(opus.err.find("cannot hold 22050 Hz; resampled to 48000 Hz"), std::string::npos) << opus.err;
}

TEST_F(SeparateOutputs, WritesAStemFileWithMixtureAccompanimentAndVocals) {
  write_song("song.wav", 30001, 2);
  for (const char* clip : {"clip", "rescale"}) {
    const test::RunResult result =
        separate({"song.wav", "--format", "stem.mp4", "--overwrite", "--bitrate", "256", "--clip", clip});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(files("separated"), Names{"song.stem.mp4"});
    for (std::size_t stream = 0; stream < 5; ++stream) {  // two of them silent
      Decoder decoder(folder_ / "separated/song.stem.mp4", stream);
      EXPECT_EQ(read_all(decoder).samples(), 30001U);
    }
    const AudioBuffer song = decode(folder_ / "song.wav");
    const AudioBuffer mixture = decode(folder_ / "separated/song.stem.mp4");
    double dot = 0;
    double energy = 0;
    for (std::size_t n = 0; n < song.samples(); ++n) {
      dot += song.channels[1][n] * mixture.channels[1][n];
      energy += song.channels[1][n] * song.channels[1][n];
    }
    EXPECT_NEAR(dot / energy, 1, 0.1) << "the first stream is the mixture, in step";
  }
}

TEST_F(SeparateOutputs, CarriesTheTagsOver) {
  write_song("plain.wav", 22050, 2);
  test::run_ffmpeg({"-i", (folder_ / "plain.wav").string(), "-metadata", "title=The Title", "-metadata",
                    "artist=Someone", (folder_ / "song.mp3").string()});
  ASSERT_EQ(separate({"song.mp3", "--format", "flac", "--stems", "vocals"}).exit_code, 0);
  const Tags tags = Decoder(folder_ / "separated/song/vocals.flac").tags();
  EXPECT_EQ(tags.values.at("title"), "The Title");
  EXPECT_EQ(tags.values.at("artist"), "Someone");
}

TEST_F(SeparateOutputs, NamesTheStemInTheTitleWhereAskedTo) {
  write_song("plain.wav", 22050, 2);
  test::run_ffmpeg({"-i", (folder_ / "plain.wav").string(), "-metadata", "title=The Title",
                    (folder_ / "song.mp3").string()});
  ASSERT_EQ(separate({"song.mp3", "plain.wav", "--format", "flac", "--stem-in-title"}).exit_code, 0);
  const auto title_of = [&](const char* file) {
    return Decoder(folder_ / "separated" / file).tags().values.at("title");
  };
  EXPECT_EQ(title_of("song/vocals.flac"), "The Title (vocals)");
  EXPECT_EQ(title_of("song/accompaniment.flac"), "The Title (accompaniment)");
  EXPECT_EQ(title_of("plain/vocals.flac"), "plain (vocals)");
}

TEST_F(SeparateOutputs, FollowsTheTemplate) {
  write_song("in/sub/song.wav");
  ASSERT_EQ(separate({"in", "--output-template", "{stem}/{dir}/{name} - {stem}.{ext}"}).exit_code, 0);
  EXPECT_EQ(files("separated"),
            (Names{"accompaniment/sub/song - accompaniment.wav", "vocals/sub/song - vocals.wav"}));
}

TEST_F(SeparateOutputs, MixesAKaraokeTrackWithTheGainsAskedFor) {
  write_song("song.wav", 9000, 2);
  ASSERT_EQ(separate({"song.wav", "--format", "wav32f"}).exit_code, 0);
  const AudioBuffer vocals = decode(folder_ / "separated/song/vocals.wav");
  const AudioBuffer accompaniment = decode(folder_ / "separated/song/accompaniment.wav");
  ASSERT_EQ(separate({"song.wav", "--format", "wav32f", "-o", "plain", "--karaoke"}).exit_code, 0);
  EXPECT_EQ(files("plain"), Names{"song/karaoke.wav"});
  EXPECT_EQ(decode(folder_ / "plain/song/karaoke.wav").channels, accompaniment.channels);
  ASSERT_EQ(separate({"song.wav", "--format", "wav32f", "-o", "mix", "--karaoke", "--vocal-gain", "-12",
                      "--acc-gain", "3"})
                .exit_code,
            0);
  EXPECT_LT(largest_difference(vocals, std::pow(10.0F, -12.0F / 20), accompaniment,
                               std::pow(10.0F, 3.0F / 20), decode(folder_ / "mix/song/karaoke.wav")),
            1e-6F);
}

TEST_F(SeparateOutputs, AddsUpToTheSongInResidualMode) {
  for (const int rate_hz : {22050, 44100, 48000}) {
    const AudioBuffer song = test::noise(40000, 2, 0.9);
    test::write_wav_f32(folder_ / "song.wav", song, rate_hz);
    ASSERT_EQ(separate({"song.wav", "--format", "wav32f", "--acc-from", "residual", "--vocal-thresh", "0.3",
                        "--overwrite"})
                  .exit_code,
              0);
    EXPECT_LT(largest_difference(decode(folder_ / "separated/song/vocals.wav"), 1,
                                 decode(folder_ / "separated/song/accompaniment.wav"), 1, song),
              1e-6F)  // -120 dBFS
        << rate_hz;
  }
}

TEST_F(SeparateOutputs, CountsWhatClipsUnlessTheFormatHoldsIt) {
  test::write_wav_f32(folder_ / "song.wav", test::sine(22050, 20000, 2, 440, 2.5), 22050);
  const test::RunResult clipped = separate({"song.wav", "--json", "-o", "clip"});
  EXPECT_EQ(clipped.exit_code, 0) << clipped.err;
  EXPECT_NE(clipped.err.find("beyond full scale"), std::string::npos) << clipped.err;
  const nlohmann::json report = reports(clipped).at(0);
  EXPECT_GT(report.at("clipped_samples"), 0);
  EXPECT_GT(report.at("peak"), 1.0);
  const test::RunResult kept = separate({"song.wav", "--json", "-o", "float", "--format", "wav32f"});
  EXPECT_EQ(reports(kept).at(0).at("clipped_samples"), 0);
  EXPECT_EQ(reports(kept).at(0).at("peak"), report.at("peak"));
}

TEST_F(SeparateOutputs, TurnsAllOutputsDownAlikeWhereToldTo) {
  test::write_wav_f32(folder_ / "song.wav", test::sine(22050, 20000, 2, 440, 2.5), 22050);
  ASSERT_EQ(separate({"song.wav", "-o", "float", "--format", "wav32f"}).exit_code, 0);
  for (const char* format : {"wav16", "flac"}) {
    const test::RunResult result =
        separate({"song.wav", "--json", "--overwrite", "--format", format, "--clip", "rescale"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const nlohmann::json report = reports(result).at(0);
    EXPECT_EQ(report.at("clipped_samples"), 0);
    EXPECT_NEAR(report.at("peak"), 1, 1e-4);
    const float gain = report.at("gain");
    EXPECT_LT(gain, 1);
    for (const char* stem : {"vocals", "accompaniment"}) {
      const AudioBuffer loud = decode(folder_ / "float/song" / (std::string(stem) + ".wav"));
      const AudioBuffer fitted = decode(folder_ / report.at("outputs").at(stem).get<std::string>());
      EXPECT_LT(largest_difference(loud, gain, loud, 0, fitted), 4e-5F) << stem;
    }
  }
  EXPECT_EQ(files("separated").size(), 4U) << "nothing but the stems stays";
}

TEST_F(SeparateOutputs, DrawsASpectrogram) {
  write_song("song.wav", 30000, 2);
  const test::RunResult result = separate({"song.wav", "--plot", "--stems", "vocals", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(files("separated/song"), (Names{"spectrogram.png", "vocals.wav"}));
  EXPECT_EQ(test::bytes_of(folder_ / "separated/song/spectrogram.png").substr(1, 3), "PNG");
  EXPECT_EQ(reports(result).at(0).at("outputs").at("spectrogram"), "separated/song/spectrogram.png");
}

TEST_F(SeparateOutputs, NamesTheStemFileTheSameWithASpectrogramBesideIt) {
  write_song("song.wav", 30000, 2);
  ASSERT_EQ(separate({"song.wav", "--plot", "--format", "stem.mp4"}).exit_code, 0);
  EXPECT_EQ(files("separated"), (Names{"song.png", "song.stem.mp4"}));
}

TEST_F(SeparateOutputs, TakesFormatsAndStemsInAnyCaseAndWavForTwentyFourBits) {
  write_song("song.wav");
  ASSERT_EQ(separate({"song.wav", "--format", "WAV", "--stems", "Vocals"}).exit_code, 0);
  ASSERT_EQ(separate({"song.wav", "--format", "wav24", "--stems", "vocals", "-o", "other"}).exit_code, 0);
  EXPECT_EQ(test::bytes_of(folder_ / "separated/song/vocals.wav"),
            test::bytes_of(folder_ / "other/song/vocals.wav"));
}

TEST_F(SeparateOutputs, TellsInJsonWhatTheLogTells) {
  AudioBuffer song = test::noise(20000);
  song.channels[0][7000] = std::numeric_limits<float>::quiet_NaN();
  test::write_wav_f32(folder_ / "caf\xE9.wav", song, 22050);
  const test::RunResult result = separate({"caf\xE9.wav", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json report = reports(result).at(0);
  EXPECT_EQ(report.at("unusable_samples"), 1);
  EXPECT_EQ(report.at("damaged_packets"), 0);
  ASSERT_EQ(report.at("warnings").size(), 1U);
  EXPECT_NE(result.err.find(report.at("warnings").at(0).get<std::string>()), std::string::npos) << result.err;
  EXPECT_EQ(report.at("input_percent_encoded"), "caf%E9.wav");
  EXPECT_EQ(report.at("outputs").at("vocals_percent_encoded"), "separated/caf%E9/vocals.wav");
}

TEST_F(SeparateOutputs, TellsWhenASongStartsAndHowFarItIs) {
  write_song("song.wav", 22050 * 20);
  const test::RunResult result = separate({"song.wav", "--json", "--json-progress", "--quiet"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::vector<nlohmann::json> objects = reports(result);
  ASSERT_GE(objects.size(), 4U) << result.out;
  EXPECT_EQ(objects.front().at("status"), "started");
  EXPECT_EQ(objects.back().at("status"), "ok");
  double done = 0;
  for (std::size_t i = 1; i + 1 < objects.size(); ++i) {
    EXPECT_EQ(objects[i].at("status"), "running");
    EXPECT_EQ(objects[i].at("input"), "song.wav");
    EXPECT_GT(objects[i].at("done").get<double>(), done);
    done = objects[i].at("done");
  }
  EXPECT_EQ(done, 1);
}

TEST_F(SeparateOutputs, ReportsEverySongAsAJsonObject) {
  write_song("done.wav", 22050, 2);
  write_song("new.wav", 11025);
  std::ofstream(folder_ / "bad.wav") << "text";
  ASSERT_EQ(separate({"done.wav"}).exit_code, 0);
  const test::RunResult result =
      separate({"done.wav", "new.wav", "bad.wav", "--skip-existing", "--json", "--quiet"});
  EXPECT_EQ(result.exit_code, 6);
  std::vector<nlohmann::json> objects = reports(result);
  ASSERT_EQ(objects.size(), 3U) << result.out;
  EXPECT_EQ(objects[0].at("input"), "bad.wav");
  EXPECT_EQ(objects[0].at("status"), "failed");
  EXPECT_NE(objects[0].at("error").get<std::string>().find("bad.wav"), std::string::npos);
  EXPECT_EQ(objects[1].at("status"), "skipped");
  EXPECT_EQ(objects[2].at("status"), "ok");
  EXPECT_EQ(objects[2].at("outputs").at("vocals"), "separated/new/vocals.wav");
  EXPECT_EQ(objects[2].at("seconds"), 0.5);
  EXPECT_EQ(objects[2].at("sample_rate_hz"), 22050);
  EXPECT_EQ(objects[2].at("channels"), 1);
  EXPECT_EQ(objects[2].at("model"), model_.string());
  for (const char* key : {"wall_seconds", "real_time_factor", "peak", "clipped_samples", "gain", "device"}) {
    EXPECT_TRUE(objects[2].contains(key)) << key;
  }
}

/// The largest sample, in dB below full scale, of what a filter lets through that has its zeros at 1 kHz: a
/// jump of any kind, and hardly anything of a tone whose level changes slowly. Without the first and last
/// second.
double loudest_click_db(const std::vector<float>& samples, int rate_hz) {
  const double factor = 2 * std::cos(2 * std::numbers::pi * 1000 / rate_hz);
  const auto second = static_cast<std::size_t>(rate_hz);
  double largest = 0;
  for (std::size_t n = second; n + second < samples.size(); ++n) {
    largest = std::max(largest, std::abs(samples[n] - factor * samples[n - 1] + samples[n - 2]));
  }
  return 20 * std::log10(largest);
}

TEST_F(SeparateOutputs, DoesNotClickWhereTheNetworksBatchesMeet) {
  constexpr int kRateHz = 44100;
  const std::size_t samples = std::size_t{kRateHz} * 60;  // a batch is 0.74 s
  test::write_wav_f32(folder_ / "song.wav", test::sine(kRateHz, samples, 1, 1000), kRateHz);
  ASSERT_EQ(separate({"song.wav", "--format", "wav32f", "--overlap", "0.89", "--vocal-thresh", "0",
                      "--acc-thresh", "0"})
                .exit_code,
            0);
  for (const char* stem : {"vocals", "accompaniment"}) {
    const AudioBuffer audio = decode(folder_ / "separated/song" / (std::string(stem) + ".wav"));
    EXPECT_LT(loudest_click_db(audio.channels[0], kRateHz), -80) << stem;
  }
}

/// A film of 2 s whose sound, a song, begins half a second late.
void make_film(const test::TemporaryFolder& folder, const std::string& name) {
  test::run_ffmpeg({"-f", "lavfi", "-i", "testsrc=d=2:s=64x64:r=25", "-itsoffset", "0.5", "-i",
                    (folder / "song.wav").string(), "-c:v", name.ends_with("webm") ? "libvpx" : "mpeg4",
                    (folder / name).string()});
}

/// The checksums of a film's picture.
std::string picture_of(const std::filesystem::path& film) {
  return test::run({"ffmpeg", "-v", "error", "-i", film.string(), "-map", "0:v", "-c", "copy", "-f",
                    "streamhash", "-"})
      .out;
}

TEST_F(SeparateOutputs, KeepTheVideoInSyncWithTheKaraokeMix) {
  write_song("song.wav", 44100, 2);
  for (const auto& [name, becomes] : std::map<std::string, std::string>{{"a.mp4", "a/karaoke.mp4"},
                                                                        {"b.mkv", "b/karaoke.mkv"},
                                                                        {"c.webm", "c/karaoke.webm"},
                                                                        {"d.avi", "d/karaoke.mkv"}}) {
    make_film(folder_, name);
    const test::RunResult result =
        separate({name, "--karaoke", "--vocal-gain", "0", "--keep-video", "--quiet"});
    ASSERT_EQ(result.exit_code, 0) << name << result.err;
    EXPECT_EQ(files("separated/" + becomes.substr(0, 1)), Names{becomes.substr(2)});
    EXPECT_EQ(picture_of(folder_ / "separated" / becomes), picture_of(folder_ / name)) << name;
    // Both gains are 0 dB, so the film sounds as before, and at the same place.
    const AudioBuffer before = decode(folder_ / name);
    const AudioBuffer after = decode(folder_ / "separated" / becomes);
    double best = 0;
    int best_lag = 1000;
    for (int lag = -60; lag <= 60; ++lag) {
      double dot = 0;
      for (std::size_t n = 24000; n < 60000; ++n) {
        dot += double{before.channels[0][n]} *
               after.channels[0][static_cast<std::size_t>(static_cast<int>(n) + lag)];
      }
      if (dot > best) best = dot, best_lag = lag;
    }
    EXPECT_LE(std::abs(best_lag), name.ends_with("webm") ? 48 : 0) << name;  // WebM counts milliseconds
  }
}

TEST_F(SeparateOutputs, RefuseToKeepAVideoThatIsNoneOrCannotBeKept) {
  write_song("song.wav", 8000, 1);
  expect_failure(separate({"song.wav", "--keep-video", "--quiet"}), 3, {"song.wav", "no picture"});
  EXPECT_FALSE(std::filesystem::exists(folder_ / "separated"));
  expect_failure(separate({"song.wav", "--keep-video", "--format", "flac"}), 2, {"--keep-video", "--format"});
  expect_failure(separate({"song.wav", "--keep-video", "--plot"}), 2, {"--keep-video", "--plot"});
  expect_failure(separate({"song.wav", "--keep-video", "--start", "1"}), 2, {"--keep-video", "--start"});
}

}  // namespace
}  // namespace svsep
