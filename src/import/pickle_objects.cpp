#include "import/pickle_machine.hpp"

#include <array>
#include <charconv>
#include <fmt/format.h>
#include <optional>

// What stands for Python's functions and classes: a table of names, and no call.

namespace svsep {
namespace {

using Node = PickleNode;

constexpr std::int64_t kMaxStorageValues = std::int64_t{1} << 48;

std::string full_name(const Node::Global& global) { return fmt::format("{}.{}", global.module, global.name); }

/// How torch names storages: "torch FloatStorage".
std::optional<ForeignType> storage_type(const Node::Global& global) {
  static constexpr std::array<std::pair<std::string_view, ForeignType>, 10> kTypes = {
      {{"HalfStorage", ForeignType::float16},
       {"BFloat16Storage", ForeignType::bfloat16},
       {"FloatStorage", ForeignType::float32},
       {"DoubleStorage", ForeignType::float64},
       {"ByteStorage", ForeignType::uint8},
       {"CharStorage", ForeignType::int8},
       {"ShortStorage", ForeignType::int16},
       {"IntStorage", ForeignType::int32},
       {"LongStorage", ForeignType::int64},
       {"BoolStorage", ForeignType::boolean}}};
  if (global.module != "torch" && global.module != "torch.cuda") return {};
  for (const auto& [name, type] : kTypes) {
    if (name == global.name) return type;
  }
  return {};
}

template <typename T>
const T* get(const Node* node) {
  return std::get_if<T>(&node->value);
}

/// Text of digits as a number, wholly.
std::optional<double> parsed(std::string_view text) {
  double value = 0;
  const auto [stopped, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || stopped != text.data() + text.size()) return {};
  return value;
}

}  // namespace

bool PickleMachine::run_object(unsigned char code) {
  switch (code) {
    case 'c': {
      const std::string_view module = take_line();
      push_value(Node::Global{module, take_line()});
      return true;
    }
    case 0x93: {
      const auto* const name = get<std::string_view>(pop());
      const auto* const module = get<std::string_view>(pop());
      if (name == nullptr || module == nullptr) fail("a name that is no text");
      push_value(Node::Global{*module, *name});
      return true;
    }
    case 'P':
      push_value(Node::Opaque{"persistent." + std::string(take_line().substr(0, 100))});
      return true;
    case 'Q':
      push(storage(pop()));
      return true;
    case 'R':
    case 0x81: {
      const Node* const arguments = pop();
      push(call(pop(), arguments));
      return true;
    }
    case 0x92: {
      pop();  // arguments by name
      const Node* const arguments = pop();
      push(call(pop(), arguments));
      return true;
    }
    case 'i': {
      const std::string_view module = take_line();
      const Node::Global global = {module, take_line()};
      pop_to_mark();
      push_value(Node::Opaque{full_name(global)});
      return true;
    }
    case 'o': {
      const Nodes items = pop_to_mark();
      const auto* const global = items.empty() ? nullptr : get<Node::Global>(items.front());
      push_value(Node::Opaque{global == nullptr ? "object" : full_name(*global)});
      return true;
    }
    case 'b':
      pop();
      top();
      return true;  // an object's state: its attributes
    default:
      return false;
  }
}

PickleNode* PickleMachine::call(const Node* callable, const Node* arguments) {
  const auto* const global = get<Node::Global>(callable);
  const auto* const list = get<Node::List>(arguments);
  if (global == nullptr || list == nullptr) return make(Node::Opaque{"object"});
  Node* const known = known_object(*global, list->items);
  return known != nullptr ? known : make(Node::Opaque{full_name(*global)});
}

PickleNode* PickleMachine::known_object(const Node::Global& callable, const Nodes& arguments) {
  const auto is = [&](std::string_view module, std::string_view name) {
    return callable.module == module && callable.name == name;
  };
  if (is("torch._utils", "_rebuild_tensor_v2") || is("torch._utils", "_rebuild_tensor")) {
    return tensor(arguments);
  }
  if (is("torch._utils", "_rebuild_parameter") || is("torch._utils", "_rebuild_parameter_with_state")) {
    const bool holds = !arguments.empty() && get<PickledTensor>(arguments[0]) != nullptr;
    return holds ? make(*get<PickledTensor>(arguments[0])) : nullptr;
  }
  if (is("torch._tensor", "_rebuild_from_type_v2") && arguments.size() >= 3) {
    const auto* const inner = get<Node::Global>(arguments[0]);
    const auto* const list = get<Node::List>(arguments[2]);
    const bool rebuilds = inner != nullptr && list != nullptr && inner->module == "torch._utils";
    return rebuilds ? known_object(*inner, list->items) : nullptr;
  }
  if (is("collections", "OrderedDict")) return ordered_dict(arguments);
  if (is("fractions", "Fraction")) return fraction(arguments);
  if (is("torch", "Size") && arguments.size() == 1) {
    const auto* const list = get<Node::List>(arguments[0]);
    if (list == nullptr) return nullptr;
    charge(list->items.size());
    return make(*list);
  }
  return nullptr;
}

PickleNode* PickleMachine::storage(const Node* identity) {
  const auto* const list = get<Node::List>(identity);
  if (list == nullptr || list->items.size() < 5) return make(Node::Opaque{"persistent"});
  const Nodes& items = list->items;
  const auto* const kind = get<std::string_view>(items[0]);
  const auto* const global = get<Node::Global>(items[1]);
  const auto* const key = get<std::string_view>(items[2]);
  const auto* const count = get<Node::Integer>(items[4]);
  if (kind == nullptr || *kind != "storage" || global == nullptr || key == nullptr || count == nullptr) {
    return make(Node::Opaque{"persistent"});
  }
  const bool is_view = items.size() > 5 && get<std::monostate>(items[5]) == nullptr;  // of torch before 0.4
  const std::optional<ForeignType> type = storage_type(*global);
  if (!type || is_view) return make(Node::Opaque{full_name(*global)});
  if (!count->fits || count->value < 0 || count->value > kMaxStorageValues) {
    fail(fmt::format("storage {}: expected 0 to {} values, got {}", key->substr(0, 60), kMaxStorageValues,
                     count->value));
  }
  return make(PickledStorage{*key, *type, count->value});
}

std::vector<std::int64_t> PickleMachine::sizes(const Node* node) const {
  const auto* const list = get<Node::List>(node);
  if (list == nullptr || list->items.size() > kMaxForeignDimensions) fail("a tensor's shape or strides");
  std::vector<std::int64_t> sizes;
  for (const Node* const item : list->items) {
    const auto* const number = get<Node::Integer>(item);
    if (number == nullptr || !number->fits || number->value < 0 || number->value > kMaxStorageValues) {
      fail("a tensor's shape or strides");
    }
    sizes.push_back(number->value);
  }
  return sizes;
}

PickleNode* PickleMachine::tensor(const Nodes& arguments) {
  if (arguments.size() < 4) fail("a tensor without shape or strides");
  const auto* const storage = get<PickledStorage>(arguments[0]);
  if (storage == nullptr) return nullptr;  // of a type that is not known
  const auto* const offset = get<Node::Integer>(arguments[1]);
  if (offset == nullptr || !offset->fits || offset->value < 0 || offset->value > storage->count) {
    fail("a tensor's offset");
  }
  PickledTensor tensor = {*storage, offset->value, sizes(arguments[2]), sizes(arguments[3])};
  if (tensor.shape.size() != tensor.strides.size()) fail("a tensor's shape and strides differ in length");
  return make(std::move(tensor));
}

PickleNode* PickleMachine::ordered_dict(const Nodes& arguments) {
  Node::Dictionary dictionary;
  const auto* const pairs = arguments.empty() ? nullptr : get<Node::List>(arguments[0]);
  if (pairs != nullptr) charge(2 * pairs->items.size());
  for (std::size_t i = 0; pairs != nullptr && i < pairs->items.size(); ++i) {
    const auto* const pair = get<Node::List>(pairs->items[i]);
    if (pair == nullptr || pair->items.size() != 2) fail("an OrderedDict of something else than pairs");
    dictionary.entries.emplace_back(pair->items[0], pair->items[1]);
  }
  return make(std::move(dictionary));
}

/// Fraction('39/5') or Fraction(39, 5) is the number 7.8.
PickleNode* PickleMachine::fraction(const Nodes& arguments) {
  std::optional<double> above;
  std::optional<double> below = 1.0;
  if (arguments.size() == 1 && get<std::string_view>(arguments[0]) != nullptr) {
    const std::string_view text = *get<std::string_view>(arguments[0]);
    const std::size_t slash = text.find('/');
    above = parsed(text.substr(0, slash));
    if (slash != std::string_view::npos) below = parsed(text.substr(slash + 1));
  } else if (arguments.size() == 2 && get<Node::Integer>(arguments[0]) != nullptr &&
             get<Node::Integer>(arguments[1]) != nullptr) {
    above = static_cast<double>(get<Node::Integer>(arguments[0])->value);
    below = static_cast<double>(get<Node::Integer>(arguments[1])->value);
  }
  if (!above || !below || *below == 0.0) return nullptr;
  return make(*above / *below);
}

}  // namespace svsep
