#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace svsep::ffmpeg {

/// The MP4 tag under which a stem file's description is written at first.
inline constexpr const char* kStemPlaceholder = "synopsis";

/// What players of stem files want to know of the four stems (Native Instruments' stem format): a name and a
/// colour each, and a compressor and limiter, which are off. JSON.
std::string stem_description(std::span<const std::string_view> names);

/// libavformat cannot write the box moov.udta.stem. This turns the placeholder's box in moov.udta.meta.ilst
/// into it, in place, with the same size. Throws Error(output) where there is none.
void move_stem_box(const std::filesystem::path& path);

}  // namespace svsep::ffmpeg
