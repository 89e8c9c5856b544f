#include "import/pickle.hpp"

#include "import/pickle_machine.hpp"
#include "svsep/error.hpp"

#include <fmt/format.h>

namespace svsep {
namespace {

constexpr std::size_t kMaxPlainValues = 200'000;
constexpr std::size_t kMaxPlainText = std::size_t{16} << 20U;
constexpr int kMaxPlainDepth = 32;

/// Copies nodes into a tree of plain values, within bounds.
class PlainCopy {
 public:
  explicit PlainCopy(const std::string& origin) : origin_(origin) {}

  PlainValue copy(const PickleNode& node, int depth) {
    if (depth > kMaxPlainDepth || ++values_ > kMaxPlainValues) fail();
    return std::visit([&](const auto& value) { return PlainValue{converted(value, depth)}; }, node.value);
  }

 private:
  using Variant = decltype(PlainValue::value);

  [[noreturn]] void fail() const {
    throw Error(ErrorKind::model,
                origin_ + ": pickle: the values beside the tensors are nested too deeply or too many");
  }

  Variant converted(std::monostate, int) { return std::monostate(); }
  Variant converted(bool flag, int) { return flag; }
  Variant converted(double number, int) { return number; }
  Variant converted(std::string_view text, int) {
    text_bytes_ += text.size();
    if (text_bytes_ > kMaxPlainText) fail();
    return std::string(text);
  }
  Variant converted(const PickleNode::Integer& number, int) {
    if (!number.fits) return OpaqueValue{"int"};
    return number.value;
  }
  Variant converted(const PickleNode::Mark&, int) { return OpaqueValue{"mark"}; }
  Variant converted(const PickleNode::Global& global, int) {
    return OpaqueValue{fmt::format("{}.{}", global.module, global.name)};
  }
  Variant converted(const PickleNode::Opaque& object, int) { return OpaqueValue{object.class_name}; }
  Variant converted(const PickledStorage&, int) { return OpaqueValue{"torch.Storage"}; }
  Variant converted(const PickledTensor&, int) { return OpaqueValue{"torch.Tensor"}; }
  Variant converted(const PickleNode::List& list, int depth) {
    PlainValue::List items;
    for (const PickleNode* const item : list.items) items.push_back(copy(*item, depth + 1));
    return items;
  }
  Variant converted(const PickleNode::Dictionary& dictionary, int depth) {
    PlainValue::Dictionary entries;
    for (const auto& [key, value] : dictionary.entries) {
      std::string name;
      if (const auto* const text = std::get_if<std::string_view>(&key->value)) {
        name = *text;
      } else if (const auto* const number = std::get_if<PickleNode::Integer>(&key->value)) {
        name = fmt::to_string(number->value);
      } else {
        continue;  // no path leads to it
      }
      entries.emplace_back(std::move(name), copy(*value, depth + 1));
    }
    return entries;
  }

  const std::string& origin_;
  std::size_t values_ = 0;
  std::size_t text_bytes_ = 0;
};

}  // namespace

Pickle::Pickle(std::string_view bytes, const std::string& origin) : origin_(origin) {
  PickleMachine machine(bytes, origin, nodes_);
  root_ = machine.run();
  length_ = machine.position();
}

PlainValue Pickle::plain(const PickleNode& node) const { return PlainCopy(origin_).copy(node, 0); }

const PickleNode* find_entry(const PickleNode::Dictionary& dictionary, std::string_view key) {
  const PickleNode* found = nullptr;  // the last one counts, as in Python
  for (const auto& [name, value] : dictionary.entries) {
    const auto* const text = std::get_if<std::string_view>(&name->value);
    if (text != nullptr && *text == key) found = value;
  }
  return found;
}

}  // namespace svsep
