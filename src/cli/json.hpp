#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace svsep::cli {

/// The object as a line of text; what is not UTF-8 in it is replaced.
[[nodiscard]] std::string line_of(const nlohmann::ordered_json& json);

/// Adds a path as text; where it is not UTF-8, its bytes too, as in a URI, so that the file can be found
/// again: "input_percent_encoded" beside "input".
void put_path(nlohmann::ordered_json& json, const std::string& key, const std::string& path);

}  // namespace svsep::cli
