#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace svsep::cli {

/// What the parsed command line asks for; returns the exit code.
using Action = std::function<int()>;

// Each adds one verb: its options fill a struct, and parsing it sets the action.
void add_separate(CLI::App& app, Action& action);
void add_train(CLI::App& app, Action& action);
void add_evaluate(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_model(CLI::App& app, Action& action);

}  // namespace svsep::cli
