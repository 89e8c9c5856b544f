#pragma once

#include <cstddef>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace svsep::test {

/// The records of a file that scripts/make_golden_dsp.py made.
inline std::map<std::string, std::vector<float>> read_golden(const std::string& file_name) {
  std::ifstream file(std::string(SVSEP_GOLDEN_DIR "/") + file_name);
  std::map<std::string, std::vector<float>> records;
  std::string name;
  for (std::size_t count = 0; file >> name >> count;) {
    std::vector<float>& values = records[name];
    values.resize(count);
    for (float& value : values) file >> value;
  }
  if (records.empty() || !file.eof()) throw std::runtime_error("cannot read " + file_name);
  return records;
}

}  // namespace svsep::test
