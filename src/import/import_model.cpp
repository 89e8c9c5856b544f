#include "import/import_model.hpp"

#include "core/mapped_file.hpp"
#include "import/family.hpp"
#include "model/half.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>

namespace svsep {
namespace {

constexpr std::size_t kMostNamed = 3;          ///< tensors that an error names
constexpr std::size_t kPieceValues = 1 << 16;  ///< looked at at a time
constexpr float kLargestHalf = 65504.0F;
/// A model file may be so many times as large as what it is made from: a tensor in half precision that stays
/// float32 takes twice its bytes. More is a checkpoint whose tensors share their storage a thousand times.
constexpr std::uint64_t kMaxGrowth = 4;
constexpr std::uint64_t kFreeBytes = 1 << 20;

const Family& family_of(const Checkpoint& checkpoint) {
  std::vector<std::string_view> known;
  for (const Family* const family : families()) {
    if (family->recognises(checkpoint)) return *family;
    known.push_back(family->title);
  }
  checkpoint.fail(fmt::format("its {} tensors are of no family that svsep knows (first: {}); expected {}",
                              checkpoint.tensors.size(), checkpoint.tensors.begin()->first,
                              fmt::join(known, ", ")));
}

/// "a, b, c and 7 more".
std::string listed(const std::vector<std::string>& names) {
  const std::size_t shown = std::min(names.size(), kMostNamed);
  const std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  return names.size() == shown ? text : fmt::format("{} and {} more", text, names.size() - shown);
}

bool is_ignorable(const std::string& name, const ImportPlan& plan) {
  return std::any_of(plan.ignorable_ends.begin(), plan.ignorable_ends.end(),
                     [&](const std::string& end) { return name.ends_with(end); });
}

/// Throws unless the plan takes every tensor of the checkpoint and finds all it needs, of the right shape.
void compare(const ImportPlan& plan, std::size_t index, const Checkpoint& checkpoint, const Family& family) {
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  std::set<std::string_view> used;
  for (const TensorSource& source : plan.tensors) {
    if (source.checkpoint != index) continue;
    used.insert(source.source);
    const auto found = checkpoint.tensors.find(source.source);
    if (found == checkpoint.tensors.end()) {
      missing.push_back(source.source);
    } else if (found->second.shape != source.shape) {
      misshapen.push_back(fmt::format("{} (expected [{}], got [{}])", source.source,
                                      fmt::join(source.shape, ", "), fmt::join(found->second.shape, ", ")));
    }
  }
  std::vector<std::string> surplus;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (!used.contains(name) && !is_ignorable(name, plan)) surplus.push_back(name);
  }
  const auto complain = [&](const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) checkpoint.fail(fmt::format("as {}: {} {}", family.title, what, listed(names)));
  };
  complain("lacks the tensors", missing);
  complain("tensors of another shape:", misshapen);
  complain("holds tensors that the network does not have:", surplus);
}

/// Whether half precision holds the tensor: all but vectors, whose rounding would cost more than their bytes,
/// and values beyond its range. Throws where a value is not finite.
TensorType type_of(const TensorSource& source, const ForeignTensor& tensor, const Checkpoint& checkpoint) {
  const std::int64_t count = tensor.count();
  std::vector<float> piece(std::min<std::size_t>(static_cast<std::size_t>(count), kPieceValues));
  float largest = 0;
  for (std::int64_t first = 0; first < count; first += static_cast<std::int64_t>(piece.size())) {
    piece.resize(std::min(piece.size(), static_cast<std::size_t>(count - first)));
    tensor.read(first, piece);
    for (const float value : piece) {
      if (!std::isfinite(value))
        checkpoint.fail("tensor " + source.source + ": holds a value that is not finite");
      largest = std::max(largest, std::abs(value));
    }
  }
  checkpoint.file->forget();
  return tensor.shape.size() > 1 && largest <= kLargestHalf ? TensorType::float16 : TensorType::float32;
}

std::vector<TensorStream> streams_of(const ImportPlan& plan, const std::vector<Checkpoint>& checkpoints,
                                     const ImportOptions& options) {
  std::vector<TensorStream> streams;
  std::uint64_t bytes = 0;
  std::uint64_t most = kFreeBytes;
  for (const auto& file : options.files) most += kMaxGrowth * std::filesystem::file_size(file);
  for (const TensorSource& source : plan.tensors) {
    const Checkpoint& checkpoint = checkpoints[source.checkpoint];
    const ForeignTensor& original = checkpoint.tensors.at(source.source);
    bytes += 4 * static_cast<std::uint64_t>(original.count());
    if (bytes > most)
      checkpoint.fail("its tensors share their storage: they would take far more than the file");
    const TensorType type = options.float32 ? TensorType::float32 : type_of(source, original, checkpoint);
    ForeignTensor tensor = source.axes.empty() ? original : original.permuted(source.axes);
    auto shape = tensor.shape;
    const auto read = [tensor = std::move(tensor), file = checkpoint.file](std::int64_t first,
                                                                           std::span<float> values) {
      tensor.read(first, values);
      file->forget();
    };
    streams.push_back({source.name, std::move(shape), type, read});
  }
  return streams;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

void import_model(const ImportOptions& options) {
  std::vector<Checkpoint> checkpoints;
  for (const auto& file : options.files) checkpoints.push_back(open_checkpoint(file));
  const ValueTree config = options.config.empty() ? ValueTree() : read_yaml(options.config);
  const Family& family = family_of(checkpoints.front());
  for (const Checkpoint& checkpoint : checkpoints) {
    if (&family_of(checkpoint) != &family) {
      checkpoint.fail(fmt::format("is of the family {}; expected {} as the first file",
                                  family_of(checkpoint).title, family.title));
    }
  }
  ImportPlan plan = family.describe(checkpoints, config);
  for (std::size_t i = 0; i < checkpoints.size(); ++i) compare(plan, i, checkpoints[i], family);
  if (plan.info.training.empty()) {
    std::vector<std::string> names;
    for (const auto& file : options.files) names.push_back(file.filename().string());
    plan.info.training = fmt::format("{}, imported from {}", family.title, fmt::join(names, ", "));
  }
  if (!options.licence.empty()) plan.info.licence = options.licence;
  write_model_file(options.output, plan.info, streams_of(plan, checkpoints, options));
}

std::vector<std::string> published_stems(const ValueTree& config) {
  std::vector<std::string> stems = config.texts("training.instruments");
  const bool is_pair = stems.size() == 2;
  if (config.has("training.target_instrument")) stems = {config.text("training.target_instrument")};
  for (std::string& stem : stems) {
    stem = lower(stem);
    if ((is_pair && stem == "other") || stem == "instrumental" || stem == "no vocals") stem = "accompaniment";
  }
  return stems;
}

}  // namespace svsep
