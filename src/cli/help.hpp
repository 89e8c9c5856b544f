#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace svsep::cli {

/// What the help, the man page and the completions say of one option.
struct OptionText {
  std::string names;        ///< "-o,--output"
  std::string value;        ///< "DIR"; empty: a flag
  std::string description;  ///< with the choices and the default
};

/// A group of options as the help shows it.
struct OptionGroup {
  std::string name;
  std::vector<const CLI::Option*> options;
};

[[nodiscard]] OptionText text_of(const CLI::Option& option);

/// The values of an option that takes one of a list; empty for others.
[[nodiscard]] std::vector<std::string> choices_of(const CLI::Option& option);

/// Without positionals and hidden options; what every command has ("--help") comes last.
[[nodiscard]] std::vector<OptionGroup> groups_of(const CLI::App& app);

/// The positionals.
[[nodiscard]] std::vector<const CLI::Option*> arguments_of(const CLI::App& app);

/// The verbs, in the order of the help.
[[nodiscard]] std::vector<const CLI::App*> verbs_of(const CLI::App& app);

/// Gives the program and its verbs a help of one line per option, with values that say what they are (DIR,
/// FILE, N).
void set_help_format(CLI::App& app);

}  // namespace svsep::cli
