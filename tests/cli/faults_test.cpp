// What the program leaves behind when a call of the system fails, when the disk is full and when it is
// killed. A call is made to fail by a library that is loaded before the program (tests/faults/fail_call.cpp).
// Here it is one call of each kind; SVSEP_FAULTS=N takes N of each, in all ways and of more commands (1000:
// every one), and SVSEP_KILLS=N kills each command at N random instants.

#include "core/rng.hpp"
#include "faults/fail_call.hpp"
#include "support/audio_files.hpp"
#include "support/dataset.hpp"
#include "support/run.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_model.hpp"
#include "support/train_command.hpp"
#include "svsep/model_file.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

using test::Call;
using test::CallReport;
using Arguments = std::vector<std::string>;
using Files = std::map<std::string, std::string>;  ///< bytes by name, relative to the folder of the outputs

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPreloads = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kPreloads = false;
#else
constexpr bool kPreloads = true;
#endif
#else
constexpr bool kPreloads = true;
#endif

/// A command line, run in a folder of inputs, whose outputs go to out/.
struct Command {
  const char* name;
  Arguments arguments;
  Arguments before = {};  ///< of a good run before it, whose outputs are there when it starts
  bool always = false;    ///< also where not all is asked for
};

struct Fault {
  Call call;
  std::uint64_t number;
  const char* how;
  int error;
  std::size_t bytes = 0;  ///< of the smallest allocation that counts
};

std::uint64_t calls_of(const CallReport& report, Call call) {
  return report.calls[static_cast<std::size_t>(call)];
}

struct Outcome {
  test::RunResult result;
  CallReport report;
  [[nodiscard]] bool fired() const { return report.failed > 0; }
};

bool is_killed(const Fault& fault) { return std::string_view(fault.how).starts_with("kill"); }

std::uint64_t number_of(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
}

/// At how many calls of each kind.
std::uint64_t most_faults() { return number_of("SVSEP_FAULTS"); }
bool everything() { return most_faults() > 1; }

/// A history without its last column, the seconds.
std::string untimed(const std::string& csv) {
  std::istringstream lines(csv);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += line.substr(0, line.rfind(',')) + "\n";
  return text;
}

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && std::string_view(text).substr(text.size() - end.size()) == end;
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

void PrintTo(const Command& command, std::ostream* out) { *out << command.name; }

class Faults : public ::testing::TestWithParam<Command> {
 protected:
  Faults() : root_(fs::canonical(folder_.path())), work_(root_ / "work"), out_(work_ / "out") {
    fs::create_directories(work_);
    test::write_tiny_model(work_ / "tiny.safetensors");
    const std::size_t samples = 30000;
    for (const auto& [name, seed] : {std::pair{"a.wav", 1U}, {"b.wav", 2U}}) {
      test::write_wav_s16(work_ / name, test::noise(samples, 2, 0.3, seed), test::kRateHz);
    }
    for (const char* folder : {"ref", "est"}) {
      fs::create_directories(work_ / folder);
      for (const char* stem : {"vocals.wav", "accompaniment.wav"}) {
        const std::uint64_t seed = std::string_view(stem).size() + (*folder == 'e' ? 0U : 7U);
        test::write_wav_s16(work_ / folder / stem, test::noise(samples, 2, 0.3, seed), test::kRateHz);
      }
    }
  }

