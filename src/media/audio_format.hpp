#pragma once

#include "media/ffmpeg.hpp"
#include "svsep/audio_format.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace svsep::ffmpeg {

/// How FFmpeg makes a format.
struct Form {
  const char* encoder;
  AVSampleFormat samples;
  int bits;
  const char* name;
  int max_channels;
  int kbps_per_channel = 0;            ///< 0: the encoder takes none, or a quality
  std::span<const int> rates_hz = {};  ///< empty: any
};

/// Throws Error(runtime) where there is no such format.
Form form_of(AudioFormat format);

bool holds(AudioFormat format, int channels);

/// "flac, ogg and opus"
std::string formats_that_hold(int channels);

/// Sets the speakers of the channels; where `speakers` is 0, those that the codec assumes for that many.
/// False where the codec has no place for the speakers.
bool set_layout(AVCodecContext& codec, int channels, std::uint64_t speakers);

/// "quad", "5.1(side)", ...
std::string speakers_text(std::uint64_t speakers);

/// Sets what users ask for, or else the format's own, for as many channels as the codec has.
void set_bitrate(AVCodecContext& codec, const Form& form, std::optional<int> bitrate_kbps);

}  // namespace svsep::ffmpeg
