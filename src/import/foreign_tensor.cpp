#include "import/checkpoint.hpp"
#include "model/half.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace svsep {
namespace {

/// The value at a place that need not be aligned.
template <typename T>
T load(const char* place) {
  T value = {};
  std::memcpy(&value, place, sizeof(T));
  return value;
}

float value_at(const char* place, ForeignType type) {
  switch (type) {
    case ForeignType::float16:
      return half_to_float(load<std::uint16_t>(place));
    case ForeignType::bfloat16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(load<std::uint16_t>(place)) << 16U);
    case ForeignType::float32:
      return load<float>(place);
    case ForeignType::float64:
      return static_cast<float>(load<double>(place));
    case ForeignType::uint8:
      return static_cast<float>(load<std::uint8_t>(place));
    case ForeignType::int8:
      return static_cast<float>(load<std::int8_t>(place));
    case ForeignType::int16:
      return static_cast<float>(load<std::int16_t>(place));
    case ForeignType::int32:
      return static_cast<float>(load<std::int32_t>(place));
    case ForeignType::int64:
      return static_cast<float>(load<std::int64_t>(place));
    case ForeignType::boolean:
      return load<std::uint8_t>(place) != 0 ? 1.0F : 0.0F;
  }
  return 0.0F;
}

}  // namespace

std::size_t width(ForeignType type) noexcept {
  switch (type) {
    case ForeignType::uint8:
    case ForeignType::int8:
    case ForeignType::boolean:
      return 1;
    case ForeignType::float16:
    case ForeignType::bfloat16:
    case ForeignType::int16:
      return 2;
    case ForeignType::float32:
    case ForeignType::int32:
      return 4;
    case ForeignType::float64:
    case ForeignType::int64:
      return 8;
  }
  return 0;
}

std::int64_t ForeignTensor::count() const noexcept {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

bool ForeignTensor::is_contiguous() const noexcept {
  std::int64_t expected = 1;
  for (std::size_t axis = shape.size(); axis-- > 0; expected *= shape[axis]) {
    if (shape[axis] != 1 && strides[axis] != expected) return false;
  }
  return true;
}

ForeignTensor ForeignTensor::permuted(std::span<const std::size_t> axes) const {
  ForeignTensor result = *this;
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    result.shape[axis] = shape[axes[axis]];
    result.strides[axis] = strides[axes[axis]];
  }
  return result;
}

void ForeignTensor::read(std::int64_t first, std::span<float> values) const {
  const std::size_t step = width(type);
  if (is_contiguous()) {
    const char* const place = bytes.data() + static_cast<std::size_t>(first) * step;
    if (type == ForeignType::float32) {
      std::memcpy(values.data(), place, values.size_bytes());
    } else {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = value_at(place + i * step, type);
    }
    return;
  }
  // An odometer over the indices, set to the first value.
  std::vector<std::int64_t> index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0; first /= shape[axis]) index[axis] = first % shape[axis];
  for (float& value : values) {
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) offset += index[axis] * strides[axis];
    value = value_at(bytes.data() + static_cast<std::size_t>(offset) * step, type);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

}  // namespace svsep
