#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace svsep {

constexpr std::size_t kMaxZipEntries = 300'000;

/// The entries of a zip archive that are stored as they are (as torch.save writes them), as views of its
/// bytes by name. Zip64 is read. Checked: the directory, every local header, bounds, that no two entries
/// overlap or have one name. Throws Error(model) "<origin>: <reason>" for anything else: compressed,
/// encrypted, split.
[[nodiscard]] std::map<std::string, std::string_view> zip_entries(std::string_view bytes,
                                                                  const std::string& origin);

}  // namespace svsep
