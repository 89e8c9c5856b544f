#include "import/readers.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <hdf5.h>
#include <memory>
#include <span>
#include <utility>

namespace svsep {
namespace {

constexpr std::string_view kSignature("\x89HDF\r\n\x1a\n", 8);
constexpr std::size_t kMaxCopiedBytes = std::size_t{1}
                                        << 30U;  ///< of datasets that are compressed or in chunks
constexpr hsize_t kMaxNames = 10'000;
constexpr std::size_t kMaxNameBytes = 1024;

/// An HDF5 handle with the function that closes it.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  [[nodiscard]] hid_t get() const noexcept { return id_; }
  [[nodiscard]] explicit operator bool() const noexcept { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// One Keras file: groups of layers, each with datasets of weights, and attributes that name both in the
/// model's order.
class KerasReader {
 public:
  KerasReader(const MappedFile& file, Checkpoint& checkpoint)
      : mapped_(file),
        checkpoint_(checkpoint),
        file_(H5Fopen(checkpoint.path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose) {
    if (!file_) checkpoint_.fail("HDF5: cannot be opened; is the file complete?");
  }

  void read() {
    const bool whole = H5Lexists(file_.get(), "model_weights", H5P_DEFAULT) > 0;  // else weights alone
    const Handle root(H5Gopen2(file_.get(), whole ? "model_weights" : "/", H5P_DEFAULT), H5Gclose);
    if (!root) checkpoint_.fail("HDF5: no group of weights");
    PlainValue::List layers;
    for (const std::string& layer : names(root.get(), "layer_names"))
      layers.push_back(read_layer(root.get(), layer));
    PlainValue::Dictionary package;
    package.emplace_back("layers", PlainValue{std::move(layers)});
    checkpoint_.package = ValueTree(checkpoint_.path.string(), PlainValue{std::move(package)});
  }

 private:
  PlainValue read_layer(hid_t root, const std::string& layer) {
    const Handle group(H5Gopen2(root, layer.c_str(), H5P_DEFAULT), H5Gclose);
    if (!group) checkpoint_.fail("HDF5: no group of layer " + layer);
    PlainValue::List weights;
    for (const std::string& weight : names(group.get(), "weight_names")) {
      const std::string path = fmt::format("{}/{}", layer, weight);
      checkpoint_.tensors.insert_or_assign(path, tensor(group.get(), weight));
      weights.push_back({path});
    }
    PlainValue::Dictionary fields;
    fields.emplace_back("name", PlainValue{layer});
    fields.emplace_back("weights", PlainValue{std::move(weights)});
    return {std::move(fields)};
  }

  /// The texts of an attribute: of fixed length, as Keras writes them, or of any.
  std::vector<std::string> names(hid_t object, const char* attribute) {
    const auto damaged = [&] {
      checkpoint_.fail(fmt::format("HDF5: expected Keras' attribute {}", attribute));
    };
    const Handle handle(H5Aopen(object, attribute, H5P_DEFAULT), H5Aclose);
    if (!handle) damaged();
    const Handle type(H5Aget_type(handle.get()), H5Tclose);
    const Handle space(H5Aget_space(handle.get()), H5Sclose);
    if (!type || !space) damaged();
    if (H5Tget_class(type.get()) == H5T_FLOAT) return {};  // how an empty list is written
    const hssize_t count = H5Sget_simple_extent_npoints(space.get());
    if (H5Tget_class(type.get()) != H5T_STRING || count < 0 || static_cast<hsize_t>(count) > kMaxNames)
      damaged();
    return H5Tis_variable_str(type.get()) > 0
               ? variable_names(handle.get(), type.get(), space.get(), static_cast<std::size_t>(count))
               : fixed_names(handle.get(), type.get(), static_cast<std::size_t>(count));
  }

  std::vector<std::string> fixed_names(hid_t attribute, hid_t type, std::size_t count) {
    const std::size_t length = H5Tget_size(type);
    if (length == 0 || length > kMaxNameBytes) checkpoint_.fail("HDF5: a name is too long");
    std::string text(length * count, '\0');
    if (count > 0 && H5Aread(attribute, type, text.data()) < 0)
      checkpoint_.fail("HDF5: names cannot be read");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.emplace_back(text.substr(i * length, length).c_str());
    return names;
  }

  std::vector<std::string> variable_names(hid_t attribute, hid_t stored, hid_t space, std::size_t count) {
    const Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5Tget_cset(stored));  // HDF5 converts none into another
    std::vector<char*> texts(count, nullptr);
    if (count > 0 && H5Aread(attribute, type.get(), texts.data()) < 0)
      checkpoint_.fail("HDF5: names cannot be read");
    std::vector<std::string> names;
    for (const char* const text : texts) names.emplace_back(text == nullptr ? "" : text);
    if (count > 0) H5Dvlen_reclaim(type.get(), space, H5P_DEFAULT, texts.data());
    return names;
  }

  ForeignTensor tensor(hid_t group, const std::string& name) {
    const auto fail = [&](const std::string& reason) {
      checkpoint_.fail("HDF5: dataset " + name + ": " + reason);
    };
    const Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset) fail("is missing");
    const Handle space(H5Dget_space(dataset.get()), H5Sclose);
    const Handle type(H5Dget_type(dataset.get()), H5Tclose);
    const int rank = H5Sget_simple_extent_ndims(space.get());
    if (rank < 0 || static_cast<std::size_t>(rank) > kMaxForeignDimensions) fail("too many dimensions");
    if (H5Tget_class(type.get()) != H5T_FLOAT) fail("is not of real numbers");
    std::array<hsize_t, kMaxForeignDimensions> sizes = {};
    if (rank > 0 && H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr) < 0) fail("shape");
    ForeignTensor tensor;
    std::size_t count = 1;
    for (const hsize_t size : std::span(sizes).first(static_cast<std::size_t>(rank))) {
      if (size == 0 || size > kMaxCopiedBytes / count) fail("shape");
      count *= size;
      tensor.shape.push_back(static_cast<std::int64_t>(size));
    }
    tensor.strides.resize(tensor.shape.size());
    std::int64_t stride = 1;
    for (std::size_t axis = tensor.shape.size(); axis-- > 0; stride *= tensor.shape[axis])
      tensor.strides[axis] = stride;
    tensor.bytes = mapped_bytes(dataset.get(), type.get(), 4 * count);
    if (tensor.bytes.empty()) tensor.bytes = copied_bytes(dataset.get(), name, 4 * count);
    return tensor;
  }

