#pragma once

#include "import/checkpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace svsep {

/// A storage of torch that a pickle refers to: its bytes lie elsewhere in the file.
struct PickledStorage {
  std::string_view key;
  ForeignType type = ForeignType::float32;
  std::int64_t count = 0;  ///< values, 0 to 2^48
};

/// A tensor of torch: a view of a storage. Neither is checked against the other yet.
struct PickledTensor {
  PickledStorage storage;
  std::int64_t offset = 0;  ///< values
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
};

/// A value of a pickle. References between nodes may form cycles.
struct PickleNode {
  struct Mark {};
  struct Integer {
    std::int64_t value = 0;
    bool fits = true;  ///< in 64 bits; else the value is not kept
  };
  struct Global {  ///< a name of Python's: module and attribute. Nothing is looked up
    std::string_view module;
    std::string_view name;
  };
  struct Opaque {  ///< an object of a class that is not known
    std::string class_name;
  };
  struct List {  ///< also of tuples and sets
    std::vector<const PickleNode*> items;
  };
  struct Dictionary {
    std::vector<std::pair<const PickleNode*, const PickleNode*>> entries;
  };

  std::variant<std::monostate, Mark, bool, Integer, double, std::string_view, List, Dictionary, Global,
               Opaque, PickledStorage, PickledTensor>
      value;
};

/// Interprets one pickle (protocols 0 to 5) at the start of some bytes. No class is looked up and no function
/// called: tensors, storages, OrderedDict, Fraction and torch.Size are known by name, any other object stays
/// opaque. Memory is bounded, whatever the bytes ask for.
class Pickle {
 public:
  /// The bytes must outlive the object. Throws Error(model) "<origin>: pickle: <reason>".
  Pickle(std::string_view bytes, const std::string& origin);

  [[nodiscard]] const PickleNode& root() const noexcept { return *root_; }
  /// Bytes of the pickle, up to the end that it states.
  [[nodiscard]] std::size_t length() const noexcept { return length_; }

  /// The node as a plain value: what has no plain counterpart (tensors, unknown classes) is opaque. Throws
  /// Error(model) where it is nested too deeply (cycles) or too large.
  [[nodiscard]] PlainValue plain(const PickleNode& node) const;

  /// Every storage that the pickle refers to.
  template <typename Visit>
  void for_each_storage(const Visit& visit) const {
    for (const PickleNode& node : nodes_) {
      if (const auto* const storage = std::get_if<PickledStorage>(&node.value)) visit(*storage);
    }
  }

 private:
  std::deque<PickleNode> nodes_;
  const PickleNode* root_ = nullptr;
  std::size_t length_ = 0;
  std::string origin_;
};

/// The value of the key, or nullptr.
[[nodiscard]] const PickleNode* find_entry(const PickleNode::Dictionary& dictionary, std::string_view key);

}  // namespace svsep
