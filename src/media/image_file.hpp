#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace svsep {

/// Pixels of 8 bits red, green and blue, row by row from the top left.
struct Image {
  std::size_t width = 0;
  std::size_t height = 0;
  std::vector<std::uint8_t> rgb;  ///< 3 * width * height values
};

/// The image as a PNG file's bytes. Throws Error(runtime).
[[nodiscard]] std::string png_bytes(const Image& image);

/// Writes a PNG file through an AtomicFile, replacing an earlier one. Throws Error(output).
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace svsep
