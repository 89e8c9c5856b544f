#include "song/separate_song.hpp"

#include "core/progress.hpp"
#include "core/task_thread.hpp"
#include "dsp/resampler.hpp"
#include "plot/spectrogram_figure.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <span>
#include <spdlog/spdlog.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDecodedAhead = 64;          ///< blocks, of a few hundredths of a second each
constexpr float kFullScale = 32767.0F / 32768.0F;  ///< the largest value that every integer format holds

/// A name for a file that goes away at the end of the scope.
class TemporaryFile {
 public:
  explicit TemporaryFile(fs::path path) : path_(std::move(path)) {}
  TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
  }
  [[nodiscard]] const fs::path& path() const noexcept { return path_; }
  /// Lets the file stay.
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

/// The audio outputs of a song: a file a mix, or one stem file with a stream a part.
class AudioOutputs {
 public:
  AudioOutputs(const Job& job, const SongSettings& settings, int rate_hz, int channels, const Tags& tags) {
    if (settings.mixes.empty()) {
      stem_file_.emplace(job.outputs.front().path, rate_hz, channels, settings.bitrate_kbps, tags);
      paths_.push_back(job.outputs.front().path);
    }
    for (std::size_t part = 0; part < settings.mixes.size(); ++part) {
      const EncoderSettings encoder{settings.format, rate_hz, channels, settings.bitrate_kbps, tags};
      const fs::path& path = job.outputs[part].path;
      encoders_.push_back(path == kStdout ? Encoder::to_stdout(encoder) : Encoder(path, encoder));
      paths_.push_back(path);
    }
  }

  void write(std::size_t part, const AudioBuffer& block) {
    if (stem_file_) {
      stem_file_->write(static_cast<WrittenStem>(part), block);
    } else {
      encoders_[part].write(block);
    }
  }

  /// All but the names of the files.
  void complete() {
    if (stem_file_) stem_file_->complete();
    for (Encoder& encoder : encoders_) encoder.complete();
  }

  /// Names the files; those that replace none go to `added`.
  void finish(std::vector<TemporaryFile>& added) {
    if (stem_file_) stem_file_->finish();
    for (std::size_t part = 0; part < encoders_.size(); ++part) {
      const bool adds = paths_[part] != kStdout && !fs::exists(paths_[part]);
      encoders_[part].finish();
      if (adds) added.emplace_back(paths_[part]);
    }
  }

  [[nodiscard]] float peak() const {
    float peak = 0;
    for (const Encoder& encoder : encoders_) peak = std::max(peak, encoder.peak());
    for (std::size_t part = 0; stem_file_ && part < kWrittenStemNames.size(); ++part) {
      peak = std::max(peak, stem_file_->peak(static_cast<WrittenStem>(part)));
    }
    return peak;
  }

  [[nodiscard]] std::int64_t clipped_samples() const {
    std::int64_t count = 0;
    for (const Encoder& encoder : encoders_) count += encoder.clipped_samples();
    for (std::size_t part = 0; stem_file_ && part < kWrittenStemNames.size(); ++part) {
      count += stem_file_->clipped_samples(static_cast<WrittenStem>(part));
    }
    return count;
  }

 private:
  std::vector<Encoder> encoders_;
  std::optional<StemFileEncoder> stem_file_;
  std::vector<fs::path> paths_;
};

/// Keeps the parts in float files beside the outputs until the gain is known that makes them fit.
class Spool {
 public:
  Spool(const Job& job, std::size_t parts, int rate_hz, int channels) {
    const fs::path& first = job.outputs.front().path;
    const fs::path base = first == kStdout ? fs::temp_directory_path() / "svsep" : first;
    for (std::size_t part = 0; part < parts; ++part) {
      files_.emplace_back(fs::path(base).concat(fmt::format(".{}.{}.float.part", ::getpid(), part)));
      encoders_.emplace_back(files_.back().path(), EncoderSettings{AudioFormat::wav_f32, rate_hz, channels});
    }
  }

  void write(std::size_t part, const AudioBuffer& block) { encoders_[part].write(block); }