  /// The dataset where the file has it in one piece as we need it; else nothing.
  std::string_view mapped_bytes(hid_t dataset, hid_t type, std::size_t bytes) {
    const Handle properties(H5Dget_create_plist(dataset), H5Pclose);
    const bool plain = H5Tequal(type, H5T_IEEE_F32LE) > 0 &&
                       H5Pget_layout(properties.get()) == H5D_CONTIGUOUS &&
                       H5Pget_external_count(properties.get()) == 0;
    const haddr_t offset = plain ? H5Dget_offset(dataset) : HADDR_UNDEF;
    const std::size_t size = mapped_.bytes().size();
    if (offset == HADDR_UNDEF || offset > size || bytes > size - offset) return {};
    return mapped_.bytes().substr(offset, bytes);
  }

  std::string_view copied_bytes(hid_t dataset, const std::string& name, std::size_t bytes) {
    const Handle properties(H5Dget_create_plist(dataset), H5Pclose);
    const H5D_layout_t layout = H5Pget_layout(properties.get());
    copied_ += bytes;
    if (copied_ > kMaxCopiedBytes || layout == H5D_VIRTUAL || H5Pget_external_count(properties.get()) != 0) {
      checkpoint_.fail("HDF5: dataset " + name + ": is too large or lies in another file");
    }
    const auto memory = std::make_shared<std::vector<char>>(bytes);
    if (H5Dread(dataset, H5T_IEEE_F32LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, memory->data()) < 0) {
      checkpoint_.fail("HDF5: dataset " + name + ": cannot be read");
    }
    checkpoint_.memory.push_back(memory);
    return {memory->data(), bytes};
  }

  const MappedFile& mapped_;
  Checkpoint& checkpoint_;
  Handle file_;
  std::size_t copied_ = 0;
};

}  // namespace

bool is_hdf5(std::string_view bytes) { return bytes.starts_with(kSignature); }

void read_keras_hdf5(const MappedFile& file, Checkpoint& checkpoint) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // its errors are told by ours
  KerasReader(file, checkpoint).read();
}

}  // namespace svsep
