#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace svsep::cli {

/// The manual page svsep(1) in the language of man (groff), from the program's own options.
[[nodiscard]] std::string man_page(const CLI::App& app, const std::string& version);

}  // namespace svsep::cli
