#pragma once

#include "import/checkpoint.hpp"
#include "svsep/model_file.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace svsep {

/// One tensor of the model file and where it comes from.
struct TensorSource {
  std::string name;                 ///< in the model file: the published name, in a bag after "0.", "1." ...
  std::string source;               ///< in the checkpoint
  std::vector<std::int64_t> shape;  ///< that the source must have
  std::size_t checkpoint = 0;       ///< which of the files
  /// Empty, or the order of the source's axes in the model file (see ForeignTensor::permuted).
  std::vector<std::size_t> axes = {};
};

/// What a model file of a published network will be. The importer compares it with the checkpoints: a tensor
/// that is missing, misshapen, or neither used nor ignorable is an error that names it.
struct ImportPlan {
  /// architecture (the family's name), sizes, numbers and chunks; the importer fills in training, data and
  /// licence where they are empty.
  ModelInfo info;
  std::vector<TensorSource> tensors;
  /// Ends of names that checkpoints may hold and no network needs: "num_batches_tracked", "window", "freqs".
  std::vector<std::string> ignorable_ends = {};
};

/// A published family of networks: an entry of the table that `svsep model import` goes through.
struct Family {
  std::string_view
      name;  ///< `architecture` in model files: "open-unmix", "htdemucs", "mdx23c", "bs-roformer" ...
  std::string_view title;  ///< for people: "HT-Demucs"
  /// Whether the tensor names are this family's. Must hold for no other family's checkpoint; sizes are not
  /// looked at.
  bool (*recognises)(const Checkpoint& checkpoint);
  /// Sizes, stems and tensors, from the shapes where they settle them, else from the configuration, else from
  /// Checkpoint::package. `checkpoints` are all recognised and at least one, in the order of the command
  /// line; a family that knows no bags takes one. `config` is an empty tree where the user gave none. Trusts
  /// no number. Throws Error(model) that names the file and, where a configuration is needed and missing,
  /// says which keys it must have.
  ImportPlan (*describe)(std::span<const Checkpoint> checkpoints, const ValueTree& config);
};

// Each in its family_<name>.cpp.
extern const Family kThesisKerasFamily;
extern const Family kOpenUnmixFamily;
extern const Family kHtDemucsFamily;
extern const Family kMdx23cFamily;
extern const Family kBsRoformerFamily;
extern const Family kMelBandRoformerFamily;

/// All of them, in the order in which they are tried (families.cpp).
[[nodiscard]] std::span<const Family* const> families();

/// Stems of a network from a configuration's training.instruments and training.target_instrument, in the
/// network's order: the target alone where there is one. In lower case; "instrumental" and "no vocals", and
/// "other" where "vocals" is the only other one, are "accompaniment".
[[nodiscard]] std::vector<std::string> published_stems(const ValueTree& config);

}  // namespace svsep
