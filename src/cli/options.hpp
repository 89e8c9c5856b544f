#pragma once

#include "core/text.hpp"

#include <CLI/CLI.hpp>
#include <cstddef>
#include <fmt/format.h>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace svsep::cli {

/// Refuses numbers outside of [low, high].
template <class Number>
CLI::Validator within(Number low, Number high) {
  const auto check = [low, high](const std::string& text) {
    Number number{};
    if (CLI::detail::lexical_cast(text, number) && number >= low && number <= high) return std::string();
    constexpr std::size_t kMaxShown = 40;
    const std::string shown = text.size() <= kMaxShown ? text : text.substr(0, kMaxShown) + "...";
    return fmt::format("expected a number from {} to {}, got {}", low, high, shown);
  };
  return {check, ""};
}

/// The options of every verb that runs a network; a group of their own in the help.
void add_device_options(CLI::App& verb, std::string& device, int& threads);

/// Tells LibTorch how many threads it has, 0 for all processors, before it is loaded: told later, it starts a
/// pool of threads that spins and that nothing uses.
void announce_threads(int threads);

/// An option that takes a time of a song, in seconds: "90", "90.5", "1:30" or "1:02:03.5".
CLI::Option* add_time(CLI::App& verb, const std::string& option, std::function<void(double)> take,
                      const std::string& description);

/// An option that takes one of the names of an enumeration, in any case.
template <class Enum>
CLI::Option* add_choice(CLI::App& verb, const std::string& option, Enum& value,
                        const std::string& default_name,
                        const std::vector<std::pair<std::string, Enum>>& choices,
                        const std::string& description) {
  std::string names;
  for (const auto& choice : choices) names += (names.empty() ? "" : "|") + choice.first;
  const auto choose = [&value, option, choices, names](const std::string& name) {
    for (const auto& [choice, meaning] : choices) {
      if (choice == lower_case(name)) {
        value = meaning;
        return;
      }
    }
    throw CLI::ValidationError(option, "expected " + names + ", got " + name);
  };
  return verb.add_option_function<std::string>(option, choose, description)
      ->type_name(names)
      ->default_str(default_name);
}

}  // namespace svsep::cli
