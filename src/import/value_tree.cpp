#include "import/value_tree.hpp"

#include "svsep/error.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>

namespace svsep {
namespace {

/// What a value is, for an error.
std::string described(const PlainValue* value) {
  struct Describe {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return fmt::to_string(number); }
    std::string operator()(double number) const { return fmt::to_string(number); }
    std::string operator()(const std::string& text) const { return "'" + text.substr(0, 60) + "'"; }
    std::string operator()(const PlainValue::List& list) const {
      return fmt::format("a list of {}", list.size());
    }
    std::string operator()(const PlainValue::Dictionary& entries) const {
      return fmt::format("a dictionary of {}", entries.size());
    }
    std::string operator()(const OpaqueValue& object) const { return "an object of " + object.class_name; }
  };
  return value == nullptr ? "nothing" : std::visit(Describe(), value->value);
}

const PlainValue* child(const PlainValue& value, std::string_view key) {
  if (const auto* const entries = std::get_if<PlainValue::Dictionary>(&value.value)) {
    for (const auto& [name, entry] : *entries) {
      if (name == key) return &entry;
    }
  } else if (const auto* const list = std::get_if<PlainValue::List>(&value.value)) {
    std::size_t index = 0;
    const auto [stopped, code] = std::from_chars(key.data(), key.data() + key.size(), index);
    const bool whole = code == std::errc() && stopped == key.data() + key.size();
    if (whole && index < list->size()) return &(*list)[index];
  }
  return nullptr;
}

std::optional<double> as_number(const PlainValue* value) {
  if (value == nullptr) return {};
  if (const auto* const whole = std::get_if<std::int64_t>(&value->value)) {
    return static_cast<double>(*whole);
  }
  if (const auto* const real = std::get_if<double>(&value->value)) return *real;
  return {};
}

std::optional<std::int64_t> as_integer(const PlainValue* value) {
  if (value == nullptr) return {};
  if (const auto* const whole = std::get_if<std::int64_t>(&value->value)) return *whole;
  const auto* const real = std::get_if<double>(&value->value);
  if (real == nullptr || std::abs(*real) > 0x1p53 || *real != std::trunc(*real)) return {};
  return static_cast<std::int64_t>(*real);
}

std::string item(std::string_view path, std::size_t index) {
  return path.empty() ? fmt::to_string(index) : fmt::format("{}.{}", path, index);
}

}  // namespace

const PlainValue* ValueTree::find(std::string_view path) const {
  const PlainValue* value = &root_;
  while (value != nullptr && !path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    value = child(*value, path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return value;
}

bool ValueTree::has(std::string_view path) const {
  const PlainValue* const value = find(path);
  return value != nullptr && !std::holds_alternative<std::monostate>(value->value);
}

void ValueTree::fail(std::string_view path, const std::string& reason) const {
  throw Error(ErrorKind::model,
              fmt::format("{}: {}: {}", origin_.empty() ? "no configuration given" : origin_, path, reason));
}

std::int64_t ValueTree::integer(std::string_view path, std::int64_t lowest, std::int64_t highest) const {
  const PlainValue* const value = find(path);
  const std::optional<std::int64_t> number = as_integer(value);
  if (!number || *number < lowest || *number > highest) {
    fail(path,
         fmt::format("expected a whole number from {} to {}, got {}", lowest, highest, described(value)));
  }
  return *number;
}

std::int64_t ValueTree::integer_or(std::string_view path, std::int64_t fallback, std::int64_t lowest,
                                   std::int64_t highest) const {
  return has(path) ? integer(path, lowest, highest) : fallback;
}

double ValueTree::number(std::string_view path, double lowest, double highest) const {
  const PlainValue* const value = find(path);
  const std::optional<double> number = as_number(value);
  if (!number || !(*number >= lowest && *number <= highest)) {
    fail(path, fmt::format("expected a number from {} to {}, got {}", lowest, highest, described(value)));
  }
  return *number;
}

double ValueTree::number_or(std::string_view path, double fallback, double lowest, double highest) const {
  return has(path) ? number(path, lowest, highest) : fallback;
}

bool ValueTree::flag(std::string_view path) const {
  const PlainValue* const value = find(path);
  if (value != nullptr) {
    if (const auto* const flag = std::get_if<bool>(&value->value)) return *flag;
    const auto* const number = std::get_if<std::int64_t>(&value->value);
    if (number != nullptr && (*number == 0 || *number == 1)) return *number == 1;
  }
  fail(path, "expected true or false, got " + described(value));
}

bool ValueTree::flag_or(std::string_view path, bool fallback) const {
  return has(path) ? flag(path) : fallback;
}

std::string ValueTree::text(std::string_view path) const {
  const PlainValue* const value = find(path);
  if (value != nullptr) {
    if (const auto* const text = std::get_if<std::string>(&value->value)) return *text;
  }
  fail(path, "expected text, got " + described(value));
}

std::string ValueTree::text_or(std::string_view path, std::string_view fallback) const {
  return has(path) ? text(path) : std::string(fallback);
}

std::vector<std::int64_t> ValueTree::integers(std::string_view path, std::int64_t lowest,
                                              std::int64_t highest) const {
  std::vector<std::int64_t> values;
  for (std::size_t i = 0, count = list_size(path); i < count; ++i) {
    values.push_back(integer(item(path, i), lowest, highest));
  }
  return values;
}

std::vector<double> ValueTree::numbers(std::string_view path, double lowest, double highest) const {
  std::vector<double> values;
  for (std::size_t i = 0, count = list_size(path); i < count; ++i) {
    values.push_back(number(item(path, i), lowest, highest));
  }
  return values;
}

std::vector<std::string> ValueTree::texts(std::string_view path) const {
  std::vector<std::string> values;
  for (std::size_t i = 0, count = list_size(path); i < count; ++i) values.push_back(text(item(path, i)));
  return values;
}

std::size_t ValueTree::size(std::string_view path) const {
  const PlainValue* const value = find(path);
  if (value != nullptr) {
    if (const auto* const list = std::get_if<PlainValue::List>(&value->value)) return list->size();
    if (const auto* const entries = std::get_if<PlainValue::Dictionary>(&value->value))
      return entries->size();
  }
  fail(path, "expected a list or a dictionary, got " + described(value));
}

std::size_t ValueTree::list_size(std::string_view path) const {
  const PlainValue* const value = find(path);
  const auto* const list = value == nullptr ? nullptr : std::get_if<PlainValue::List>(&value->value);
  if (list == nullptr || list->empty()) fail(path, "expected a list, got " + described(value));
  return list->size();
}

}  // namespace svsep
