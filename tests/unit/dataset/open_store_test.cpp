#include "dataset/open_store.hpp"

#include "core/log.hpp"
#include "dataset/audio_cache.hpp"
#include "dataset/content_hash.hpp"
#include "dsp/resampler.hpp"
#include "support/dataset.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/decoder.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <spdlog/sinks/ostream_sink.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::kRateHz;
using test::noise;
using test::sine;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr auto kSecond = static_cast<std::size_t>(kRateHz);

/// What is logged while it lives.
class LogText {
 public:
  LogText() { logger().sinks() = {std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)}; }
  ~LogText() { logger().sinks().clear(); }
  LogText(const LogText&) = delete;
  LogText& operator=(const LogText&) = delete;
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

/// The exit code of `work` in a process of its own.
template <typename Work>
int in_child(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<float> resampled(const std::vector<float>& samples, int from_hz) {
  std::vector<float> result;
  Resampler resampler(from_hz, kRateHz, [&](std::span<const float> block) {
    result.insert(result.end(), block.begin(), block.end());
  });
  resampler.push(samples);
  resampler.finish();
  return result;
}

/// The largest difference between a channel of the store and these samples, in steps of its integers.
double steps_apart(const Recording& recording, std::span<const std::int16_t> channel,
                   const std::vector<float>& expected) {
  if (channel.size() != expected.size()) return 1e9;
  double largest = 0;
  for (std::size_t n = 0; n < expected.size(); ++n) {
    largest = std::max(largest, std::abs(double{expected[n]} / recording.scale - channel[n]));
  }
  return largest;
}

const Recording& find(const AudioStore& store, const std::string& name) {
  const auto found = std::find_if(store.recordings().begin(), store.recordings().end(),
                                  [&](const Recording& recording) { return recording.name == name; });
  if (found == store.recordings().end()) throw std::runtime_error("no recording " + name);
  return *found;
}

bool same(const AudioStore& a, const AudioStore& b) {
  return std::equal(a.recordings().begin(), a.recordings().end(), b.recordings().begin(),
                    b.recordings().end(), [](const Recording& x, const Recording& y) {
                      for (std::size_t part = 0; part < kPartCount; ++part) {
                        if (!std::equal(x.parts[part].begin(), x.parts[part].end(), y.parts[part].begin(),
                                        y.parts[part].end(), [](auto one, auto other) {
                                          return std::equal(one.begin(), one.end(), other.begin(),
                                                            other.end());
                                        })) {
                          return false;
                        }
                      }
                      return x.name == y.name && x.role == y.role && x.validation == y.validation &&
                             x.samples == y.samples && x.scale == y.scale;
                    });
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Dataset : public testing::Test {
 protected:
  Dataset()
      : musdb_(folder_ / "musdb"),
        options_{.musdb = {{musdb_}}, .cache_dir = folder_ / "cache", .workers = 2} {}

  /// A song of 1.5 s whose sound follows from its name.
  fs::path add_song(const std::string& name, std::size_t samples = kSecond * 3 / 2) {
    const std::uint64_t seed = hash_bytes(name);
    return test::write_parts(
        musdb_ / "train", name,
        {{"vocals", noise(samples, 2, 0.3, seed)}, {"other", noise(samples, 2, 0.4, seed + 1)}});
  }

  [[nodiscard]] std::vector<fs::path> cache_files(const std::string& extension) const {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder_ / "cache")) {
      if (entry.path().extension() == extension) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  test::TemporaryFolder folder_;
  fs::path musdb_;
  DatasetOptions options_;
};

TEST_F(Dataset, HoldsSongsOfEveryLayoutWithVoicesAndAccompaniments) {
  add_song("A - parts");
  test::write_track(musdb_ / "train", "B - stems", {.seconds = 1.5});
  fs::create_directories(folder_ / "v/anna");
  fs::create_directories(folder_ / "a");
  test::write_wav_s16(folder_ / "v/anna/x.wav", sine(kRateHz, kSecond), kRateHz);
  test::write_wav_s16(folder_ / "a/y.wav", noise(2 * kSecond, 2), kRateHz);
  options_.musdb[0].weight = 3.0;
  options_.vocals = {{folder_ / "v"}};
  options_.accompaniment = {{folder_ / "a", 0.5}};
  const LogText log;
  const AudioStore store = open_store(options_, kRateHz);
  EXPECT_EQ(store.sample_rate_hz(), kRateHz);
  ASSERT_THAT(store.recordings(), SizeIs(4));

  const Recording& stems = find(store, "B - stems");
  EXPECT_EQ(stems.role, Role::song);
  EXPECT_EQ(stems.weight, 3.0);
  EXPECT_EQ(stems.samples, kSecond * 3 / 2);
  EXPECT_TRUE(stems.validation);  // the last by name
  EXPECT_FALSE(find(store, "A - parts").validation);
  for (const Part part : {Part::vocals, Part::drums, Part::other}) EXPECT_THAT(stems.part(part), SizeIs(2));
  EXPECT_THAT(stems.part(Part::bass), IsEmpty());                      // silent
  EXPECT_THAT(find(store, "A - parts").part(Part::drums), IsEmpty());  // not there

  const Recording& voice = find(store, "anna/x.wav");
  EXPECT_EQ(voice.role, Role::vocals);
  EXPECT_THAT(voice.part(Part::vocals), SizeIs(1));
  const Recording& music = find(store, "y.wav");
  EXPECT_EQ(music.role, Role::accompaniment);
  EXPECT_EQ(music.weight, 0.5);
  EXPECT_THAT(music.part(Part::other), SizeIs(2));

  EXPECT_THAT(log.text(),
              HasSubstr("train on 1 song (0.00 h), 1 voice (0.00 h), 1 accompaniment (0.00 h): A - parts"));
  EXPECT_THAT(log.text(), HasSubstr("validate on 1 song (0.00 h): B - stems"));
  EXPECT_THAT(log.text(), HasSubstr("decode 4 items into " + (folder_ / "cache").string()));
  EXPECT_EQ(describe_dataset(options_, store),
            "musdb, v, a: 1 song (0.00 h), 1 voice (0.00 h), 1 accompaniment (0.00 h) to train on; "
            "1 song (0.00 h) to validate on");
}

TEST_F(Dataset, NeedsNoSongs) {
  for (const char* file : {"v/1.wav", "v/2.wav", "a/1.wav", "a/2.wav"}) {
    fs::create_directories((folder_ / file).parent_path());
    test::write_wav_s16(folder_ / file, noise(kSecond, 1, 0.5, hash_bytes(file)), kRateHz);
  }
  options_.musdb.clear();
  options_.vocals = {{folder_ / "v"}};
  options_.accompaniment = {{folder_ / "a"}};
  const AudioStore store = open_store(options_, kRateHz);
  EXPECT_EQ(std::count_if(store.recordings().begin(), store.recordings().end(),
                          [](const Recording& recording) { return recording.validation; }),
            2);
}

TEST_F(Dataset, HoldsWhatDecodingAndResamplingGiveToHalfAStepOf16Bits) {
  const AudioBuffer vocals = test::sweep(44100, 60000, 2, 0.02);
  const AudioBuffer drums = noise(60000, 1, 0.7);
  test::write_parts(musdb_ / "train", "a", {{"vocals", vocals}, {"drums", drums}}, 44100);
  add_song("b");
  const AudioStore store = open_store(options_, kRateHz);
  const Recording& song = find(store, "a");
  EXPECT_EQ(song.samples, 30000U);
  float peak = 0;
  for (const auto& [part, channels] : {std::pair(Part::vocals, 2U), std::pair(Part::drums, 1U)}) {
    ASSERT_THAT(song.part(part), SizeIs(channels));
    Decoder decoder(musdb_ / "train" / "a" / (part == Part::vocals ? "vocals.wav" : "drums.wav"));
    const AudioBuffer decoded = read_all(decoder);
    for (std::size_t c = 0; c < channels; ++c) {
      const std::vector<float> expected = resampled(decoded.channels[c], 44100);
      for (const float value : expected) peak = std::max(peak, std::abs(value));
      EXPECT_LE(steps_apart(song, song.part(part)[c], expected), 0.5 + 1e-3);
    }
  }
  EXPECT_FLOAT_EQ(song.scale * 32767, peak);
}

TEST_F(Dataset, MixesMoreThanTwoChannelsDown) {
  const AudioBuffer four = noise(kSecond, 4, 0.25);
  test::write_parts(musdb_ / "train", "a", {{"vocals", four}, {"other", noise(kSecond)}});
  add_song("b");
  const AudioStore store = open_store(options_, kRateHz);
  const Recording& song = find(store, "a");
  Decoder decoder(musdb_ / "train/a/vocals.wav");
  const AudioBuffer decoded = read_all(decoder);
  ASSERT_THAT(song.part(Part::vocals), SizeIs(2));
  for (std::size_t side = 0; side < 2; ++side) {
    std::vector<float> expected = decoded.channels[side];
    for (std::size_t n = 0; n < expected.size(); ++n) {
      expected[n] += 0.5F * (decoded.channels[2][n] + decoded.channels[3][n]);
    }
    EXPECT_LE(steps_apart(song, song.part(Part::vocals)[side], expected), 0.5 + 1e-2);
  }
}

TEST_F(Dataset, EndsShorterPartsInSilence) {
  test::write_parts(musdb_ / "train", "a",
                    {{"vocals", sine(kRateHz, kSecond)}, {"other", noise(2 * kSecond)}});
  add_song("b");
  const AudioStore store = open_store(options_, kRateHz);
  const Recording& song = find(store, "a");
  EXPECT_EQ(song.samples, 2 * kSecond);
  const auto vocals = song.part(Part::vocals)[0];
  ASSERT_EQ(vocals.size(), 2 * kSecond);
  EXPECT_TRUE(std::all_of(vocals.begin() + kRateHz, vocals.end(), [](auto value) { return value == 0; }));
  EXPECT_FALSE(std::all_of(vocals.begin(), vocals.begin() + kRateHz, [](auto value) { return value == 0; }));
}

TEST_F(Dataset, NamesAndLeavesOutWhatIsOfNoUse) {
  add_song("a");
  test::write_track(musdb_ / "train", "b four", {.seconds = 1.5, .streams = 4});
  std::ofstream(add_song("c broken") / "vocals.wav") << "this is no audio";
  test::write_parts(musdb_ / "train", "d silent",
                    {{"vocals", AudioBuffer(2, kSecond)}, {"other", AudioBuffer(2, kSecond)}});
  add_song("e short", kSecond / 2);
  std::ofstream(musdb_ / "train/f empty.stem.mp4");
  fs::copy(musdb_ / "train/a", musdb_ / "train/g the same");
  add_song("h");
  const auto names = [](const AudioStore& store) {
    std::vector<std::string> result;
    for (const Recording& recording : store.recordings()) result.push_back(recording.name);
    return result;
  };
  for (const char* time : {"first", "later"}) {
    const LogText log;
    EXPECT_THAT(names(open_store(options_, kRateHz)), ElementsAre("a", "h")) << time;
    const std::string train = (musdb_ / "train").string();
    EXPECT_THAT(log.text(),
                AllOf(HasSubstr("b four.stem.mp4: is no stem file; expected 5 audio streams"),
                      HasSubstr("left out: cannot decode: " + train + "/c broken/vocals.wav"),
                      HasSubstr("left out: " + train + "/d silent/vocals.wav: silent"),
                      HasSubstr("/e short/vocals.wav: too short; expected 1 s or more, got 0.50 s"),
                      HasSubstr("left out: cannot decode: " + train + "/f empty.stem.mp4"),
                      HasSubstr("/g the same/vocals.wav: the same as " + train + "/a/vocals.wav")))
        << time;
  }
}

TEST_F(Dataset, UsesASongWithoutVocalsAsAccompanimentAndOneOfVocalsAloneAsVoices) {
  add_song("a");
  test::write_parts(musdb_ / "train", "b instrumental",
                    {{"vocals", AudioBuffer(2, kSecond)}, {"drums", noise(kSecond)}});
  test::write_parts(musdb_ / "train", "c a cappella",
                    {{"vocals", noise(kSecond, 1, 0.1)}, {"other", AudioBuffer(1, kSecond)}});
  add_song("d");
  const AudioStore store = open_store(options_, kRateHz);
  EXPECT_EQ(find(store, "b instrumental").role, Role::accompaniment);
  EXPECT_THAT(find(store, "b instrumental").part(Part::drums), SizeIs(1));
  EXPECT_EQ(find(store, "c a cappella").role, Role::vocals);
}

TEST_F(Dataset, SaysWhichFolderHoldsNothingUsable) {
  add_song("a");
  add_song("b");
  fs::create_directories(folder_ / "v");
  std::ofstream(folder_ / "v/1.wav") << "no audio";
  test::write_wav_s16(folder_ / "v/2.wav", AudioBuffer(1, kSecond), kRateHz);
  options_.vocals = {{folder_ / "v"}};
  const LogText log;
  const Error error = error_of([&] { static_cast<void>(open_store(options_, kRateHz)); });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(),
              HasSubstr((folder_ / "v").string() + ": nothing usable in it; expected readable, audible"));
}

TEST_F(Dataset, RefusesASingleSong) {
  add_song("a");
  const Error error = error_of([&] { static_cast<void>(open_store(options_, kRateHz)); });
  EXPECT_EQ(error.kind(), ErrorKind::input);
  EXPECT_THAT(error.what(), HasSubstr("too few recordings; expected to validate on a song"));
}

TEST_F(Dataset, NumbersSongsOfTheSameTitleAndKeepsThemOnOneSide) {
  add_song("Leaf - Summerghost");
  add_song("x");
  musdb_ = folder_ / "more";
  add_song("Leaf - Summerghost", 2 * kSecond);
  options_.musdb.push_back({musdb_});
  const AudioStore store = open_store(options_, kRateHz);
  EXPECT_TRUE(find(store, "Leaf - Summerghost").validation);
  EXPECT_TRUE(find(store, "Leaf - Summerghost (2)").validation);
}

TEST_F(Dataset, DecodesOnlyWhatIsNewOrChanged) {
  for (const char* name : {"a", "b", "c"}) add_song(name);
  const AudioStore first = open_store(options_, kRateHz);
  const std::vector<fs::path> files = cache_files(".pcm");
  EXPECT_THAT(files, SizeIs(3));
  std::vector<fs::file_time_type> times;
  for (const fs::path& file : files) times.push_back(fs::last_write_time(file));

  fs::rename(musdb_, folder_ / "moved");
  options_.musdb = {{folder_ / "moved"}};
  options_.workers = 1;
  EXPECT_TRUE(same(open_store(options_, kRateHz), first));
  EXPECT_EQ(cache_files(".pcm"), files);
  for (std::size_t i = 0; i < files.size(); ++i) EXPECT_EQ(fs::last_write_time(files[i]), times[i]);

  musdb_ = folder_ / "moved";
  const std::string wav = bytes_of(musdb_ / "train/b/vocals.wav");
  std::string changed = wav;
  changed[changed.size() - 1001] = static_cast<char>(changed[changed.size() - 1001] ^ 0x20);  // one bit
  std::ofstream(musdb_ / "train/b/vocals.wav", std::ios::binary) << changed;
  EXPECT_FALSE(same(open_store(options_, kRateHz), first));
  EXPECT_THAT(cache_files(".pcm"), SizeIs(4));

  static_cast<void>(open_store(options_, 16000));  // another rate
  EXPECT_THAT(cache_files(".pcm"), SizeIs(7));
}

TEST_F(Dataset, RemakesCacheFilesThatAreNotWhatTheyShouldBe) {
  add_song("a");
  add_song("b");
  const AudioStore intact = open_store(options_, kRateHz);
  const fs::path file = cache_files(".pcm").front();
  const std::string whole = bytes_of(file);
  const auto with = [&](std::size_t at, const std::string& bytes, bool checksum) {
    std::string changed = whole;
    changed.replace(at, bytes.size(), bytes);
    if (checksum) {
      const std::uint64_t sum = hash_bytes(std::string_view(changed).substr(0, 40));
      changed.replace(40, 8, reinterpret_cast<const char*>(&sum), 8);
    }
    return changed;
  };
  const std::string ones(8, '\xff');
  const std::string half = std::string(7, '\0') + '\x80';
  const std::vector<std::pair<std::string, std::string>> damaged = {
      {"empty", ""},
      {"half a header", whole.substr(0, 20)},
      {"header alone", whole.substr(0, 48)},
      {"a sample too few", whole.substr(0, whole.size() - 2)},
      {"half of it", whole.substr(0, whole.size() / 2)},
      {"too long", whole + "xx"},
      {"other magic", with(0, "RIFF", true)},
      {"other version", with(8, "\x02", true)},
      {"other rate", with(12, "\x01", true)},
      {"other content", with(16, ones, true)},
      {"huge", with(24, ones, true)},
      {"huge, overflowing to a small size", with(24, half, true)},
      {"flipped bit without the checksum", with(24, "\x01", false)},
      {"scale is not a number", with(32, ones.substr(0, 4), true)},
      {"scale is zero", with(32, std::string(4, '\0'), true)},
      {"many channels", with(36, ones.substr(0, 4), true)},
      {"no channels", with(36, std::string(4, '\0'), true)},
      {"zeros", std::string(whole.size(), '\0')},
  };
  for (const auto& [what, bytes] : damaged) {
    fs::remove(file);
    std::ofstream(file, std::ios::binary) << bytes;
    EXPECT_TRUE(same(open_store(options_, kRateHz), intact)) << what;
    EXPECT_EQ(bytes_of(file), whole) << what;
  }
}

TEST_F(Dataset, RemovesOnlyStaleLeftoversOfKilledRuns) {
  add_song("a");
  add_song("b");
  fs::create_directories(folder_ / "cache");
  for (const char* name : {"cache/old.pcm.1234.part", "cache/new.pcm.1234.part"}) {
    std::ofstream(folder_ / name) << "half-written";
  }
  fs::last_write_time(folder_ / "cache/old.pcm.1234.part",
                      fs::file_time_type::clock::now() - std::chrono::hours(2));
  static_cast<void>(open_store(options_, kRateHz));
  EXPECT_THAT(cache_files(".part"), ElementsAre(folder_ / "cache/new.pcm.1234.part"));
}

TEST_F(Dataset, CanBeOpenedByManyThreadsAndProgramsAtOnce) {
  for (const char* name : {"a", "b", "c", "d"}) add_song(name);
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      ::_exit(open_store(options_, kRateHz).recordings().size() == 4 ? 0 : 1);
    } catch (...) {
      ::_exit(2);
    }
  }
  std::vector<std::optional<AudioStore>> stores(3);
  {
    std::vector<std::jthread> threads;
    for (auto& store : stores) {
      threads.emplace_back([&store, this] { store.emplace(open_store(options_, kRateHz)); });
    }
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  for (const auto& store : stores) EXPECT_TRUE(same(*store, *stores.front()));
  EXPECT_THAT(cache_files(".pcm"), SizeIs(4));
  EXPECT_THAT(cache_files(".part"), IsEmpty());
}

