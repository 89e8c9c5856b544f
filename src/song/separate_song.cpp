#include "song/separate_song.hpp"

#include "core/log.hpp"
#include "core/progress.hpp"
#include "core/task_thread.hpp"
#include "song/film_outputs.hpp"
#include "song/song_outputs.hpp"
#include "svsep/cancellation.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <string>
#include <utility>

namespace svsep {
namespace {

constexpr std::size_t kDecodedAhead = 64;  ///< blocks, of a few hundredths of a second each

/// The outputs' rate: what is asked for, or the nearest that the format holds.
int output_rate_hz(const Job& job, const SongSettings& settings, int song_rate_hz) {
  const AudioFormat format = settings.mixes.empty() ? AudioFormat::m4a : settings.format;
  const int wanted_hz = settings.sample_rate_hz > 0 ? settings.sample_rate_hz : song_rate_hz;
  const int rate_hz = nearest_sample_rate(format, wanted_hz);
  if (rate_hz != wanted_hz) {
    logger().info("{}: the format cannot hold {} Hz; resampled to {} Hz", job.song.path.string(), wanted_hz,
                  rate_hz);
  }
  return rate_hz;
}

/// Decodes, separates and hands the stems on, all at once; returns the song's samples.
std::size_t stream_through(Decoder& decoder, Separator& separator, SongOutputs& outputs) {
  TaskThread analysis(kDecodedAhead);
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
  return samples;
}

/// What the user should know of the song; the log says it, and report.warnings.
void report_findings(const std::string& name, const Decoder& decoder, SongReport& report) {
  const DecodingReport decoding = decoder.report();
  report.damaged_packets = decoding.damaged_packets;
  report.unusable_samples = decoding.unusable_samples;
  report.lead_s = static_cast<double>(decoding.lead_samples) / decoder.sample_rate_hz();
  report.filled_s = static_cast<double>(decoding.filled_samples) / decoder.sample_rate_hz();
  report.is_cut_off = decoding.is_cut_off;
  report.declared_s = decoding.declared_s.value_or(0);
  report.stream = decoding.stream;
  report.streams = decoding.streams;
  const auto warn = [&](const std::string& text) {
    logger().warn("{}: {}", name, text);
    report.warnings.push_back(text);
  };
  for (const std::string& warning : decoding.warnings) warn(warning);
  if (report.streams > 1) {
    logger().info("{}: {} audio streams, took {}; see --stream", name, report.streams, report.stream);
  }
  if (report.gain < 1) {
    logger().info("{}: turned down by {:.2f} dB, so that nothing clips", name, -20 * std::log10(report.gain));
  }
  if (report.clipped_samples > 0) {
    warn(fmt::format("{} samples of the outputs lie beyond full scale and clip; see --clip",
                     report.clipped_samples));
  }
}

/// What separate_song does where there is no picture to keep; without wall_s.
SongReport separate_audio(const Job& job, Decoder& decoder, Estimator& estimator,
                          const SongSettings& settings) {
  SongReport report;
  report.sample_rate_hz = output_rate_hz(job, settings, decoder.sample_rate_hz());
  report.channels = decoder.channels();
  SeparationSettings separation = settings.separation;
  separation.stems = needed_stems(settings);
  separation.output_sample_rate_hz = report.sample_rate_hz;

  const double rate_ratio = static_cast<double>(report.sample_rate_hz) / decoder.sample_rate_hz();
  const double expected = rate_ratio * static_cast<double>(decoder.expected_samples().value_or(0));
  Progress progress(job.song.name, expected);
  SongOutputs outputs(job, decoder, settings, report.sample_rate_hz);
  std::size_t separated = 0;
  const auto separator = estimator.make_separator(
      {decoder.sample_rate_hz(), decoder.channels()}, separation, [&](std::span<const AudioBuffer> stems) {
        throw_if_cancelled();
        outputs.push_stems(stems);
        separated += stems[0].samples();
        progress.update(static_cast<double>(separated));
        if (settings.on_progress && expected > 0) {
          settings.on_progress(std::min(1.0, static_cast<double>(separated) / expected));
        }
      });
  const std::size_t samples = stream_through(decoder, *separator, outputs);
  const SongOutputs::Report written = outputs.finish();

  report.peak = written.peak;
  report.clipped_samples = written.clipped_samples;
  report.gain = written.gain;
  report.song_s = static_cast<double>(samples) / decoder.sample_rate_hz();
  report_findings(job.song.path.string(), decoder, report);
  return report;
}

}  // namespace

SongReport separate_song(const Job& job, Decoder& decoder, Estimator& estimator,
                         const SongSettings& settings) {
  const auto start = std::chrono::steady_clock::now();
  SongReport report;
  if (settings.keep_video) {
    const FilmOutputs films(job, settings);
    report = separate_audio(films.sound_job(), decoder, estimator, films.sound_settings());
    films.write();
  } else {
    report = separate_audio(job, decoder, estimator, settings);
  }
  report.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace svsep
