#include "fuzz.hpp"
#include "import/checkpoint.hpp"
#include "import/family.hpp"
#include "import/readers.hpp"

#include <algorithm>
#include <vector>

namespace {

using svsep::fuzz::expect_only_errors;
using svsep::fuzz::require;

constexpr std::int64_t kMostRead = 1 << 16;

/// Values of the tensor from its start, from its end, and in another order of its axes.
void read_values(const svsep::ForeignTensor& tensor) {
  require(tensor.shape.size() == tensor.strides.size(), "an axis has a size and a stride");
  const std::int64_t count = tensor.count();
  require(count > 0, "a tensor has a value");
  std::vector<float> values(static_cast<std::size_t>(std::min(count, kMostRead)));
  tensor.read(0, values);
  tensor.read(count - static_cast<std::int64_t>(values.size()), values);
  std::vector<std::size_t> axes(tensor.shape.size());
  for (std::size_t axis = 0; axis < axes.size(); ++axis) axes[axis] = axes.size() - 1 - axis;
  tensor.permuted(axes).read(0, values);
}

}  // namespace

/// A checkpoint or .safetensors file of others: all tensors, and the family that it claims to be. HDF5 is
/// left to the library that reads it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = svsep::fuzz::text_of(data, size);
  if (svsep::is_hdf5(bytes)) return 0;
  const svsep::fuzz::MemoryFile file(bytes);
  expect_only_errors([&] {
    const svsep::Checkpoint checkpoint = svsep::open_checkpoint(file.path());
    for (const auto& [name, tensor] : checkpoint.tensors) read_values(tensor);
    for (const svsep::Family* const family : svsep::families()) {
      if (!family->recognises(checkpoint)) continue;
      expect_only_errors([&] { static_cast<void>(family->describe({&checkpoint, 1}, {})); });
    }
  });
  return 0;
}
