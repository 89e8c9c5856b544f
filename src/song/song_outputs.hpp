#pragma once

#include "core/task_thread.hpp"
#include "page/page.hpp"
#include "plot/spectrogram_figure.hpp"
#include "song/audio_outputs.hpp"
#include "song/block_resampler.hpp"
#include "song/output_plan.hpp"
#include "song/rescale_spool.hpp"
#include "song/song_settings.hpp"
#include "svsep/audio.hpp"
#include "svsep/decoder.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace svsep {

/// All that is written of one song: each file by a thread of its own, while the next stretch is separated.
class SongOutputs {
 public:
  /// What finish() can say of the outputs.
  struct Report {
    float peak = 0;                    ///< largest magnitude of the outputs, before clipping
    std::int64_t clipped_samples = 0;  ///< over all outputs and channels
    float gain = 1;                    ///< that ClipPolicy::rescale applied
  };

  /// `job` and `settings` must outlive the object. Throws Error(output).
  SongOutputs(const Job& job, const Decoder& decoder, const SongSettings& settings, int sample_rate_hz);

  /// Takes the next samples of the mixture at the song's rate. Throws Error(output).
  void push_mixture(const AudioBuffer& block);
  /// Takes the next samples of needed_stems(settings) at the outputs' rate. Throws Error(output).
  void push_stems(std::span<const AudioBuffer> stems);
  /// Names the outputs once all are complete; where one fails, none is added. Throws Error(output),
  /// Cancelled.
  Report finish();

 private:
  void write(std::size_t part, AudioBuffer block);
  void write_mixture(const AudioBuffer& block);
  /// Puts a file of text or pixels at the output of this name.
  void write_beside(const char* name, const std::string& bytes, std::vector<TemporaryFile>& added) const;

  const Job& job_;
  const SongSettings& settings_;
  std::vector<std::string> names_;  ///< of the stems that come
  AudioOutputs audio_;
  std::optional<RescaleSpool> spool_;
  std::optional<SpectrogramFigure> figure_;
  std::optional<SongPage> page_;
  std::optional<BlockResampler> mixture_;  ///< where it is wanted, at the outputs' rate
  // The threads last, so that they end before what they use goes.
  std::vector<std::unique_ptr<TaskThread>> writers_;  ///< one per file
  std::unique_ptr<TaskThread> drawer_;
  std::unique_ptr<TaskThread> pager_;
};

}  // namespace svsep
