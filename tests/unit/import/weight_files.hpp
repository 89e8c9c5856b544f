#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

// Weight files made by hand: small, and as wrong as a test wants them.

namespace svsep::test {

template <typename T>
std::string little_endian(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

struct ZipEntry {
  std::string name;
  std::string data;
  std::uint16_t method = 0;
  std::uint32_t stated_bytes = 0;  ///< 0: the data's
};

/// An archive of these entries without checksums.
inline std::string zip_of(const std::vector<ZipEntry>& entries) {
  std::string file;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const auto bytes =
        entry.stated_bytes != 0 ? entry.stated_bytes : static_cast<std::uint32_t>(entry.data.size());
    const std::string fields =
        little_endian(entry.method) + std::string(8, '\0') + little_endian(bytes) + little_endian(bytes) +
        little_endian(static_cast<std::uint16_t>(entry.name.size())) + std::string(2, '\0');
    directory += std::string("PK\1\2", 4) + std::string(4, '\0') + std::string(2, '\0') + fields +
                 std::string(10, '\0') + little_endian(static_cast<std::uint32_t>(file.size())) + entry.name;
    file += std::string("PK\3\4", 4) + std::string(2, '\0') + std::string(2, '\0') + fields + entry.name +
            entry.data;
  }
  const auto count = static_cast<std::uint16_t>(entries.size());
  return file + directory + std::string("PK\5\6", 4) + std::string(4, '\0') + little_endian(count) +
         little_endian(count) + little_endian(static_cast<std::uint32_t>(directory.size())) +
         little_endian(static_cast<std::uint32_t>(file.size())) + std::string(2, '\0');
}

/// A text, as a pickle has it.
inline std::string pickled(const std::string& text) {
  return "X" + little_endian(static_cast<std::uint32_t>(text.size())) + text;
}

inline std::string pickled(std::int64_t number) { return "\x8a\x08" + little_endian(number); }

inline std::string pickled(const std::vector<std::int64_t>& tuple) {
  std::string text = "(";
  for (const std::int64_t value : tuple) text += pickled(value);
  return text + "t";
}

/// A tensor of torch on the storage `key`.
inline std::string pickled_tensor(const std::string& key, std::int64_t storage_count, std::int64_t offset,
                                  const std::vector<std::int64_t>& shape,
                                  const std::vector<std::int64_t>& strides,
                                  const std::string& storage = "FloatStorage") {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + pickled("storage") + "ctorch\n" + storage + "\n" +
         pickled(key) + pickled("cpu") + pickled(storage_count) + "tQ" + pickled(offset) + pickled(shape) +
         pickled(strides) +
         "\x89"
         "ccollections\nOrderedDict\n)RtR";
}

/// A checkpoint with this pickle and one storage "0" of so many float32 zeros.
inline std::string checkpoint_of(const std::string& pickle, std::size_t values = 8) {
  return zip_of({{"a/data.pkl", "\x80\x02" + pickle + "."}, {"a/data/0", std::string(4 * values, '\0')}});
}

/// A .safetensors file of float32 zeros: tensors by name and shape.
inline std::string safetensors_of(
    const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& tensors) {
  std::string header = "{";
  std::size_t end = 0;
  for (const auto& [name, shape] : tensors) {
    std::size_t bytes = 4;
    std::string sizes;
    for (const std::int64_t size : shape) {
      bytes *= static_cast<std::size_t>(size);
      sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    }
    header += (end == 0 ? "" : ",") + ("\"" + name) + R"(":{"dtype":"F32","shape":[)" + sizes +
              R"(],"data_offsets":[)" + std::to_string(end) + "," + std::to_string(end + bytes) + "]}";
    end += bytes;
  }
  header += "}";
  return little_endian(static_cast<std::uint64_t>(header.size())) + header + std::string(end, '\0');
}

}  // namespace svsep::test