  void SetUp() override {
    if (!GetParam().always && !everything()) GTEST_SKIP() << "only with SVSEP_FAULTS=2 and more";
    const Arguments& arguments = GetParam().arguments;
    if (has("--musdb")) {
      for (const char* subset : {"train", "test"}) {
        test::write_track(work_ / "musdb" / subset, "a", {.seconds = 1.5});
        test::write_track(work_ / "musdb" / subset, "b", {.seconds = 1.2});
      }
      // So that the index of the cache takes their hashes in.
      for (const auto& entry : fs::recursive_directory_iterator(work_ / "musdb"))
        fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(1));
    }
    for (const char* format : {"mp3", "flac", "m4a"}) {
      const std::string song = std::string("a.") + format;
      if (has(song)) test::run_ffmpeg({"-i", (work_ / "a.wav").string(), (work_ / song).string()});
    }
    if (!GetParam().before.empty()) {
      const test::RunResult before = run(GetParam().before);
      ASSERT_EQ(before.exit_code, 0) << before.err;
    }
    before_ = files();
    const auto start = std::chrono::steady_clock::now();
    good_run_ = run(arguments);
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    ASSERT_EQ(good_run_.exit_code, 0) << good_run_.err;
    good_ = files();
    ASSERT_GT(good_.size(), 0U);
  }

  void TearDown() override {
    for (const auto& [what, codes] : table_) {
      std::cout << "[ faults   ] " << GetParam().name << " | " << what << " |";
      for (const auto& [code, times] : codes) std::cout << ' ' << code << ": " << times;
      std::cout << std::endl;
    }
  }

  [[nodiscard]] bool has(std::string_view argument) const {
    const Arguments& all = GetParam().arguments;
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& one) { return one.find(argument) != std::string::npos; });
  }
  [[nodiscard]] bool trains() const { return GetParam().arguments.front() == "train"; }

  test::RunResult run(Arguments arguments, Arguments prefix = {}) {
    prefix.emplace_back(SVSEP_BINARY);
    prefix.insert(prefix.end(), arguments.begin(), arguments.end());
    return test::run(prefix, {}, work_);
  }

  /// Runs the command with a call that fails.
  Outcome run_with(const Fault& fault) {
    const fs::path path = root_ / "report";
    std::ofstream(path, std::ios::binary) << std::string(sizeof(CallReport), '\0');
    const auto set = [](const std::string& name, const std::string& value) {
      return "SVSEP_FAIL_" + name + "=" + value;
    };
    Outcome outcome{
        run(GetParam().arguments,
            {"env", "LD_PRELOAD=" SVSEP_FAIL_CALL, set("REPORT", path.string()),
             set("FOLDER", work_.string()),
             set("CALL", std::string(test::kCallNames[static_cast<std::size_t>(fault.call)])),
             set("NUMBER", std::to_string(fault.number)), set("HOW", fault.how),
             set("ERRNO", std::to_string(fault.error)), set("BYTES", std::to_string(fault.bytes))}),
        {}};
    const std::string bytes = test::text_of(path);
    std::memcpy(&outcome.report, bytes.data(), std::min(bytes.size(), sizeof(CallReport)));
    return outcome;
  }

  Files files() const {
    Files found;
    if (!fs::exists(out_)) return found;
    for (const auto& entry : fs::recursive_directory_iterator(out_)) {
      if (!entry.is_regular_file()) continue;
      found[fs::relative(entry.path(), out_).string()] = test::text_of(entry.path());
    }
    return found;
  }

  /// Puts back what was there before the command ran.
  void reset() {
    fs::remove_all(out_);
    for (const auto& [name, bytes] : before_) {
      fs::create_directories((out_ / name).parent_path());
      std::ofstream(out_ / name, std::ios::binary) << bytes;
    }
  }

  /// Whether a file that has its final name is whole. A checkpoint is judged by who resumes from it.
  [[nodiscard]] bool is_whole(const std::string& name, const std::string& bytes) const {
    const auto is_of = [&](const Files& some) {
      const auto found = some.find(name);
      return found != some.end() && found->second == bytes;
    };
    if (is_of(good_) || is_of(before_)) return true;
    const std::string extension = fs::path(name).extension();
    if (!trains() || good_.count(name) == 0) return false;
    if (extension == ".safetensors") {
      return test::error_of([&] { const ModelFile model(out_ / name); }).what() ==
             std::string("nothing was thrown");
    }
    if (extension == ".csv")
      return ends_with(bytes, "\n") && untimed(good_.at(name)).starts_with(untimed(bytes));
    if (extension == ".png") return ends_with(bytes, std::string_view("\0\0\0\0IEND\xae\x42\x60\x82", 12));
    return extension == ".checkpoint" || fs::path(name).filename() == "index";
  }

  /// Nothing half-written has a final name, nothing that was there is lost, and no other files stay.
  void expect_whole(bool killed) const {
    const Files now = files();
    for (const auto& [name, bytes] : now) {
      if (ends_with(name, ".part")) {
        EXPECT_TRUE(killed) << name << " stayed";
      } else {
        EXPECT_TRUE(is_whole(name, bytes)) << name << " is not whole: " << bytes.size() << " bytes";
      }
    }
    for (const auto& earlier : before_)
      EXPECT_EQ(now.count(earlier.first), 1U) << earlier.first << " was lost";
  }

  /// Runs the command again (a training goes on from its checkpoint) to the good run's files.
  void expect_completes() {
    Arguments again = GetParam().arguments;
    if (trains() && fs::exists(out_ / "m.checkpoint") && before_.empty()) again.emplace_back("--resume");
    const test::RunResult result = run(again);
    EXPECT_EQ(result.exit_code, 0) << "run again: " << result.err;
    expect_good();
  }

  void expect_good() const {
    const Files now = files();
    for (const auto& [name, bytes] : good_) {
      if (fs::path(name).filename() == "index") continue;  // only saves time
      const auto found = now.find(name);
      ASSERT_NE(found, now.end()) << name << " is missing";
      const std::string extension = fs::path(name).extension();
      if (extension == ".checkpoint") continue;
      EXPECT_TRUE(extension == ".csv" ? untimed(found->second) == untimed(bytes) : found->second == bytes)
          << name << " is not the good run's";
    }
  }

  /// Whether not the program itself ended the run.
  static bool was_ended(const test::RunResult& result) {
    return result.exit_code > 6 || (result.exit_code != 0 && count(result.err, "svsep: error: ") == 0);
  }

  /// What holds after every fault.
  void expect_harmless(const Fault& fault, const Outcome& outcome) {
    const test::RunResult& result = outcome.result;
    const bool killed = is_killed(fault);
    const bool crashed = !killed && was_ended(result);
    expect_whole(killed || crashed);
    if (killed) {
      EXPECT_EQ(result.exit_code, 128 + SIGKILL);
    } else if (fault.call != Call::allocate) {  // a library may end the process where it gets no memory
      EXPECT_FALSE(crashed) << result.exit_code;
    }
    if (result.exit_code == 0) {
      if (!trains() || count(result.err, "left out:") == 0) expect_good();
    } else if (!killed && !crashed) {
      EXPECT_NE(result.exit_code, 2);
      expect_says_why(fault, outcome);
      const bool alone = GetParam().arguments.front() == "separate" && !has("b.wav");
      if (alone && before_.empty()) {
        EXPECT_EQ(files().size(), 0U) << "one stem stayed without the other";
      }
    }
    if (files() != before_) expect_completes();  // else it starts as the good run did
  }

  void expect_says_why(const Fault& fault, const Outcome& outcome) const {
    const std::string& text = outcome.result.err;
    const std::size_t songs = has("b.wav") || has("musdb") ? 2 : 1;
    EXPECT_GE(count(text, "svsep: error: "), 1U) << text;
    EXPECT_LE(count(text, "svsep: error: "), songs + 1) << text;
    if (fault.call == Call::allocate || std::string_view(fault.how) == "on") return;
    const bool says_why = text.find(std::strerror(fault.error)) != std::string::npos ||
                          text.find("what was written is not what is read back") != std::string::npos;
    EXPECT_TRUE(says_why) << text;
    std::string name = fs::path(outcome.report.path.data()).filename();
    if (ends_with(name, ".part")) name = fs::path(name).stem().stem();  // of the file that it becomes
    const bool names_it = text.find(name) != std::string::npos || text.find("out/cache") != std::string::npos;
    EXPECT_TRUE(names_it) << name << " is not named: " << text;
  }

  /// How many calls of each kind the command makes where none fails.
  CallReport count_calls(std::size_t bytes = 0) {
    reset();
    const Outcome outcome = run_with({Call::open, 0, "once", 0, bytes});
    EXPECT_EQ(outcome.result.exit_code, 0) << outcome.result.err;
    EXPECT_GT(calls_of(outcome.report, Call::write), 0U) << "the library is not in the program";
    return outcome.report;
  }

  /// Of 1..most: one of them, or as many as are asked for, evenly spread.
  static std::vector<std::uint64_t> some_of(std::uint64_t most, bool last = false) {
    if (most == 0) return {};
    if (!everything()) return {last ? most : most - most / 3};
    const std::uint64_t shown = std::min(most, most_faults());
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t i = 1; i <= shown; ++i) numbers.push_back(most * i / shown);
    return numbers;
  }

  void inject(const Fault& fault) {
    std::ostringstream what;
    what << test::kCallNames[static_cast<std::size_t>(fault.call)] << ' ' << fault.how;
    SCOPED_TRACE(what.str() + " number " + std::to_string(fault.number) + " of " +
                 std::to_string(fault.bytes) + " bytes");
    reset();
    const Outcome outcome = run_with(fault);
    SCOPED_TRACE(std::string(outcome.report.path.data()) + "\n" + outcome.result.err);
    if (outcome.fired()) {
      std::string how = "exit " + std::to_string(outcome.result.exit_code);
      if (!is_killed(fault) && was_ended(outcome.result)) {
        how += " (" + outcome.result.err.substr(0, std::min<std::size_t>(outcome.result.err.find('\n'), 60)) +
               ")";
      }
      ++table_[what.str()][how];
    }
    expect_harmless(fault, outcome);
  }

  const test::TemporaryFolder folder_;
  const fs::path root_;
  const fs::path work_;
  const fs::path out_;
  Files before_;
  Files good_;
  test::RunResult good_run_;
  double seconds_ = 0;
  std::map<std::string, std::map<std::string, int>> table_;  ///< how runs ended and how often, by fault
};

