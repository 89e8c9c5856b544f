// Standard input and output, and named pipes.

#include "support/audio_files.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"
#include "svsep/error.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::noise;
using test::TemporaryFolder;

constexpr std::size_t kSamples = 100003;

/// Puts `descriptor` in the place of standard input (0) or output (1) while it lives.
class InPlaceOf {
 public:
  InPlaceOf(int standard, int descriptor) : standard_(standard), kept_(::dup(standard)) {
    std::fflush(stdout);
    ::dup2(descriptor, standard_);
  }
  ~InPlaceOf() {
    ::dup2(kept_, standard_);
    ::close(kept_);
  }
  InPlaceOf(const InPlaceOf&) = delete;
  InPlaceOf& operator=(const InPlaceOf&) = delete;

 private:
  int standard_;
  int kept_;
};

/// A shell command at the other end of a pipe.
class Command {
 public:
  Command(const std::string& line, const char* mode) : file_(::popen(line.c_str(), mode)) {}
  ~Command() { ::pclose(file_); }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  [[nodiscard]] int descriptor() const { return ::fileno(file_); }

 private:
  std::FILE* file_;
};

std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }

/// Reads `path` through standard input.
template <class Action>
void with_stdin(const fs::path& path, Action&& action) {
  const Command cat("cat " + quoted(path), "r");
  const InPlaceOf in(STDIN_FILENO, cat.descriptor());
  action();
}

void write_song(Encoder& encoder) {
  encoder.write(noise(kSamples, 2, 0.4));
  encoder.finish();
}

class Pipes : public testing::TestWithParam<FormatName> {};

TEST_P(Pipes, TakeWhatFfmpegReadsWithoutSeeking) {
  const TemporaryFolder folder;
  const fs::path raw = folder / "raw";
  {
    const Command ffmpeg(
        "ffmpeg -v error -y -i pipe:0 -f f32le " + quoted(raw) + " 2> " + quoted(folder / "log"), "w");
    const InPlaceOf out(STDOUT_FILENO, ffmpeg.descriptor());
    Encoder encoder = Encoder::to_stdout({GetParam().format, 48000, 2, {}, {{{"title", "Lied"}}, {}}});
    write_song(encoder);
    EXPECT_EQ(encoder.clipped_samples(), 0);
    EXPECT_NEAR(encoder.peak(), 0.4F, 1e-3F);
  }
  EXPECT_EQ(fs::file_size(folder / "log"), 0U);
  const auto samples = fs::file_size(raw) / sizeof(float) / 2;
  if (GetParam().format == AudioFormat::mp3 || GetParam().format == AudioFormat::m4a) {
    EXPECT_GE(samples, kSamples);  // padded to whole packets, and for MP3 the encoder's delay
    EXPECT_LE(samples, kSamples + 4 * 1152);
  } else {
    EXPECT_EQ(samples, kSamples);
  }
}

