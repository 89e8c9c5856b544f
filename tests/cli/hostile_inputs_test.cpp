// Files that lie about what they hold: a clear error or the right output, in bounded memory and time.

#include "cli/separate_fixture.hpp"
#include "core/rng.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <sys/resource.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr long kMostKilobytes =
    900'000;  ///< of memory; LibTorch and a cover of 100 MB take half, under ASan nearly all

template <typename T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// What the header of a WAV file says, whatever the file holds.
struct WavClaims {
  std::uint16_t format = 1;  ///< 1: integers, 3: floats
  std::uint16_t channels = 2;
  std::uint32_t sample_rate_hz = 44100;
  std::uint16_t bits = 16;
  std::uint32_t data_bytes = 8000;
};

std::string format_chunk(const WavClaims& claims) {
  std::string bytes = "fmt ";
  append(bytes, std::uint32_t{16});
  append(bytes, claims.format);
  append(bytes, claims.channels);
  append(bytes, claims.sample_rate_hz);
  const auto block_bytes = static_cast<std::uint16_t>(claims.channels * claims.bits / 8);
  append(bytes, claims.sample_rate_hz * block_bytes);
  append(bytes, block_bytes);
  append(bytes, claims.bits);
  return bytes;
}

std::string wav(const WavClaims& claims, const std::string& samples) {
  std::string bytes = "RIFF";
  append(bytes, claims.data_bytes + 36);
  bytes += "WAVE" + format_chunk(claims) + "data";
  append(bytes, claims.data_bytes);
  return bytes + samples;
}

class HostileInputs : public test::SeparateTest {
 protected:
  void write(const fs::path& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }

  /// The largest resident memory of any run so far.
  static void expect_bounded_memory() {
    rusage usage{};
    ASSERT_EQ(::getrusage(RUSAGE_CHILDREN, &usage), 0);
    EXPECT_LT(usage.ru_maxrss, kMostKilobytes);
  }

  std::string noise_bytes_ = [] {
    Rng rng({1});
    std::string bytes(8000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng.below(256));
    return bytes;
  }();
};

