#pragma once

#include <filesystem>
#include <string>

namespace svsep::cli {

/// Prints "name:           value"; nothing where the value is empty.
void print_line(const std::string& name, const std::string& value);

/// Prints all that a model file states. Throws Error(model).
void print_model(const std::filesystem::path& path);

/// Prints a line for every shipped model and every model of the user's; one that cannot be read says why.
void print_models();

}  // namespace svsep::cli