  /// Writes all parts to `outputs`, turned down by the gain that it returns.
  float replay(AudioOutputs& outputs) {
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

 private:
  std::vector<TemporaryFile> files_;
  std::vector<Encoder> encoders_;  // after the files, so that they are closed before those go
};

/// Every channel through a resampler; what has come out so far is taken in blocks.
class BlockResampler {
 public:
  BlockResampler(int from_hz, int to_hz, int channels) : out_(static_cast<std::size_t>(channels), 0) {
    for (std::vector<float>& out : out_.channels) {
      resamplers_.emplace_back(from_hz, to_hz, [&out](std::span<const float> samples) {
        out.insert(out.end(), samples.begin(), samples.end());
      });
    }
  }

  const AudioBuffer& push(const AudioBuffer& block) {
    clear();
    for (std::size_t c = 0; c < resamplers_.size(); ++c) resamplers_[c].push(block.channels[c]);
    return out_;
  }
  const AudioBuffer& finish() {
    clear();
    for (Resampler& resampler : resamplers_) resampler.finish();
    return out_;
  }

 private:
  void clear() {
    for (std::vector<float>& channel : out_.channels) channel.clear();
  }

  AudioBuffer out_;
  std::vector<Resampler> resamplers_;
};

/// All that is written of one song: each file by a thread of its own, while the next stretch is separated.
class SongOutputs {
 public:
  SongOutputs(const Job& job, const Decoder& decoder, const SongSettings& settings, int rate_hz)
      : job_(job), settings_(settings), audio_(job, settings, rate_hz, decoder.channels(), decoder.tags()) {
    const std::size_t parts = settings.mixes.empty() ? kWrittenStemNames.size() : settings.mixes.size();
    if (settings.clip == ClipPolicy::rescale) spool_.emplace(job, parts, rate_hz, decoder.channels());
    if (settings.plot) figure_.emplace(rate_hz, job.song.track);
    if (settings.mixes.empty() || settings.plot) {
      mixture_.emplace(decoder.sample_rate_hz(), rate_hz, decoder.channels());
    }
    for (std::size_t file = 0; file < std::max<std::size_t>(1, settings.mixes.size()); ++file) {
      writers_.push_back(std::make_unique<TaskThread>(1));
    }
    if (figure_) drawer_ = std::make_unique<TaskThread>(1);
  }

  void push_mixture(const AudioBuffer& block) {
    if (mixture_) write_mixture(mixture_->push(block));
  }

  void push_stems(const AudioBuffer& vocals, const AudioBuffer& accompaniment) {
    if (figure_) drawer_->push([=, this] { figure_->push_stems(vocals, accompaniment); });
    if (settings_.mixes.empty()) {
      write(static_cast<std::size_t>(WrittenStem::vocals), vocals);
      write(static_cast<std::size_t>(WrittenStem::accompaniment), accompaniment);
    }
    for (std::size_t part = 0; part < settings_.mixes.size(); ++part) {
      const Mix& mix = settings_.mixes[part];
      if (mix.vocals_gain == 1 && mix.accompaniment_gain == 0) {
        write(part, vocals);
      } else if (mix.vocals_gain == 0 && mix.accompaniment_gain == 1) {
        write(part, accompaniment);
      } else {
        write(part, mixed(mix, vocals, accompaniment));
      }
    }
  }

  void finish(SongReport& report) {
    if (mixture_) write_mixture(mixture_->finish());
    for (const auto& writer : writers_) writer->wait();
    if (drawer_) drawer_->wait();
    if (spool_) report.gain = spool_->replay(audio_);
    throw_if_cancelled();
    audio_.complete();                 // so that hardly anything can fail once the first file has its name
    std::vector<TemporaryFile> added;  // go away where a later one fails; a replaced one cannot come back
    if (figure_) {
      const fs::path& path = job_.outputs.back().path;
      const bool adds = !fs::exists(path);
      write_png(path, figure_->draw());
      if (adds) added.emplace_back(path);
    }
    audio_.finish(added);
    for (TemporaryFile& file : added) file.keep();
    report.peak = audio_.peak();
    report.clipped_samples = audio_.clipped_samples();
  }

 private:
  /// Takes a copy: the block's owner goes on.
  void write(std::size_t part, AudioBuffer block) {
    TaskThread& writer = *writers_[settings_.mixes.empty() ? 0 : part];  // a stem file has one
    writer.push([this, part, block = std::move(block)] {
      if (spool_) {
        spool_->write(part, block);
      } else {
        audio_.write(part, block);
      }
    });
  }

