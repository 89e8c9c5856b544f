/// Gives a fuzz target the files that are named, and those in the folders that are named, once each: so that
/// every input that was ever worth keeping is a test, in builds without libFuzzer too. Options (-runs=0) are
/// libFuzzer's.

#include "fuzz.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_at(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t inputs = 0;
  for (const std::string& argument : std::vector<std::string>(argv + 1, argv + argc)) {
    if (argument.starts_with('-')) continue;
    for (const fs::path& path : files_at(argument)) {
      std::printf("%s\n", path.c_str());
      std::fflush(stdout);  // the last line names the input that crashed
      std::ifstream file(path, std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(file), {});
      // A copy on the heap of just this size, so that AddressSanitizer sees reads beyond its end.
      const std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
      LLVMFuzzerTestOneInput(copy.data(), copy.size());
      ++inputs;
    }
  }
  return inputs == 0 ? 1 : 0;
}
