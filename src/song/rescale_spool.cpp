#include "song/rescale_spool.hpp"

#include "svsep/cancellation.hpp"
#include "svsep/decoder.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace svsep {
namespace {

constexpr float kFullScale = 32767.0F / 32768.0F;  ///< the largest value that every integer format holds

}  // namespace

RescaleSpool::RescaleSpool(const std::filesystem::path& output, std::size_t parts, int sample_rate_hz,
                           int channels) {
  const std::filesystem::path base =
      output == kStdout ? std::filesystem::temp_directory_path() / "svsep" : output;
  for (std::size_t part = 0; part < parts; ++part) {
    files_.emplace_back(temporary_name(base, fmt::format(".{}.{}.float.part", ::getpid(), part)));
    encoders_.emplace_back(files_.back().path(),
                           EncoderSettings{AudioFormat::wav_f32, sample_rate_hz, channels});
  }
}

float RescaleSpool::replay(AudioOutputs& outputs) {
  float peak = 0;
  std::vector<Decoder> decoders;
  for (std::size_t part = 0; part < files_.size(); ++part) {
    encoders_[part].finish();
    peak = std::max(peak, encoders_[part].peak());
    decoders.emplace_back(files_[part].path());
  }
  const float gain = peak > kFullScale ? kFullScale / peak : 1.0F;
  AudioBuffer block;
  for (bool more = true; more;) {  // in turns, so that a stem file need not hold a whole stream back
    more = false;
    throw_if_cancelled();
    for (std::size_t part = 0; part < decoders.size(); ++part) {
      if (!decoders[part].read(block)) continue;
      for (auto& channel : block.channels) {
        for (float& value : channel) value *= gain;
      }
      outputs.write(part, block);
      more = true;
    }
  }
  return gain;
}

}  // namespace svsep
