#pragma once

#include "cli/verbs.hpp"

namespace svsep::cli {

// Subcommands of `model` that make a model file of others.
void add_average(CLI::App& verb, Action& action);
void add_calibrate(CLI::App& verb, Action& action);

}  // namespace svsep::cli
