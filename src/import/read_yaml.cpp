#include "core/mapped_file.hpp"
#include "import/checkpoint.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <sstream>
#include <utility>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace svsep {
namespace {

constexpr std::size_t kMaxYamlBytes = 1 << 20;
constexpr std::size_t kMaxYamlDepth = 32;

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

template <typename T>
bool parse(std::string_view text, T& value) {
  const auto [stopped, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && stopped == text.data() + text.size();
}

/// What a plain scalar means to PyYAML, by which these files were written and are read; "1e-3" is a number
/// here.
PlainValue scalar(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kNull = {"", "~", "null", "Null", "NULL"};
  static constexpr std::array<std::string_view, 9> kTrue = {"true", "True", "TRUE", "yes", "Yes",
                                                            "YES",  "on",   "On",   "ON"};
  static constexpr std::array<std::string_view, 9> kFalse = {"false", "False", "FALSE", "no", "No",
                                                             "NO",    "off",   "Off",   "OFF"};
  if (is_one_of(text, kNull)) return {};
  if (is_one_of(text, kTrue)) return {true};
  if (is_one_of(text, kFalse)) return {false};
  std::string digits(text.substr(text.starts_with('+') ? 1 : 0));
  std::erase(digits, '_');
  std::int64_t whole = 0;
  if (parse(digits, whole)) return {whole};
  double real = 0;
  const bool numeric = !digits.empty() && digits.find_first_not_of("0123456789.eE+-") == std::string::npos;
  if (numeric && parse(digits, real)) return {real};
  return {std::string(text)};
}

/// Builds the tree as the parser reads: nothing is shared, so a file cannot grow.
class TreeBuilder : public YAML::EventHandler {
 public:
  PlainValue root;

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override { add(mark, {}); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override { fail(mark, "has an alias"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    add(mark, tag == "?" ? scalar(value) : PlainValue{value});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, {PlainValue::List()});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, {PlainValue::Dictionary()});
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or dictionary that is not complete yet.
  struct Open {
    PlainValue value;
    std::string key;
    bool has_key = false;
  };

  [[noreturn]] static void fail(const YAML::Mark& mark, const std::string& reason) {
    throw Error(ErrorKind::model, fmt::format("line {}: {}", mark.line + 1, reason));
  }

  void open(const YAML::Mark& mark, PlainValue value) {
    if (open_.size() >= kMaxYamlDepth) fail(mark, "is nested too deeply");
    const bool as_key = !open_.empty() && is_key(open_.back());
    if (as_key) fail(mark, "a key that is no text");
    open_.push_back({std::move(value), {}, false});
  }

  void close() {
    PlainValue value = std::move(open_.back().value);
    open_.pop_back();
    add({}, std::move(value));
  }

  static bool is_key(const Open& open) {
    return std::holds_alternative<PlainValue::Dictionary>(open.value.value) && !open.has_key;
  }

  void add(const YAML::Mark& mark, PlainValue value) {
    if (open_.empty()) {
      root = std::move(value);
      return;
    }
    Open& open = open_.back();
    if (auto* const list = std::get_if<PlainValue::List>(&open.value.value)) {
      list->push_back(std::move(value));
    } else if (is_key(open)) {
      open.key = key_of(mark, value);
      open.has_key = true;
    } else {
      std::get<PlainValue::Dictionary>(open.value.value).emplace_back(std::move(open.key), std::move(value));
      open.has_key = false;
    }
  }

  static std::string key_of(const YAML::Mark& mark, const PlainValue& value) {
    if (const auto* const text = std::get_if<std::string>(&value.value)) return *text;
    if (const auto* const number = std::get_if<std::int64_t>(&value.value)) return fmt::to_string(*number);
    if (const auto* const flag = std::get_if<bool>(&value.value)) return *flag ? "true" : "false";
    fail(mark, "a key that is no text");
  }

  std::vector<Open> open_;
};

}  // namespace

ValueTree read_yaml(const std::filesystem::path& path) {
  const MappedFile file(path, ErrorKind::input, "configuration");
  const auto fail = [&](const std::string& reason) {
    throw Error(ErrorKind::model, fmt::format("cannot read configuration: {}: {}", path.string(), reason));
  };
  if (file.bytes().size() > kMaxYamlBytes) fail(fmt::format("is larger than {} bytes", kMaxYamlBytes));
  std::istringstream text{std::string(file.bytes())};
  TreeBuilder builder;
  try {
    YAML::Parser parser(text);
    parser.HandleNextDocument(builder);
  } catch (const Error& error) {
    fail(error.what());
  } catch (const YAML::Exception& error) {
    fail(fmt::format("line {}: {}", error.mark.line + 1, error.msg));
  }
  return {path.string(), std::move(builder.root)};
}

}  // namespace svsep
