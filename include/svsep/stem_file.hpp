#pragma once

#include "svsep/decoder.hpp"
#include "svsep/tags.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

namespace svsep {

/// The stems of MUSDB18 (Rafii et al. 2017, doi:10.5281/zenodo.1117372), in its stream order.
enum class Stem : std::size_t { mixture, drums, bass, other, vocals };

inline constexpr std::array<std::string_view, 5> kStemNames = {"mixture", "drums", "bass", "other", "vocals"};

/// Opens one stem of a `.stem.mp4`. Throws Error(input) where the file has not exactly the five audio
/// streams.
[[nodiscard]] Decoder open_stem(const std::filesystem::path& path, Stem stem, const TimeRange& range = {});

/// Whether `path` is named like a stem file (`*.stem.mp4`, case aside).
[[nodiscard]] bool is_stem_file(const std::filesystem::path& path);

/// The audio streams of the stem files that svsep writes, in their order. Native Instruments' stem players
/// want four stems beside the mixture, so their metadata would be untrue here and is not written.
enum class WrittenStem : std::size_t { mixture, accompaniment, vocals };

inline constexpr std::array<std::string_view, 3> kWrittenStemNames = {"mixture", "accompaniment", "vocals"};

/// Writes a `.stem.mp4` of three AAC streams, which bear their names as titles; players play the first. As
/// Encoder: exact length, tags, nothing under that name before finish(). The rate must be one of
/// nearest_sample_rate(AudioFormat::m4a, ...).
class StemFileEncoder {
 public:
  /// `bitrate_kbps` is that of one stream. Throws Error(output) as Encoder.
  StemFileEncoder(const std::filesystem::path& path, int sample_rate_hz, int channels,
                  std::optional<int> bitrate_kbps = {}, const Tags& tags = {});
  ~StemFileEncoder();
  StemFileEncoder(StemFileEncoder&&) noexcept;
  StemFileEncoder& operator=(StemFileEncoder&&) noexcept;

  /// Appends to one stream. The streams may run apart (what is ahead waits in memory, encoded), but in the
  /// end they must be equally long. Throws Error(output).
  void write(WrittenStem stem, const AudioBuffer& block);
  /// As Encoder. Throws Error(output).
  void complete();
  void finish();

  /// As Encoder, of one stream.
  [[nodiscard]] std::int64_t clipped_samples(WrittenStem stem) const noexcept;
  [[nodiscard]] float peak(WrittenStem stem) const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace svsep