TEST_F(Dataset, SaysThatTheDiskIsFullAndLeavesNothingHalfWritten) {
  add_song("a");
  add_song("b");
  // A limit of the size of files stands for the disk's; the samples as floats are above it, as integers too.
  for (const rlim_t limit : {50000U, 200000U}) {
    const int code = in_child([&] {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limits{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &limits);
      const Error error = error_of([&] { static_cast<void>(open_store(options_, kRateHz)); });
      const bool named = std::string(error.what()).find((folder_ / "cache").string()) != std::string::npos;
      return error.kind() == ErrorKind::output && named ? 0 : 1;
    });
    EXPECT_EQ(code, 0);
    EXPECT_THAT(cache_files(".pcm"), IsEmpty());
    EXPECT_THAT(cache_files(".part"), IsEmpty());
  }
}

TEST_F(Dataset, GoesOnAfterARunThatWasKilledAtAnyMoment) {
  for (const char* name : {"a", "b", "c", "d"}) add_song(name, 5 * kSecond);
  for (int kill = 0; kill < 4; ++kill) {
    const pid_t child = ::fork();
    if (child == 0) {
      static_cast<void>(open_store(options_, kRateHz));
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(40 * kill));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  const AudioStore store = open_store(options_, kRateHz);
  options_.cache_dir = folder_ / "another";
  EXPECT_TRUE(same(store, open_store(options_, kRateHz)));
}

TEST_F(Dataset, SaysUpFrontThatTheDiskHasNoRoom) {
  const AudioCache cache(folder_.path(), kRateHz);
  EXPECT_NO_THROW(cache.require_space(1));
  const Error error = error_of([&] { cache.require_space(std::uintmax_t{1} << 62U); });
  EXPECT_EQ(error.kind(), ErrorKind::output);
  EXPECT_THAT(error.what(),
              HasSubstr(folder_.path().string() + ": not enough space; expected 4611686018.43 GB, got "));
}

TEST_F(Dataset, SaysThatTheCacheCannotBeWritten) {
  add_song("a");
  add_song("b");
  std::ofstream(folder_ / "file") << "x";
  options_.cache_dir = folder_ / "file" / "cache";
  const Error error = error_of([&] { static_cast<void>(open_store(options_, kRateHz)); });
  EXPECT_EQ(error.kind(), ErrorKind::output);
  EXPECT_THAT(error.what(), HasSubstr(options_.cache_dir.string()));
}

TEST_F(Dataset, StopsWhenASignalAsksForIt) {
  add_song("a");
  add_song("b");
  EXPECT_EQ(in_child([&] {
              install_cancellation_handlers();
              std::raise(SIGTERM);
              try {
                static_cast<void>(open_store(options_, kRateHz));
              } catch (const Cancelled& cancelled) {
                return cancelled.signal();
              }
              return 0;
            }),
            SIGTERM);
}

TEST_F(Dataset, LiesInTheUsersCacheFolderByDefault) {
  add_song("a");
  add_song("b");
  options_.cache_dir.clear();
  EXPECT_EQ(in_child([&] {
              ::setenv("XDG_CACHE_HOME", (folder_ / "xdg").c_str(), 1);
              static_cast<void>(open_store(options_, kRateHz));
              ::unsetenv("XDG_CACHE_HOME");
              ::setenv("HOME", (folder_ / "home").c_str(), 1);
              static_cast<void>(open_store(options_, kRateHz));
              ::unsetenv("HOME");
              const Error error = error_of([&] { static_cast<void>(open_store(options_, kRateHz)); });
              return error.kind() == ErrorKind::usage ? 0 : 1;
            }),
            0);
  EXPECT_TRUE(fs::exists(folder_ / "xdg/svsep/lock"));
  EXPECT_TRUE(fs::exists(folder_ / "home/.cache/svsep/lock"));
}

TEST_F(Dataset, HoldsRealStemFilesOfSevenSeconds) {
  const fs::path real = fs::path(SVSEP_DATA_DIR) / "real";
  if (!fs::exists(real)) GTEST_SKIP() << "needs " << real;
  fs::create_directories(musdb_ / "train");
  for (const auto& entry : fs::directory_iterator(real)) {
    if (is_stem_file(entry.path())) {
      fs::create_symlink(fs::canonical(entry.path()), musdb_ / "train" / entry.path().filename());
    }
  }
  const AudioStore store = open_store(options_, kRateHz);
  ASSERT_THAT(store.recordings(), SizeIs(2));
  for (const Recording& song : store.recordings()) {
    EXPECT_EQ(song.role, Role::song);
    EXPECT_NEAR(static_cast<double>(song.samples) / kRateHz, 6.5, 1.0);
    const fs::path path = musdb_ / "train" / (song.name + ".stem.mp4");
    for (const auto& [stem, part] :
         {std::pair(Stem::vocals, Part::vocals), std::pair(Stem::bass, Part::bass)}) {
      Decoder decoder = open_stem(path, stem);
      const AudioBuffer audio = read_all(decoder);
      ASSERT_THAT(song.part(part), SizeIs(2));
      for (std::size_t c = 0; c < 2; ++c) {
        std::vector<float> expected = resampled(audio.channels[c], decoder.sample_rate_hz());
        expected.resize(song.samples);
        EXPECT_LE(steps_apart(song, song.part(part)[c], expected), 0.5 + 1e-3);
      }
    }
  }
}

}  // namespace
}  // namespace svsep
