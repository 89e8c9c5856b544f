#include "separate_fixture.hpp"
#include "support/run.hpp"

#include <filesystem>
#include <gtest/gtest.h>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

std::string help_of(const std::string& verb) {
  const test::RunResult help = test::run_svsep({verb, "--help"});
  EXPECT_EQ(help.exit_code, 0) << help.err;
  return help.out;
}

std::set<std::string> long_options_in(const std::string& text) {
  static const std::regex kOption(R"re(--[a-z][a-z0-9-]+)re");
  std::set<std::string> options;
  for (std::sregex_iterator match(text.begin(), text.end(), kOption), end; match != end; ++match) {
    options.insert(match->str());
  }
  return options;
}

/// What the bash completion offers for the last of these words.
std::string completed(const std::string& words) {
  const test::RunResult result = test::run(
      {"/bin/bash", "-c",
       "source <('" SVSEP_BINARY "' --completion bash); COMP_WORDS=(" + words +
           "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); compopt() { :; }; _svsep; echo ${COMPREPLY[@]}"});
  EXPECT_EQ(result.err, "");
  return result.out;
}

TEST(Help, IsWhatTheProgramPrintsWithoutArguments) {
  const test::RunResult alone = test::run_svsep({});
  EXPECT_EQ(alone.exit_code, 0);
  EXPECT_EQ(alone.out, test::run_svsep({"--help"}).out);
}

TEST(Help, HasALinePerOptionAndSaysWhatItsValueIs) {
  for (const char* verb : {"separate", "train", "evaluate", "info"}) {
    std::istringstream help(help_of(verb));
    for (std::string line; std::getline(help, line);) {
      EXPECT_FALSE(line.starts_with("   ")) << verb << ": a second line: " << line;
      EXPECT_FALSE(std::regex_search(line, std::regex(R"re(^  -.*\b(TEXT|INT|UINT|FLOAT)\b)re"))) << line;
      EXPECT_EQ(line.find("Excludes:"), std::string::npos) << line;
    }
  }
}

/// The options in the first column of a document's tables.
std::set<std::string> options_tabled_in(const std::string& document) {
  std::istringstream lines(test::bytes_of(fs::path(SVSEP_SOURCE_DIR) / document));
  std::set<std::string> options;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `-")) options.merge(long_options_in(line.substr(0, line.find(" | "))));
  }
  return options;
}

TEST(Documents, TableTheOptionsOfTheHelp) {
  for (const auto& [verb, document] :
       {std::pair("separate", "docs/separate.md"), std::pair("evaluate", "docs/evaluate.md")}) {
    std::set<std::string> options;
    std::istringstream help(help_of(verb));
    for (std::string line; std::getline(help, line);) {
      if (line.starts_with("  -")) options.merge(long_options_in(line.substr(0, 32)));
    }
    options.erase("--help");
    EXPECT_EQ(options_tabled_in(document), options) << document;
  }
}

TEST(Documents, NameEveryOptionOfTrainAndNoOther) {
  const std::set<std::string> known = long_options_in(help_of("train"));
  std::set<std::string> named = long_options_in(test::bytes_of(fs::path(SVSEP_SOURCE_DIR) / "docs/train.md"));
  named.insert("--help");
  EXPECT_EQ(named, known);
}

TEST(ManPage, NamesEveryOptionOfTheHelp) {
  const std::string page = std::regex_replace(test::run_svsep({"--man"}).out, std::regex(R"re(\\-)re"), "-");
  const std::set<std::string> named = long_options_in(page);
  for (const char* verb : {"separate", "train", "evaluate", "info"}) {
    for (const std::string& option : long_options_in(help_of(verb))) {
      EXPECT_TRUE(named.contains(option)) << verb << " " << option;
    }
  }
  EXPECT_TRUE(page.starts_with(".TH SVSEP 1"));
}

TEST(Completion, OffersVerbsOptionsAndChoices) {
  EXPECT_EQ(completed("svsep sep"), "separate\n");
  EXPECT_EQ(completed("svsep separate --fo"), "--format\n");
  EXPECT_EQ(completed("svsep separate --format fl"), "flac\n");
  EXPECT_EQ(completed("svsep separate -q --cl"), "--clip\n");
  EXPECT_EQ(completed("svsep separate '" SVSEP_SOURCE_DIR "/CHANGELO'"), SVSEP_SOURCE_DIR "/CHANGELOG.md\n");
}

TEST(Completion, OfAnotherShellIsRefused) {
  EXPECT_EQ(test::run_svsep({"--completion", "tcsh"}).exit_code, 2);
  for (const char* shell : {"zsh", "fish"}) {
    const test::RunResult script = test::run_svsep({"--completion", shell});
    EXPECT_EQ(script.exit_code, 0) << script.err;
    EXPECT_NE(script.out.find("separate"), std::string::npos);
    EXPECT_EQ(script.out.find("\\:") != std::string::npos, std::string(shell) == "zsh")
        << "colons are special in zsh alone";
  }
}

}  // namespace
}  // namespace svsep
