#pragma once

#include <array>
#include <string_view>

namespace svsep {

/// m4a is AAC, ogg is Vorbis.
enum class AudioFormat { wav_s16, wav_s24, wav_f32, flac, mp3, m4a, ogg, opus };

/// What users call a format, and what its files are called.
struct FormatName {
  AudioFormat format;
  std::string_view name;
  std::string_view extension;  ///< without the dot
  bool is_lossy;               ///< and so takes a bit rate
};

/// In the order of AudioFormat: kFormatNames[static_cast<std::size_t>(format)].
inline constexpr std::array<FormatName, 8> kFormatNames = {{
    {AudioFormat::wav_s16, "wav16", "wav", false},
    {AudioFormat::wav_s24, "wav24", "wav", false},
    {AudioFormat::wav_f32, "wav32f", "wav", false},
    {AudioFormat::flac, "flac", "flac", false},
    {AudioFormat::mp3, "mp3", "mp3", true},
    {AudioFormat::m4a, "m4a", "m4a", true},
    {AudioFormat::ogg, "ogg", "ogg", true},
    {AudioFormat::opus, "opus", "opus", true},
}};

/// The lowest rate that the format can hold and that is not below `rate_hz`, or else its highest. Opus is
/// 48000 always, because that is what every reader gets out of it.
[[nodiscard]] int nearest_sample_rate(AudioFormat format, int rate_hz);

}  // namespace svsep