  void write_mixture(const AudioBuffer& block) {
    if (figure_) drawer_->push([=, this] { figure_->push_mixture(block); });
    if (settings_.mixes.empty()) write(static_cast<std::size_t>(WrittenStem::mixture), block);
  }

  static AudioBuffer mixed(const Mix& mix, const AudioBuffer& vocals, const AudioBuffer& accompaniment) {
    AudioBuffer sum(vocals.channels.size(), vocals.samples());
    for (std::size_t c = 0; c < sum.channels.size(); ++c) {
      std::transform(vocals.channels[c].begin(), vocals.channels[c].end(), accompaniment.channels[c].begin(),
                     sum.channels[c].begin(),
                     [&](float v, float a) { return mix.vocals_gain * v + mix.accompaniment_gain * a; });
    }
    return sum;
  }

  const Job& job_;
  const SongSettings& settings_;
  AudioOutputs audio_;
  std::optional<Spool> spool_;
  std::optional<SpectrogramFigure> figure_;
  std::optional<BlockResampler> mixture_;  ///< where it is wanted, at the outputs' rate
  // The threads last, so that they end before what they use goes.
  std::vector<std::unique_ptr<TaskThread>> writers_;  ///< one a file
  std::unique_ptr<TaskThread> drawer_;
};

/// The outputs' rate: what is asked for, or the nearest that the format holds.
int output_rate_hz(const Job& job, const SongSettings& settings, int song_rate_hz) {
  const AudioFormat format = settings.mixes.empty() ? AudioFormat::m4a : settings.format;
  const int wanted_hz = settings.sample_rate_hz > 0 ? settings.sample_rate_hz : song_rate_hz;
  const int rate_hz = nearest_sample_rate(format, wanted_hz);
  if (rate_hz != wanted_hz) {
    spdlog::info("{}: the format cannot hold {} Hz; resampled to {} Hz", job.song.path.string(), wanted_hz,
                 rate_hz);
  }
  return rate_hz;
}

}  // namespace

SongReport separate_song(const Job& job, Decoder& decoder, MaskEstimator& estimator,
                         const SongSettings& settings) {
  const auto start = std::chrono::steady_clock::now();
  SongReport report;
  report.sample_rate_hz = output_rate_hz(job, settings, decoder.sample_rate_hz());
  report.channels = decoder.channels();
  SeparationSettings separation = settings.separation;
  separation.output_sample_rate_hz = report.sample_rate_hz;

  const double rate_ratio = static_cast<double>(report.sample_rate_hz) / decoder.sample_rate_hz();
  Progress progress(job.song.track, rate_ratio * static_cast<double>(decoder.expected_samples().value_or(0)));
  SongOutputs outputs(job, decoder, settings, report.sample_rate_hz);
  std::size_t separated = 0;
  Separator separator(estimator, decoder.sample_rate_hz(), decoder.channels(), separation,
                      [&](const AudioBuffer& vocals, const AudioBuffer& accompaniment) {
                        throw_if_cancelled();
                        outputs.push_stems(vocals, accompaniment);
                        separated += vocals.samples();
                        progress.update(static_cast<double>(separated));
                      });
  TaskThread analysis(kDecodedAhead);  // last: it ends before what it feeds goes
  std::size_t samples = 0;
  for (AudioBuffer block; decoder.read(block);) {
    throw_if_cancelled();
    samples += block.samples();
    analysis.push([&outputs, &separator, block = std::move(block)] {
      outputs.push_mixture(block);
      separator.push(block);
    });
  }
  analysis.wait();
  separator.finish();
  throw_if_cancelled();
  outputs.finish(report);

  report.song_s = static_cast<double>(samples) / decoder.sample_rate_hz();
  report.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string name = job.song.path.string();
  if (const auto count = decoder.damaged_packets(); count > 0) {
    spdlog::warn("{}: {} damaged packets were skipped", name, count);
  }
  if (const auto count = decoder.unusable_samples(); count > 0) {
    spdlog::warn("{}: {} samples that are no numbers, or beyond 1e12, were taken as silence", name, count);
  }
  if (report.gain < 1) {
    spdlog::info("{}: turned down by {:.2f} dB, so that nothing clips", name, -20 * std::log10(report.gain));
  }
  if (report.clipped_samples > 0) {
    spdlog::warn("{}: {} samples of the outputs lie beyond full scale and clip; see --clip", name,
                 report.clipped_samples);
  }
  return report;
}

}  // namespace svsep
