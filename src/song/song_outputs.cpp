#include "song/song_outputs.hpp"

#include "svsep/cancellation.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace svsep {
namespace {

AudioBuffer mixed(const Mix& mix, const AudioBuffer& vocals, const AudioBuffer& accompaniment) {
  AudioBuffer sum(vocals.channels.size(), vocals.samples());
  for (std::size_t c = 0; c < sum.channels.size(); ++c) {
    std::transform(vocals.channels[c].begin(), vocals.channels[c].end(), accompaniment.channels[c].begin(),
                   sum.channels[c].begin(),
                   [&](float v, float a) { return mix.vocals_gain * v + mix.accompaniment_gain * a; });
  }
  return sum;
}

}  // namespace

SongOutputs::SongOutputs(const Job& job, const Decoder& decoder, const SongSettings& settings,
                         int sample_rate_hz)
    : job_(job),
      settings_(settings),
      audio_(job, settings, sample_rate_hz, decoder.channels(), decoder.tags()) {
  if (settings.clip == ClipPolicy::rescale) {
    spool_.emplace(job.outputs.front().path, audio_.parts(), sample_rate_hz, decoder.channels());
  }
  if (settings.plot) figure_.emplace(sample_rate_hz, job.song.track);
  if (settings.mixes.empty() || settings.plot) {
    mixture_.emplace(decoder.sample_rate_hz(), sample_rate_hz, decoder.channels());
  }
  for (std::size_t file = 0; file < std::max<std::size_t>(1, settings.mixes.size()); ++file) {
    writers_.push_back(std::make_unique<TaskThread>(1));
  }
  if (figure_) drawer_ = std::make_unique<TaskThread>(1);
}

void SongOutputs::push_mixture(const AudioBuffer& block) {
  if (mixture_) write_mixture(mixture_->push(block));
}

void SongOutputs::push_stems(const AudioBuffer& vocals, const AudioBuffer& accompaniment) {
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

SongOutputs::Report SongOutputs::finish() {
  Report report;
  if (mixture_) write_mixture(mixture_->finish());
  for (const auto& writer : writers_) writer->wait();
  if (drawer_) drawer_->wait();
  if (spool_) report.gain = spool_->replay(audio_);
  throw_if_cancelled();
  audio_.complete();                 // so that hardly anything can fail once the first file has its name
  std::vector<TemporaryFile> added;  // go away where a later one fails; a replaced one cannot come back
  if (figure_) {
    const std::filesystem::path& path = job_.outputs.back().path;
    const bool adds = !std::filesystem::exists(path);
    write_png(path, figure_->draw());
    if (adds) added.emplace_back(path);
  }
  audio_.finish(added);
  for (TemporaryFile& file : added) file.keep();
  report.peak = audio_.peak();
  report.clipped_samples = audio_.clipped_samples();
  return report;
}

/// Takes a copy: the block's owner goes on.
void SongOutputs::write(std::size_t part, AudioBuffer block) {
  TaskThread& writer = *writers_[settings_.mixes.empty() ? 0 : part];  // a stem file has one
  writer.push([this, part, block = std::move(block)] {
    if (spool_) {
      spool_->write(part, block);
    } else {
      audio_.write(part, block);
    }
  });
}

void SongOutputs::write_mixture(const AudioBuffer& block) {
  if (figure_) drawer_->push([=, this] { figure_->push_mixture(block); });
  if (settings_.mixes.empty()) write(static_cast<std::size_t>(WrittenStem::mixture), block);
}

}  // namespace svsep
