// The walls between the rooms, read off the includes: see docs/development/architecture.md.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Rooms = std::set<std::string>;

const fs::path kSource = SVSEP_SOURCE_DIR;

/// What each room may include besides itself: the table of allowed arrows.
const std::map<std::string, Rooms> kAllowed = {
    {"core", {}},
    {"dsp", {"core"}},
    {"media", {"core"}},
    {"separation", {"dsp", "core"}},
    {"plot", {"media", "dsp", "core"}},
    {"page", {"plot", "media", "dsp", "core"}},
    {"dataset", {"media", "dsp", "core"}},
    {"recipe", {"dataset", "dsp", "core"}},
    {"evaluation", {"page", "dataset", "separation", "media", "dsp", "core"}},
    {"model", {"separation", "dsp", "core"}},
    {"backend", {"model", "separation", "dataset", "core"}},
    {"import", {"model", "core"}},
    {"network", {"model", "separation", "dsp", "core"}},
    {"training",
     {"network", "recipe", "dataset", "backend", "plot", "model", "separation", "media", "dsp", "core"}},
    {"module", {"training", "network", "backend", "model", "separation", "core"}},
    {"song", {"page", "plot", "backend", "model", "separation", "media", "dsp", "core"}},
    {"cli",
     {"song", "page", "plot", "evaluation", "import", "backend", "model", "dataset", "separation", "media",
      "dsp", "core"}},
};

/// The room that stands behind each public header.
const std::map<std::string, std::string> kPublicHeaders = {
    {"svsep/audio.hpp", "core"},
    {"svsep/audio_format.hpp", "media"},
    {"svsep/cancellation.hpp", "core"},
    {"svsep/chunk_estimator.hpp", "separation"},
    {"svsep/dataset.hpp", "dataset"},
    {"svsep/decoder.hpp", "media"},
    {"svsep/encoder.hpp", "media"},
    {"svsep/error.hpp", "core"},
    {"svsep/existing_file.hpp", "core"},
    {"svsep/mask_estimator.hpp", "separation"},
    {"svsep/model_file.hpp", "model"},
    {"svsep/probe.hpp", "media"},
    {"svsep/separator.hpp", "separation"},
    {"svsep/stem_file.hpp", "media"},
    {"svsep/stft.hpp", "dsp"},
    {"svsep/svsep.hpp", "song"},
    {"svsep/tags.hpp", "media"},
    {"svsep/training.hpp", "backend"},  // what the seam carries
    {"svsep/version.hpp", "core"},      // made by CMake
};

std::vector<fs::path> sources_below(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path extension = entry.path().extension();
    if (extension == ".cpp" || extension == ".hpp") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string room_of(const std::string& below_source) {
  if (below_source == "backend/torch_backend.cpp") return "module";  // joins what the seam hides
  return below_source.substr(0, below_source.find('/'));
}

/// The room that an include leads to; empty where it leads to none of ours.
std::string room_included(const std::string& line) {
  static const std::regex kInclude(R"re(^#include "([^"]+)")re");
  std::smatch match;
  if (!line.starts_with("#include") || !std::regex_search(line, match, kInclude)) return {};
  const std::string header = match[1];
  if (header.starts_with("svsep/")) {
    const auto known = kPublicHeaders.find(header);
    return known == kPublicHeaders.end() ? header : known->second;
  }
  return header.substr(0, header.find('/'));
}

/// "file: included room" for each include of `files` that the table does not allow.
std::vector<std::string> broken_arrows(const std::string& room, const fs::path& file) {
  std::vector<std::string> broken;
  for (const std::string& line : lines_of(file)) {
    const std::string included = room_included(line);
    if (included.empty() || included == room || kAllowed.at(room).contains(included)) continue;
    broken.push_back(file.lexically_relative(kSource).string() + ": " + included);
  }
  return broken;
}

TEST(Architecture, RoomsIncludeOnlyRoomsBelowThem) {
  std::vector<std::string> broken;
  for (const fs::path& file : sources_below(kSource / "src")) {
    const std::string name = file.lexically_relative(kSource / "src").string();
    if (name == "main.cpp") continue;
    const std::string room = room_of(name);
    ASSERT_TRUE(kAllowed.contains(room)) << name << ": a room that the table does not know";
    for (std::string& arrow : broken_arrows(room, file)) broken.push_back(std::move(arrow));
  }
  EXPECT_THAT(broken, testing::IsEmpty());
}

TEST(Architecture, PublicHeadersIncludeOnlyPublicHeadersOfRoomsBelow) {
  std::vector<std::string> broken;
  for (const fs::path& file : sources_below(kSource / "include")) {
    const std::string name = file.lexically_relative(kSource / "include").string();
    ASSERT_TRUE(kPublicHeaders.contains(name)) << name << ": a public header that the table does not know";
    for (std::string& arrow : broken_arrows(kPublicHeaders.at(name), file))
      broken.push_back(std::move(arrow));
    for (const std::string& line : lines_of(file)) {
      if (line.starts_with("#include \"") && !line.starts_with("#include \"svsep/"))
        broken.push_back(name + ": " + line);
    }
  }
  EXPECT_THAT(broken, testing::IsEmpty());
}

TEST(Architecture, LibrariesStayInTheirRooms) {
  const std::vector<std::pair<std::regex, Rooms>> owners = {
      {std::regex(R"(#include <(torch|ATen|c10)/)"), {"network", "training", "module"}},
      {std::regex(R"(#include <lib(av|sw)[a-z]+/)"), {"media"}},
      {std::regex(R"(#include <CLI/)"), {"cli"}},
      {std::regex(R"(#include <fftw3)"), {"dsp"}},
      {std::regex(R"(#include <samplerate)"), {"dsp"}},
      {std::regex(R"(#include <lapacke)"), {"evaluation"}},
      {std::regex(R"(#include <(cairo|pango))"), {"plot"}},
      {std::regex(R"(#include <(hdf5|H5|yaml-cpp)[./a-z])"), {"import"}},
      {std::regex(R"(\b_?exit\()"), {"cli"}},
  };
  std::vector<std::string> strays;
  for (const fs::path& file : sources_below(kSource / "src")) {
    const std::string name = file.lexically_relative(kSource / "src").string();
    for (const std::string& line : lines_of(file)) {
      if (!line.starts_with('#') && line.find("exit(") == std::string::npos) continue;  // std::regex is slow
      for (const auto& [pattern, rooms] : owners) {
        if (std::regex_search(line, pattern) && !rooms.contains(room_of(name)))
          strays.push_back(name + ": " + line);
      }
    }
  }
  EXPECT_THAT(strays, testing::IsEmpty());
}

}  // namespace
