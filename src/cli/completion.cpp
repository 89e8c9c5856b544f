#include "cli/completion.hpp"

#include "cli/help.hpp"
#include "svsep/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace svsep::cli {
namespace {

/// What may follow one command: "svsep", "svsep separate", "svsep model import".
struct Command {
  std::string words;  ///< behind "svsep"
  const CLI::App* app;
};

std::vector<Command> commands_of(const CLI::App& app, const std::string& words = {}) {
  std::vector<Command> commands = {{words, &app}};
  for (const CLI::App* verb : verbs_of(app)) {
    const std::string below = words.empty() ? verb->get_name() : words + " " + verb->get_name();
    for (Command& command : commands_of(*verb, below)) commands.push_back(std::move(command));
  }
  return commands;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  std::vector<const CLI::Option*> options;
  for (const OptionGroup& group : groups_of(app))
    options.insert(options.end(), group.options.begin(), group.options.end());
  return options;
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

/// Options of the program hold behind each verb too.
std::vector<const CLI::Option*> all_options_of(const Command& command, const CLI::App& program) {
  std::vector<const CLI::Option*> options = options_of(*command.app);
  if (command.app != &program) {
    for (const CLI::Option* option : options_of(program)) {
      if (option->get_name() != "--help" && option->get_name() != "--version") options.push_back(option);
    }
  }
  return options;
}

constexpr const char* kBash = R"(# bash completion for svsep
_svsep() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${{COMP_WORDS[i]}}" in
{verbs}    esac
  done
  case "$command:$before" in
{values}  esac
  local words=
  case "$command" in
{words}  esac
  if [[ $word == -* || -z $command || $command == model ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    compopt -o default -o filenames
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -F _svsep svsep
)";

std::string bash(const CLI::App& app) {
  std::string verbs;
  std::string values;
  std::string words;
  for (const Command& command : commands_of(app)) {
    if (!command.words.empty()) {
      const auto space = command.words.rfind(' ');
      const std::string above = space == std::string::npos ? "" : command.words.substr(0, space);
      verbs += fmt::format("      \"{} {}\") command=\"{}\" ;;\n", above,
                           space == std::string::npos ? command.words : command.words.substr(space + 1),
                           command.words);
    }
    std::vector<std::string> here;
    for (const CLI::App* verb : verbs_of(*command.app)) here.push_back(verb->get_name());
    for (const CLI::Option* option : all_options_of(command, app)) {
      const std::vector<std::string> names = names_of(*option);
      here.insert(here.end(), names.begin(), names.end());
      const std::vector<std::string> choices = choices_of(*option);
      if (choices.empty()) continue;
      std::string patterns;
      for (const std::string& name : names) {
        patterns += fmt::format("{}\"{}:{}\"", patterns.empty() ? "" : " | ", command.words, name);
      }
      values += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$word\")); return ;;\n", patterns,
                            fmt::join(choices, " "));
    }
    words += fmt::format("    \"{}\") words=\"{}\" ;;\n", command.words, fmt::join(here, " "));
  }
  return fmt::format(fmt::runtime(kBash), fmt::arg("verbs", verbs), fmt::arg("values", values),
                     fmt::arg("words", words));
}

/// Text in single quotes.
std::string quoted(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\'')
      result += "\u2019";
    else
      result += c;
  }
  return result;
}

/// Text in single quotes, without what zsh's _arguments would take as its own.
std::string zsh_quoted(const std::string& text) {
  std::string result;
  for (const char c : quoted(text)) {
    if (c == '[')
      result += '(';
    else if (c == ']')
      result += ')';
    else if (c == ':')
      result += "\\:";
    else
      result += c;
  }
  return result;
}

std::string zsh(const CLI::App& app) {
  std::string text =
      "#compdef svsep\n_svsep() {\n  local command= word\n  for word in ${words[2,CURRENT-1]}; do\n    "
      "case \"$command $word\" in\n";
  const std::vector<Command> commands = commands_of(app);
  for (const Command& command : commands) {
    if (command.words.empty()) continue;
    const auto space = command.words.rfind(' ');
    text += fmt::format(
        "      '{} {}') command='{}' ;;\n", space == std::string::npos ? "" : command.words.substr(0, space),
        space == std::string::npos ? command.words : command.words.substr(space + 1), command.words);
  }
  text += "    esac\n  done\n  case $command in\n";
  for (const Command& command : commands) {
    text += fmt::format("    '{}') _arguments -s \\\n", command.words);
    for (const CLI::Option* option : all_options_of(command, app)) {
      const OptionText words = text_of(*option);
      const std::vector<std::string> choices = choices_of(*option);
      const std::string value =
          words.value.empty() ? ""
          : choices.empty()   ? fmt::format(":{}:_files", zsh_quoted(words.value))
                            : fmt::format(":{}:({})", option->get_lnames().front(), fmt::join(choices, " "));
      for (const std::string& name : names_of(*option)) {
        text += fmt::format("      '{}[{}]{}' \\\n", name, zsh_quoted(words.description), value);
      }
    }
    std::vector<std::string> verbs;
    for (const CLI::App* verb : verbs_of(*command.app)) verbs.push_back(verb->get_name());
    text += verbs.empty() ? "      '*:file:_files' ;;\n"
                          : fmt::format("      '*:command:({})' ;;\n", fmt::join(verbs, " "));
  }
  return text + "  esac\n}\n_svsep \"$@\"\n";
}

std::string fish(const CLI::App& app) {
  std::string text = "# fish completion for svsep\n";
  for (const Command& command : commands_of(app)) {
    const auto condition = [&](const std::string& words) {
      if (words.empty()) return std::string("__fish_use_subcommand");
      std::string seen;
      std::istringstream verbs(words);
      for (std::string verb; verbs >> verb;) {
        seen += (seen.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + verb);
      }
      return seen;
    };
    const std::string where = condition(command.words);
    for (const CLI::App* verb : verbs_of(*command.app)) {
      text += fmt::format("complete -c svsep -n '{}' -f -a {} -d '{}'\n", where, verb->get_name(),
                          quoted(verb->get_description()));
    }
    for (const CLI::Option* option : all_options_of(command, app)) {
      std::string names;
      for (const std::string& name : option->get_snames()) names += " -s " + name;
      for (const std::string& name : option->get_lnames()) names += " -l " + name;
      const OptionText words = text_of(*option);
      const std::vector<std::string> choices = choices_of(*option);
      const std::string value = words.value.empty() ? ""
                                : choices.empty()   ? " -r"
                                                    : fmt::format(" -x -a '{}'", fmt::join(choices, " "));
      text += fmt::format("complete -c svsep -n '{}'{}{} -d '{}'\n", where, names, value,
                          quoted(words.description));
    }
  }
  return text;
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash(app);
  if (shell == "zsh") return zsh(app);
  if (shell == "fish") return fish(app);
  throw Error(ErrorKind::usage, "--completion: expected bash, zsh or fish, got " + shell);
}

}  // namespace svsep::cli
