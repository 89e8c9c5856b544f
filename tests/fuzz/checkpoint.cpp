#include "training/checkpoint.hpp"

#include "fuzz.hpp"
#include "support/temporary_folder.hpp"
#include "training/learner.hpp"
#include "unit/training/fake_data.hpp"

#include <fstream>
#include <iterator>

namespace {

const svsep::Settings kSettings = {{"--seed", "0"}};

svsep::Learner& learner() {
  static const svsep::TrainingOptions options;
  static const svsep::TrainableNetwork plan = svsep::test::tiny_cnn();
  static svsep::Learner learner = [] {
    torch::set_num_threads(1);
    return svsep::Learner(options, plan, svsep::NetworkInput(plan.info, {}, torch::kCPU), torch::kCPU);
  }();
  return learner;
}

/// A checkpoint of a tiny network after a step.
std::string whole_checkpoint() {
  svsep::Means means;
  learner().learn(svsep::test::windows(4, 1), means);
  const svsep::test::TemporaryFolder folder;
  svsep::write_checkpoint(folder / "a", kSettings, [](auto& archive) { learner().save(archive); });
  std::ifstream file(folder / "a", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Byte by byte: where to (three bytes) and what is changed there.
std::string damaged(std::string bytes, std::string_view edits) {
  for (; edits.size() >= 4; edits.remove_prefix(4)) {
    std::size_t at = 0;
    for (int i = 0; i < 3; ++i) at = at << 8U | static_cast<std::uint8_t>(edits[static_cast<std::size_t>(i)]);
    bytes[at % bytes.size()] = static_cast<char>(bytes[at % bytes.size()] ^ edits[3]);
  }
  return bytes;
}

}  // namespace

/// A checkpoint with some bytes changed, which must be refused before anything of it is used; and the bytes
/// themselves as a file. A checkpoint of hostile bytes with the right checksum is not tried: see
/// read_checkpoint().
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string whole = whole_checkpoint();
  const std::string_view edits = svsep::fuzz::text_of(data, size);
  const auto is_read = [](std::string_view bytes) {
    const svsep::fuzz::MemoryFile file(bytes);
    try {
      svsep::read_checkpoint(file.path(), kSettings, torch::kCPU,
                             [](auto& archive) { learner().load(archive); });
      return true;
    } catch (const svsep::Error& error) {
      svsep::fuzz::require(error.kind() == svsep::ErrorKind::model,
                           "the checkpoint is refused, not its settings");
      return false;
    }
  };
  const std::string changed = damaged(whole, edits);
  svsep::fuzz::require(is_read(changed) == (changed == whole), "a checkpoint is read where it is whole");
  svsep::fuzz::require(!is_read(edits), "what is none is refused");
  return 0;
}
