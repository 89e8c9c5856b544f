#include "svsep/model_file.hpp"

#include "fuzz.hpp"

#include <cmath>
#include <sstream>
#include <vector>

namespace {

using svsep::fuzz::expect_only_errors;
using svsep::fuzz::require;

/// The tensor's shape, which nothing but the error of a wrong one tells: "... expected [], got [2, 3]".
std::vector<std::int64_t> shape_of(const svsep::ModelFile& model, const std::string& name) {
  std::vector<std::int64_t> shape;
  try {
    static_cast<void>(model.values(name, shape));
  } catch (const svsep::Error& error) {
    const std::string text = error.what();
    std::istringstream sizes(text.substr(text.rfind('[') + 1));
    for (std::int64_t size = 0; sizes >> size; sizes.ignore(1)) shape.push_back(size);
  }
  return shape;
}

}  // namespace

/// A model file: all that it says, and the values of every tensor.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const svsep::fuzz::MemoryFile file(svsep::fuzz::text_of(data, size));
  expect_only_errors([&] {
    const svsep::ModelFile model(file.path());
    require(model.parameter_count() >= 0, "a count is not negative");
    require(!model.tensor_types().empty(), "a model has tensors");
    for (const std::string& name : model.tensor_names()) {
      expect_only_errors([&] {
        const std::vector<std::int64_t> shape = shape_of(model, name);
        std::size_t count = 1;
        for (const std::int64_t extent : shape) count *= static_cast<std::size_t>(extent);
        const std::vector<float> values = model.values(name, shape);
        require(values.size() == count && 2 * count <= size, "a tensor is as large as its shape");
        for (const float value : values) require(std::isfinite(value), "a value is finite");
      });
    }
  });
  return 0;
}
