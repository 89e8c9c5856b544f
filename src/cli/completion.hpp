#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace svsep::cli {

/// A completion script for bash, zsh or fish, from the program's own options. Throws Error(usage) for another
/// shell.
[[nodiscard]] std::string completion(const CLI::App& app, const std::string& shell);

}  // namespace svsep::cli