TEST_F(HostileInputs, GiveWhatIsThereOfASongThatClaimsEndlessLength) {
  write("most.wav", wav({.data_bytes = 0xFFFFFFF0U}, noise_bytes_));
  std::string rf64 = "RF64";
  append(rf64, ~std::uint32_t{0});
  rf64 += "WAVEds64";
  append(rf64, std::uint32_t{28});
  for (const std::uint64_t claim :
       {~std::uint64_t{0} >> 1U, ~std::uint64_t{0} >> 1U, std::uint64_t{1} << 61U})
    append(rf64, claim);
  append(rf64, std::uint32_t{0});
  rf64 += format_chunk({}) + "data";
  append(rf64, ~std::uint32_t{0});
  write("rf64.wav", rf64 + noise_bytes_);
  for (const std::string name : {"most", "rf64"}) {
    const test::RunResult result = separate({name + ".wav"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    expect_stems(name, 44100, 2, noise_bytes_.size() / 4);
  }
  expect_bounded_memory();
}

TEST_F(HostileInputs, AreRefusedWhereTheirRateOrChannelsCannotBe) {
  const std::vector<std::pair<WavClaims, std::string>> lies = {
      {{.channels = 0}, ""},
      {{.channels = 255}, "channels; expected 1 to 64, got 255"},
      {{.channels = 65535}, ""},
      {{.sample_rate_hz = 0}, ""},
      {{.sample_rate_hz = 100'000'000}, "sample rate; expected 1 to 24576000 Hz, got 100000000"},
      {{.sample_rate_hz = 0xFFFFFFFFU}, ""},
      {{.bits = 0}, ""}};
  for (const auto& [claims, reason] : lies) {
    write("song.wav", wav(claims, noise_bytes_));
    expect_failure(separate({"song.wav"}), 3, {"cannot decode: song.wav: ", reason});
  }
  expect_bounded_memory();
}

TEST_F(HostileInputs, AreTakenWhereRateAndChannelsAreMerelyOdd) {
  const std::string samples(640, '\x01');
  write("slow.wav", wav({.channels = 1, .sample_rate_hz = 1, .data_bytes = 640}, samples));
  write("fast.wav", wav({.channels = 1, .sample_rate_hz = 768'000, .data_bytes = 640}, samples));
  write("wide.wav", wav({.channels = 64, .data_bytes = 640}, samples));
  const test::RunResult result = separate({"slow.wav", "fast.wav", "wide.wav"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_stems("slow", 1, 1, 320);
  expect_stems("fast", 768'000, 1, 320);
  expect_stems("wide", 44100, 64, 5);
  expect_bounded_memory();
}

TEST_F(HostileInputs, HoldNoSampleThatMakesItsNeighboursDisappear) {
  AudioBuffer song = test::noise(20000);
  test::write_wav_f32(folder_ / "good.wav", song, 22050);
  const float good = song.channels[0][10000];
  song.channels[0][10000] = std::numeric_limits<float>::max();
  test::write_wav_f32(folder_ / "bad.wav", song, 22050);
  const test::RunResult result = separate({"good.wav", "bad.wav", "--format", "wav32f"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("bad.wav: 1 samples"), std::string::npos) << result.err;
  AudioBuffer sum = test::decode(folder_ / "separated/bad/vocals.wav");
  const AudioBuffer rest = test::decode(folder_ / "separated/bad/accompaniment.wav");
  for (std::size_t n = 0; n < 20000; ++n) {
    const float expected = n == 10000 ? 0.0F : song.channels[0][n];
    ASSERT_NEAR(sum.channels[0][n] + rest.channels[0][n], expected, 1e-4) << n << ", not " << good;
  }
}

TEST_F(HostileInputs, OfAThousandStreamsAreASongOrAnError) {
  write_song("song.wav");
  std::vector<std::string> command = {"ffmpeg", "-v", "error", "-i", (folder_ / "song.wav").string()};
  for (int stream = 0; stream < 120; ++stream) command.insert(command.end(), {"-map", "0:a"});
  const auto made = [&](const std::string& name) {
    std::vector<std::string> all = command;
    all.insert(all.end(), {"-c:a", "copy", (folder_ / name).string()});
    const test::RunResult result = test::run(all);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  };
  made("many.mkv");
  EXPECT_EQ(separate({"many.mkv"}).exit_code, 0);
  expect_stems("many", 22050, 1, 2000);
  fs::remove_all(folder_ / "separated");
  for (int stream = 120; stream < 1000; ++stream) command.insert(command.end(), {"-map", "0:a"});
  made("more.nut");
  expect_failure(separate({"more.nut"}), 3, {"cannot decode: more.nut: "});
  expect_bounded_memory();
}

TEST_F(HostileInputs, CannotForgeLinesOrSteerTheTerminalByTheirNames) {
  const std::string name = "a\nsvsep: error: forged\x1b[2J.wav";
  write(name, "no song");
  expect_failure(separate({name}), 3, {"a?svsep: error: forged?[2J.wav"});
  write_song(name);
  const test::RunResult result = separate({name});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err.find('\x1b'), std::string::npos) << result.err;
  EXPECT_EQ(result.err.find("\nsvsep: error"), std::string::npos) << result.err;
  expect_stems(fs::path(name).stem(), 22050, 1, 2000);
  const test::RunResult told = test::run_svsep({"info", name}, {}, folder_.path());
  EXPECT_EQ(told.out.find('\x1b'), std::string::npos) << told.out;
}

TEST_F(HostileInputs, NamedLikeOptionsOrNotInUtf8AreSongs) {
  write_song("-rf.wav");
  write_song("bad\xFF\xFE.wav");
  const test::RunResult result = separate({"--json", "./-rf.wav", "bad\xFF\xFE.wav"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_stems("-rf", 22050, 1, 2000);
  expect_stems("bad\xFF\xFE", 22050, 1, 2000);
}

TEST_F(HostileInputs, ThatAreLinksInCirclesOrDevicesAreErrors) {
  fs::create_symlink("loop.wav", folder_ / "loop.wav");
  fs::create_symlink("/dev/zero", folder_ / "zero.wav");
  expect_failure(separate({"loop.wav"}), 3, {"cannot decode: loop.wav: "});
  expect_failure(separate({"zero.wav"}), 3, {"cannot decode: zero.wav: "});
}

TEST_F(HostileInputs, ReplaceALinkAtAnOutputsNameAndNotWhatItPointsAt) {
  write_song("song.wav");
  write("precious", "keep me");
  fs::create_directories(folder_ / "separated/song");
  fs::create_symlink("../../precious", folder_ / "separated/song/vocals.wav");
  EXPECT_EQ(separate({"song.wav"}).exit_code, 4);
  EXPECT_EQ(separate({"song.wav", "--overwrite"}).exit_code, 0);
  EXPECT_EQ(test::bytes_of(folder_ / "precious"), "keep me");
  expect_stems("song", 22050, 1, 2000);
}

TEST_F(HostileInputs, WithAnEnormousCoverLoseOnlyThat) {
  constexpr std::uint32_t kCoverBytes = 100'000'000;
  write_song("song.wav", 20000);
  ASSERT_EQ(test::run({"ffmpeg", "-v", "error", "-i", (folder_ / "song.wav").string(), "-write_id3v2", "0",
                       (folder_ / "plain.mp3").string()})
                .exit_code,
            0);
  const auto id3_size = [](std::uint32_t size) {
    std::string bytes;
    for (int shift = 21; shift >= 0; shift -= 7)
      bytes += static_cast<char>((size >> static_cast<unsigned>(shift)) & 0x7FU);
    return bytes;
  };
  std::string cover("\0image/jpeg\0\x03\0\xFF\xD8\xFF\xE0", 18);
  cover.resize(kCoverBytes, 'x');
  write("cover.mp3", std::string("ID3\x04\0\0", 6) + id3_size(kCoverBytes + 10) + "APIC" +
                         id3_size(kCoverBytes) + std::string("\0\0", 2) + cover +
                         test::bytes_of(folder_ / "plain.mp3"));
  const test::RunResult result = separate({"cover.mp3", "plain.mp3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.err.find("its picture"), std::string::npos) << result.err;
  EXPECT_EQ(test::bytes_of(folder_ / "separated/cover/vocals.wav"),
            test::bytes_of(folder_ / "separated/plain/vocals.wav"));
  expect_bounded_memory();
}

TEST_F(HostileInputs, AreRefusedAsModelsWhoseWeightsGiveNoNumbers) {
  // Finite, but their products overflow, and in the last layer infinity meets its opposite.
  std::string bytes = test::bytes_of(model_);
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  constexpr std::size_t kBins = 2049;
  const std::size_t first_layer = 8 + header_bytes + 2 * 2 * kBins;       // after input.mean and input.scale
  const std::size_t last_layer = bytes.size() - 2 * 9 * kBins * (4 + 1);  // dense3
  for (std::size_t at = first_layer; at + 1 < bytes.size(); at += 2) {
    const bool negative = at >= last_layer && at / 2 % 2 == 1;
    bytes[at] = '\xFF';
    bytes[at + 1] = negative ? '\xFB' : '\x7B';  // the largest half, or its opposite
  }
  write("overflow.safetensors", bytes);
  write_song("song.wav");
  const test::RunResult result = separate({"-q", "song.wav"}, folder_ / "overflow.safetensors");
  expect_failure(result, 5, {"cannot use model: ", "overflow.safetensors: the network's output"});
}

}  // namespace
}  // namespace svsep
