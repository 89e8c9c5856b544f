#pragma once

#include "dataset/audio_store.hpp"
#include "svsep/dataset.hpp"

#include <string>

namespace svsep {

/// Finds all training audio, decodes what the cache lacks, and maps it. Logs what was found and what decoding
/// will take before it starts. Items that are unreadable, silent or shorter than a second are named in
/// warnings and left out. A song without audible vocals becomes an accompaniment, one with nothing else
/// becomes voices. The recordings and their order follow from the files' names and contents alone. Several
/// threads and programs may open a store at once.
///
/// Throws Error(input) where a folder holds nothing usable or no validation recordings can be set aside,
/// Error(output) where the cache cannot be written, Error(usage), and Cancelled.
[[nodiscard]] AudioStore open_store(const DatasetOptions& options, int sample_rate_hz);

/// What a model file says of its training data: folders, items, hours and how they are split, in one line.
[[nodiscard]] std::string describe_dataset(const DatasetOptions& options, const AudioStore& store);

}  // namespace svsep
