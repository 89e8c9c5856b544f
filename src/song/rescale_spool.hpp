#pragma once

#include "core/temporary_file.hpp"
#include "song/audio_outputs.hpp"
#include "svsep/audio.hpp"
#include "svsep/encoder.hpp"

#include <cstddef>
#include <filesystem>
#include <vector>

namespace svsep {

/// Keeps a song's parts in float files until the gain is known that makes the loudest fit
/// (ClipPolicy::rescale).
class RescaleSpool {
 public:
  /// The float files stand beside `output`, or in the system's temporary folder where that is kStdout. Throws
  /// Error(output).
  RescaleSpool(const std::filesystem::path& output, std::size_t parts, int sample_rate_hz, int channels);

  /// Appends to one part; one thread per part at a time. Throws Error(output).
  void write(std::size_t part, const AudioBuffer& block) { encoders_[part].write(block); }

  /// Writes all parts to `outputs`, turned down by the gain that it returns: 1 where nothing clips. Throws
  /// Error(output), Cancelled.
  float replay(AudioOutputs& outputs);

 private:
  std::vector<TemporaryFile> files_;
  std::vector<Encoder> encoders_;  // after the files, so that they are closed before those go
};

}  // namespace svsep
