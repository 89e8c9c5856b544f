#pragma once

#include "svsep/decoder.hpp"
#include "svsep/encoder.hpp"
#include "svsep/existing_file.hpp"
#include "svsep/tags.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace svsep {

/// The stems of MUSDB18 (Rafii et al. 2017, doi:10.5281/zenodo.1117372), in its stream order.
enum class Stem : std::size_t { mixture, drums, bass, other, vocals };

inline constexpr std::array<std::string_view, 5> kStemNames = {"mixture", "drums", "bass", "other", "vocals"};

/// Opens one stem of a `.stem.mp4`. Throws Error(input) where the file has not exactly the five audio
/// streams.
[[nodiscard]] Decoder open_stem(const std::filesystem::path& path, Stem stem, const TimeRange& range = {});

/// Whether `path` is named like a stem file (`*.stem.mp4`, case aside).
[[nodiscard]] bool is_stem_file(const std::filesystem::path& path);

/// Writes a `.stem.mp4` of AAC streams, which bear their names as titles; players play the first. As Encoder:
/// exact length, tags, nothing under that name before finish(). The rate must be one of
/// nearest_sample_rate(AudioFormat::m4a, ...). A mixture and at most four stems become a file that DJ
/// programs open (Native Instruments' format: five streams, and moov.udta.stem names the four stems) and that
/// open_stem reads: drums, bass, other and vocals lie where MUSDB18 has them, an accompaniment where it has
/// other, and streams that are left are silent.
class StemFileEncoder {
 public:
  /// The format of `settings` must be m4a; its bit rate is that of one stream. Throws Error(output) as
  /// Encoder.
  StemFileEncoder(const std::filesystem::path& path, const std::vector<std::string>& streams,
                  const EncoderSettings& settings);
  ~StemFileEncoder();
  StemFileEncoder(StemFileEncoder&&) noexcept;
  StemFileEncoder& operator=(StemFileEncoder&&) noexcept;

  /// Appends to one stream. The streams may run apart (what is ahead waits in memory, encoded), but in the
  /// end they must be equally long. Throws Error(output).
  void write(std::size_t stream, const AudioBuffer& block);
  /// As Encoder. Throws Error(output).
  void complete();
  void finish(ExistingFile existing = ExistingFile::replace);

  [[nodiscard]] std::size_t streams() const noexcept;
  /// As Encoder, of one stream.
  [[nodiscard]] std::int64_t clipped_samples(std::size_t stream) const noexcept;
  [[nodiscard]] float peak(std::size_t stream) const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