TEST_P(Faults, AtACallLeaveNothingHalfWrittenAndARerunCompletes) {
  if (!kPreloads) GTEST_SKIP() << "AddressSanitizer has the place of the library that makes calls fail";
  const CallReport calls = count_calls();
  for (const Call call : {Call::open, Call::read, Call::write, Call::sync, Call::rename, Call::mkdir,
                          Call::truncate, Call::map}) {
    const bool reads = call == Call::read || call == Call::map;
    for (const std::uint64_t number : some_of(calls_of(calls, call), call == Call::rename)) {
      inject({call, number, "once", EIO});
      if (everything() || call == Call::write) inject({call, number, "on", reads ? EIO : ENOSPC});
      if (!reads && everything()) inject({call, number, "kill", 0});
      if (call == Call::rename) inject({call, number, "kill-after", 0});
    }
  }
}

TEST_P(Faults, OfMemoryLeaveNothingHalfWrittenAndARerunCompletes) {
  if (!kPreloads) GTEST_SKIP() << "AddressSanitizer has the place of the library that makes calls fail";
  for (const std::size_t bytes : {std::size_t{1} << 16U, std::size_t{1} << 12U, std::size_t{1}}) {
    for (const std::uint64_t number : some_of(calls_of(count_calls(bytes), Call::allocate))) {
      inject({Call::allocate, number, number % 2 == 0 ? "on" : "once", ENOMEM, bytes});
    }
    if (!everything()) break;
  }
}

