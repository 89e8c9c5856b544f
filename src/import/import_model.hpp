#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

struct ImportOptions {
  std::vector<std::filesystem::path> files;  ///< at least one; several for a bag
  std::filesystem::path config = {};         ///< YAML, or empty
  std::filesystem::path output = {};         ///< the model file
  bool float32 = false;                      ///< keep float32 where the source has it; else float16
  std::string licence = {};                  ///< of the weights, where the user knows it
};

/// Opens foreign weight files, recognises their family, and writes a model file. Memory does not grow with
/// the files. Throws Error: input (no such file), model (anything wrong with a file; unknown family), output.
void import_model(const ImportOptions& options);

}  // namespace svsep