TEST_P(Pipes, GiveTheDecoderThatReadsThemTheSongOfTheFile) {
  const TemporaryFolder folder;
  const fs::path path = folder / ("a." + std::string(GetParam().extension));
  Encoder encoder(path, {GetParam().format, 48000, 2, {}, {{{"title", "Lied"}}, {}}});
  write_song(encoder);
  Decoder from_file(path);
  const AudioBuffer song = read_all(from_file);
  ASSERT_EQ(song.samples(), kSamples);
  with_stdin(path, [&] {
    Decoder decoder("-");
    EXPECT_EQ(decoder.tags().values.at("title"), "Lied");
    EXPECT_EQ(read_all(decoder).channels, song.channels);
  });
  with_stdin(path, [&] {
    Decoder decoder("-", 0, {1.0, 1.5});
    EXPECT_EQ(read_all(decoder).channels[1],
              std::vector<float>(song.channels[1].begin() + 48000, song.channels[1].begin() + 72000));
  });
  {  // a file as standard input
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const InPlaceOf in(STDIN_FILENO, file);
    ::close(file);
    Decoder decoder("-");
    EXPECT_EQ(read_all(decoder).channels, song.channels);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Pipes, testing::ValuesIn(kFormatNames),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(Pipe, BearsTheSizesOfAStreamInItsWavHeader) {
  const TemporaryFolder folder;
  {
    const Command cat("cat > " + quoted(folder / "a.wav"), "w");
    const InPlaceOf out(STDOUT_FILENO, cat.descriptor());
    Encoder encoder = Encoder::to_stdout({AudioFormat::wav_s16, 48000, 2});
    write_song(encoder);
  }
  std::ifstream file(folder / "a.wav", std::ios::binary);
  std::string head(200, '\0');
  file.read(head.data(), 200);
  EXPECT_EQ(head.substr(4, 4), "\xFF\xFF\xFF\xFF");
  EXPECT_EQ(head.substr(head.find("data") + 4, 4), "\xFF\xFF\xFF\xFF");
  with_stdin(folder / "a.wav", [] {
    Decoder decoder("-");
    EXPECT_FALSE(decoder.expected_samples());
    EXPECT_EQ(read_all(decoder).samples(), kSamples);
  });
}

TEST(Pipe, GivesNoSongWhoseIndexIsAtTheEnd) {
  const TemporaryFolder folder;
  test::write_wav_s16(folder / "a.wav", noise(kSamples), 48000);
  test::run_ffmpeg({"-i", folder / "a.wav", folder / "a.m4a"});
  with_stdin(folder / "a.m4a", [] {
    try {
      Decoder("-");
      FAIL() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::input);
      EXPECT_NE(std::string(error.what()).find("cannot decode: standard input: the index of this MP4"),
                std::string::npos)
          << error.what();
    }
  });
}

TEST(Pipe, ThatHoldsNoAudioIsAnError) {
  for (const char* line : {"true", "echo This is no music", "head -c 100000 /dev/zero"}) {
    const Command command(line, "r");
    const InPlaceOf in(STDIN_FILENO, command.descriptor());
    EXPECT_THROW(Decoder("-"), Error) << line;
  }
}

TEST(Pipe, ThatIsClosedOrFullIsAnError) {
  std::signal(SIGPIPE, SIG_IGN);
  for (const FormatName& name : kFormatNames) {
    std::string closed;
    std::string full;
    {
      const Command command("true", "w");
      const InPlaceOf out(STDOUT_FILENO, command.descriptor());
      try {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        Encoder encoder = Encoder::to_stdout({name.format, 48000, 2});
        write_song(encoder);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::output);
        closed = error.what();
      }
    }
    {
      const int device = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
      const InPlaceOf out(STDOUT_FILENO, device);
      ::close(device);
      try {
        Encoder encoder = Encoder::to_stdout({name.format, 48000, 2});
        write_song(encoder);
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::output);
        full = error.what();
      }
    }
    EXPECT_EQ(closed, "cannot write: standard output: Broken pipe") << name.name;
    EXPECT_EQ(full, "cannot write: standard output: No space left on device") << name.name;
  }
  std::signal(SIGPIPE, SIG_DFL);
}

/// Runs `action` in this process, which gets a SIGTERM soon, and ends it with the signal that it was stopped
/// by.
template <class Action>
[[noreturn]] void stop_while(Action&& action) {
  install_cancellation_handlers();
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ::kill(::getpid(), SIGTERM);
  }).detach();
  try {
    action();
  } catch (const Cancelled& cancelled) {
    ::_exit(cancelled.signal());
  } catch (const std::exception&) {
    ::_exit(100);
  }
  ::_exit(101);
}

TEST(PipeDeathTest, IsLeftAtOnceOnAStopWhileNothingComesOrNobodyReads) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto stopped = testing::ExitedWithCode(SIGTERM);
  EXPECT_EXIT(stop_while([] {
                const Command command("sleep 1", "r");
                const InPlaceOf in(STDIN_FILENO, command.descriptor());
                Decoder decoder("-");
              }),
              stopped, "");
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_EXIT(stop_while([&] { Decoder decoder(folder / "fifo"); }), stopped, "");
  EXPECT_EXIT(stop_while([&] {
                test::write_wav_s16(folder / "a.wav", noise(kSamples, 2), 44100);
                const Command command("cat " + quoted(folder / "a.wav") + " | head -c 200000; sleep 1", "r");
                const InPlaceOf in(STDIN_FILENO, command.descriptor());
                Decoder decoder("-");
                static_cast<void>(read_all(decoder));
              }),
              stopped, "");
  EXPECT_EXIT(stop_while([] {
                const Command command("sleep 1", "w");
                const InPlaceOf out(STDOUT_FILENO, command.descriptor());
                Encoder encoder = Encoder::to_stdout({AudioFormat::wav_s24, 48000, 2});
                for (;;) encoder.write(noise(kSamples, 2));
              }),
              stopped, "");
}

}  // namespace
}  // namespace svsep