TEST_P(Faults, AtRandomInstantsLeaveNothingHalfWrittenAndARerunCompletes) {
  const std::uint64_t kills = number_of("SVSEP_KILLS");
  Rng random({std::hash<std::string>{}(GetParam().name)});
  reset();
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const double after_s = random.uniform(0.01, 1.05 * seconds_);
    SCOPED_TRACE("kill " + std::to_string(kill) + " after " + std::to_string(after_s) + " s");
    Arguments arguments = GetParam().arguments;
    if (trains() && fs::exists(out_ / "m.checkpoint") && before_.empty()) arguments.emplace_back("--resume");
    const test::RunResult result = run(arguments, {"timeout", "-s", "KILL", std::to_string(after_s)});
    ++table_["killed at random"]["exit " + std::to_string(result.exit_code)];
    EXPECT_TRUE(result.exit_code == 128 + SIGKILL || result.exit_code == 0)
        << result.exit_code << ": " << result.err;
    expect_whole(true);
    if (result.exit_code != 0 && random.uniform() < 0.5) continue;  // kill what goes on from there
    expect_completes();
    reset();
  }
}

Arguments separate(std::initializer_list<std::string> more) {
  Arguments all = {"separate", "--quiet", "--threads", "1", "--model", "tiny.safetensors", "-o", "out"};
  all.insert(all.end(), more);
  return all;
}
Arguments train(const char* epochs, std::initializer_list<std::string> more = {}) {
  Arguments all =
      test::TrainCommand{.cache = "out/cache", .output = "out/m.safetensors", .epochs = epochs}.arguments();
  all.insert(all.end(), more);
  return all;
}
Arguments evaluate(std::initializer_list<std::string> more) {
  Arguments all = {"evaluate", "--threads", "1", "-o", "out"};
  all.insert(all.end(), more);
  return all;
}

INSTANTIATE_TEST_SUITE_P(
    All, Faults,
    ::testing::Values(
        Command{"SeparateToWav", separate({"a.wav", "--skip-existing", "--plot"}), {}, true},
        Command{"SeparateToFlacOfMp3",
                separate({"a.mp3", "--skip-existing", "--format", "flac", "--clip", "rescale"})},
        Command{"SeparateToMp3OfFlac", separate({"a.flac", "--skip-existing", "--format", "mp3"})},
        Command{"SeparateToM4aOfM4a", separate({"a.m4a", "--skip-existing", "--format", "m4a"})},
        Command{
            "SeparateToAStemFile", separate({"a.wav", "--skip-existing", "--format", "stem.mp4"}), {}, true},
        Command{"SeparateTwoSongsOverEarlierStems", separate({"a.wav", "b.wav", "--overwrite", "--json"}),
                separate({"a.wav", "b.wav", "--vocal-thresh", "0.4"}), true},
        Command{"Train", train("1"), {}, true}, Command{"TrainTwoEpochs", train("2")},
        Command{"TrainOverAnEarlierModel", train("1"), train("1", {"--seed", "3"})},
        Command{"EvaluateFolders", evaluate({"--reference", "ref", "--estimate", "est"}), {}, true},
        Command{"EvaluateMusdb", evaluate({"--musdb", "musdb", "--model", "tiny.safetensors"})}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace svsep
