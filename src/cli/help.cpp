#include "cli/help.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <sstream>
#include <string_view>
#include <utility>

namespace svsep::cli {
namespace {

constexpr std::size_t kMaxChoicesInPlace = 24;  ///< letters; longer lists stand in the description

/// What a value is, where its type alone does not say it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 31> kValues = {{
    {"acc-gain", "DB"},
    {"acc-thresh", "X"},
    {"accompaniment", "DIR"},
    {"bitrate", "KBPS"},
    {"cache-dir", "DIR"},
    {"checkpoint", "FILE"},
    {"completion", "SHELL"},
    {"config", "FILE"},
    {"data", "TEXT"},
    {"device", "DEVICE"},
    {"end", "TIME"},
    {"estimate", "DIR"},
    {"estimates", "DIR"},
    {"history", "FILE"},
    {"init", "FILE"},
    {"licence", "TEXT"},
    {"list", "FILE"},
    {"max-minutes", "MINUTES"},
    {"model", "MODEL"},
    {"musdb", "DIR"},
    {"name", "NAME"},
    {"output", "PATH"},
    {"output-template", "PATH"},
    {"page", "DIR"},
    {"reference", "DIR"},
    {"sample-rate", "HZ"},
    {"shard", "I/N"},
    {"start", "TIME"},
    {"stems", "STEMS"},
    {"vocal-gain", "DB"},
    {"vocals", "DIR"},
}};

std::string upper_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// "DIR" and the like, from the table, else from the type.
std::string value_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return {};  // a flag
  const std::string name = option.get_lnames().empty() ? std::string() : option.get_lnames().front();
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty()) {
    std::string in_place = fmt::format("{}", fmt::join(choices, "|"));
    return in_place.size() <= kMaxChoicesInPlace ? in_place : upper_case(name);
  }
  const auto* const known =
      std::find_if(kValues.begin(), kValues.end(), [&](const auto& entry) { return entry.first == name; });
  if (known != kValues.end()) return std::string(known->second);
  const std::string type = option.get_type_name();
  const std::string first = type.substr(0, type.find(':'));
  return first == "INT" || first == "UINT" ? "N" : first == "FLOAT" ? "X" : first;
}

std::string description_of(const CLI::Option& option, const std::string& value) {
  std::string text = option.get_description();
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty() && value.find('|') == std::string::npos) {
    text += fmt::format(": {}", fmt::join(choices, ", "));
  }
  if (!option.get_default_str().empty()) text += fmt::format(" [{}]", option.get_default_str());
  return text;
}

class Formatter : public CLI::Formatter {
 public:
  [[nodiscard]] std::string make_help(const CLI::App* app, std::string name,
                                      CLI::AppFormatMode mode) const override {
    std::string text = make_description(app) + make_usage(app, std::move(name)) + make_positionals(app);
    for (const OptionGroup& group : groups_of(*app)) text += make_group(group.name, false, group.options);
    return text + make_subcommands(app, mode);
  }

  [[nodiscard]] std::string make_option(const CLI::Option* option, bool is_positional) const override {
    const OptionText words = text_of(*option);
    const std::string left = is_positional
                                 ? option->get_name(true) + (option->get_expected_max() > 1 ? "..." : "")
                                 : words.names + (words.value.empty() ? "" : " " + words.value);
    return fmt::format("  {:<{}} {}\n", left, kLeftColumns, words.description);
  }

  [[nodiscard]] std::string make_subcommand(const CLI::App* verb) const override {
    return fmt::format("  {:<{}} {}\n", verb->get_name(), kLeftColumns, verb->get_description());
  }

 private:
  static constexpr std::size_t kLeftColumns = 30;
};

}  // namespace

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto split = [](std::string_view list, char separator) {
    std::vector<std::string> names;
    std::istringstream words{std::string(list)};
    for (std::string word; std::getline(words, word, separator);) names.push_back(word);
    return names;
  };
  if (const auto open = type.find(":{"); open != std::string::npos && type.ends_with('}')) {
    return split(std::string_view(type).substr(open + 2, type.size() - open - 3), ',');
  }
  return type.find('|') != std::string::npos ? split(type, '|') : std::vector<std::string>();
}

OptionText text_of(const CLI::Option& option) {
  const std::string value = value_of(option);
  return {option.get_name(false, true), value, description_of(option, value)};
}

std::vector<OptionGroup> groups_of(const CLI::App& app) {
  std::vector<OptionGroup> groups;
  for (const std::string& name : app.get_groups()) {
    OptionGroup group{name, app.get_options([&](const CLI::Option* option) {
                        return option->get_group() == name && option->nonpositional();
                      })};
    if (!name.empty() && !group.options.empty()) groups.push_back(std::move(group));
  }
  std::stable_partition(groups.begin(), groups.end(), [&](const OptionGroup& group) {
    return group.options.size() > 1 || group.options.front() != app.get_help_ptr();
  });
  return groups;
}

std::vector<const CLI::Option*> arguments_of(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::vector<const CLI::App*> verbs_of(const CLI::App& app) {
  std::vector<const CLI::App*> verbs;
  for (const CLI::App* verb :
       app.get_subcommands([](const CLI::App* verb) { return !verb->get_name().empty(); })) {
    verbs.push_back(verb);
  }
  return verbs;
}

void set_help_format(CLI::App& app) {
  const auto format = std::make_shared<Formatter>();
  app.formatter(format);
  for (CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) set_help_format(*verb);
}

}  // namespace svsep::cli
