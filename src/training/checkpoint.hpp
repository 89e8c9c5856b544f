#pragma once

#include "svsep/training.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <torch/torch.h>
#include <utility>
#include <vector>

namespace svsep {

/// What two runs must have in common for one to go on from the other's state: {option, value}.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// `data` says what the training audio is. More epochs and another time limit, device, or place of the files
/// are no other run.
[[nodiscard]] Settings settings_of(const TrainingOptions& options, const std::string& data);

/// Writes a state of a run to one file, all or nothing: LibTorch's archive, which `save` fills, and its
/// checksum. Throws Error(output).
void write_checkpoint(const std::filesystem::path& path, const Settings& settings,
                      const std::function<void(torch::serialize::OutputArchive&)>& save);

/// Throws Error: model (missing, truncated, damaged in any byte, no checkpoint of this version, or what
/// `load` finds in it), usage (of other settings: names both values). Not for files of strangers: the
/// checksum tells accidents, and LibTorch's reader is not made for hostile bytes.
void read_checkpoint(const std::filesystem::path& path, const Settings& settings, const torch::Device& device,
                     const std::function<void(torch::serialize::InputArchive&)>& load);

}  // namespace svsep
