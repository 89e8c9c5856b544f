#pragma once

#include "media/ffmpeg.hpp"

#include <filesystem>

namespace svsep::ffmpeg {

/// A WAV file may keep samples of few bits in longer words (WAVE_FORMAT_EXTENSIBLE: 20 or 24 valid bits of
/// 32, at their upper end). libavformat judges the words by the valid bits, or takes them for Adobe's 24-bit
/// floats; this sets the codec that the words' size says. Other files stay.
void correct_word_size(const std::filesystem::path& path, const AVFormatContext& input, AVStream& stream);

}  // namespace svsep::ffmpeg
