#pragma once

#include "core/temporary_file.hpp"
#include "song/output_plan.hpp"
#include "song/song_settings.hpp"
#include "svsep/audio.hpp"
#include "svsep/encoder.hpp"
#include "svsep/existing_file.hpp"
#include "svsep/stem_file.hpp"
#include "svsep/tags.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace svsep {

/// The audio files of a song: a file per mix, or one stem file with a stream per part. One thread per part
/// may write at a time (one thread altogether for a stem file).
class AudioOutputs {
 public:
  /// Throws Error(output) as Encoder and StemFileEncoder.
  AudioOutputs(const Job& job, const SongSettings& settings, int sample_rate_hz, int channels,
               const Tags& tags);

  /// The number of parts: of mixes, or of the stem file's streams.
  [[nodiscard]] std::size_t parts() const;
  /// Appends to one part. Throws Error(output).
  void write(std::size_t part, const AudioBuffer& block);
  /// Brings all to the disk but the names of the files. Throws Error(output).
  void complete();
  /// Names the files; those that replace none go to `added`. Throws Error(output).
  void finish(std::vector<TemporaryFile>& added, ExistingFile existing);

  /// The largest magnitude of all parts, before clipping.
  [[nodiscard]] float peak() const;
  [[nodiscard]] std::int64_t clipped_samples() const;

 private:
  std::vector<Encoder> encoders_;
  std::optional<StemFileEncoder> stem_file_;
  std::vector<std::filesystem::path> paths_;
};

}  // namespace svsep
