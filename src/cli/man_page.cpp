#include "cli/man_page.hpp"

#include "cli/help.hpp"

#include <fmt/format.h>
#include <string_view>

namespace svsep::cli {
namespace {

/// Text as groff must see it: a minus sign stays one, and no line begins with a command.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\n')
      result += ' ';
    else
      result += c;
  }
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

/// "-o,--output" as "\fB-o\fR, \fB--output\fR".
std::string bold_names(const std::string& names) {
  std::string text = escaped(names);
  for (std::size_t at = 0; (at = text.find(',', at)) != std::string::npos; at += 10)
    text.replace(at, 1, "\\fR, \\fB");
  return "\\fB" + text + "\\fR";
}

std::string options_of(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* argument : arguments_of(app)) {
    text += fmt::format(".TP\n\\fI{}\\fR\n{}\n", escaped(argument->get_name(true)),
                        escaped(text_of(*argument).description));
  }
  for (const OptionGroup& group : groups_of(app)) {
    text += fmt::format(".PP\n{}:\n", escaped(group.name));
    for (const CLI::Option* option : group.options) {
      const OptionText words = text_of(*option);
      const std::string value = words.value.empty() ? "" : fmt::format(" \\fI{}\\fR", escaped(words.value));
      text += fmt::format(".TP\n{}{}\n{}\n", bold_names(words.names), value, escaped(words.description));
    }
  }
  return text;
}

/// A verb, and the verbs below it.
std::string verb_of(const CLI::App& verb, const std::string& above) {
  const std::string name = above + " " + verb.get_name();
  std::string text =
      fmt::format(".SS {}\n{}.\n{}", escaped(name), escaped(verb.get_description()), options_of(verb));
  for (const CLI::App* below : verbs_of(verb)) text += verb_of(*below, name);
  return text;
}

constexpr std::string_view kAfterOptions = R"(.SH ENVIRONMENT
.TP
\fBSVSEP_PREFIX\fR
The installation whose module and models are used, instead of the one around the program.
.SH EXIT STATUS
.TP
0
done
.TP
1
failed while running
.TP
2
wrong usage
.TP
3
an input is missing or cannot be decoded
.TP
4
an output cannot be written, or exists already
.TP
5
a model is missing or does not fit
.TP
6
some inputs of several failed
.TP
128+n
stopped by signal n
.SH EXAMPLES
.nf
svsep separate song.mp3
svsep separate \-\-karaoke \-\-format mp3 music/
svsep info song.stem.mp4
svsep evaluate \-\-musdb musdb18 \-\-subset test
.fi
)";

}  // namespace

std::string man_page(const CLI::App& app, const std::string& version) {
  std::string text = fmt::format(
      ".TH SVSEP 1 \"\" \"svsep {}\" \"User Commands\"\n.SH NAME\nsvsep \\- separate songs into vocals and "
      "accompaniment\n.SH SYNOPSIS\n",
      version);
  for (const CLI::App* verb : verbs_of(app)) {
    std::string arguments;
    for (const CLI::Option* argument : arguments_of(*verb)) {
      arguments += fmt::format(" \\fI{}\\fR{}", escaped(argument->get_name(true)),
                               argument->get_expected_max() > 1 ? "..." : "");
    }
    text += fmt::format(".B svsep {}\n[\\fIoptions\\fR]{}\n.br\n", verb->get_name(), arguments);
  }
  text += fmt::format(".SH DESCRIPTION\n{}\n.SH OPTIONS\n{}.SH COMMANDS\n", escaped(app.get_description()),
                      options_of(app));
  for (const CLI::App* verb : verbs_of(app)) text += verb_of(*verb, "svsep");
  return text.append(kAfterOptions);
}

}  // namespace svsep::cli
