#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace svsep {

/// An object of a class that the reader does not know: its name ("demucs.htdemucs.HTDemucs"), and nothing
/// else. It was never created.
struct OpaqueValue {
  std::string class_name;
};

/// A value of a YAML file or of a pickle: nothing (null, None), yes or no, a number, text, a list (tuples and
/// sets too), a dictionary in the file's order, or an opaque object.
struct PlainValue {
  using List = std::vector<PlainValue>;
  using Dictionary = std::vector<std::pair<std::string, PlainValue>>;

  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Dictionary, OpaqueValue> value;
};

/// Plain values that are read by path: keys of dictionaries and, from 0, places in lists, with dots between
/// ("model.freqs_per_bands", "kwargs.channels", "args.0"); "" is the root. Every getter throws Error(model)
/// that names the file, the path, what was expected and what is there. Immutable: any thread may read.
class ValueTree {
 public:
  /// An empty tree, in which nothing is found.
  ValueTree() = default;
  /// `origin` is what errors name: the file.
  ValueTree(std::string origin, PlainValue root) : origin_(std::move(origin)), root_(std::move(root)) {}

  [[nodiscard]] const std::string& origin() const noexcept { return origin_; }
  /// The value, or nullptr where the path leads nowhere.
  [[nodiscard]] const PlainValue* find(std::string_view path) const;
  /// Whether there is a value other than null.
  [[nodiscard]] bool has(std::string_view path) const;

  /// A whole number; a real number without a fraction counts as one.
  [[nodiscard]] std::int64_t integer(std::string_view path, std::int64_t lowest, std::int64_t highest) const;
  /// The same; `fallback` where there is no value or null.
  [[nodiscard]] std::int64_t integer_or(std::string_view path, std::int64_t fallback, std::int64_t lowest,
                                        std::int64_t highest) const;
  /// A finite real number; a whole number counts as one.
  [[nodiscard]] double number(std::string_view path, double lowest, double highest) const;
  [[nodiscard]] double number_or(std::string_view path, double fallback, double lowest, double highest) const;
  /// Yes or no; 0 and 1 count too.
  [[nodiscard]] bool flag(std::string_view path) const;
  [[nodiscard]] bool flag_or(std::string_view path, bool fallback) const;
  [[nodiscard]] std::string text(std::string_view path) const;
  [[nodiscard]] std::string text_or(std::string_view path, std::string_view fallback) const;
  /// A list of whole numbers, at least one.
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view path, std::int64_t lowest,
                                                   std::int64_t highest) const;
  [[nodiscard]] std::vector<double> numbers(std::string_view path, double lowest, double highest) const;
  /// A list of texts, at least one.
  [[nodiscard]] std::vector<std::string> texts(std::string_view path) const;
  /// Entries of the list or dictionary at the path. Throws where it is neither.
  [[nodiscard]] std::size_t size(std::string_view path) const;

  /// Throws Error(model): "<origin>: <path>: <reason>".
  [[noreturn]] void fail(std::string_view path, const std::string& reason) const;

 private:
  /// Of a list that is not empty; throws for anything else.
  [[nodiscard]] std::size_t list_size(std::string_view path) const;

  std::string origin_;
  PlainValue root_;
};

}  // namespace svsep
