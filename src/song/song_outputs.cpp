#include "song/song_outputs.hpp"

#include "svsep/cancellation.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <span>
#include <utility>

namespace svsep {
namespace {

constexpr std::size_t kMixtureStream = 0;  ///< of a stem file

/// The stems that count, with their gains, in one sum.
AudioBuffer mixed(const std::map<std::string, float>& gains, const std::vector<std::string>& names,
                  std::span<const AudioBuffer> stems) {
  AudioBuffer sum(stems[0].channels.size(), stems[0].samples());
  for (std::size_t i = 0; i < stems.size(); ++i) {
    const auto gain = gains.find(names[i]);
    if (gain == gains.end() || gain->second == 0) continue;
    for (std::size_t c = 0; c < sum.channels.size(); ++c) {
      std::transform(stems[i].channels[c].begin(), stems[i].channels[c].end(), sum.channels[c].begin(),
                     sum.channels[c].begin(),
                     [factor = gain->second](float value, float so_far) { return so_far + factor * value; });
    }
  }
  return sum;
}

const Output& output_named(const Job& job, const char* name) {
  return *std::find_if(job.outputs.begin(), job.outputs.end(),
                       [&](const Output& output) { return output.stem == name; });
}

/// A track per mix, whose file the page finds from its own folder.
std::vector<PageTrack> page_tracks(const Job& job, const SongSettings& settings) {
  const std::filesystem::path folder = output_named(job, kPage).path.parent_path();
  std::vector<PageTrack> tracks;
  for (const Mix& mix : settings.mixes) {
    const std::filesystem::path file = output_named(job, mix.name.c_str()).path;
    tracks.push_back({mix.name, file.lexically_relative(folder), mix.name == kMixture});
  }
  return tracks;
}

}  // namespace

SongOutputs::SongOutputs(const Job& job, const Decoder& decoder, const SongSettings& settings,
                         int sample_rate_hz)
    : job_(job),
      settings_(settings),
      names_(needed_stems(settings)),
      audio_(job, settings, sample_rate_hz, decoder.channels(), decoder.tags()) {
  if (settings.clip == ClipPolicy::rescale) {
    spool_.emplace(job.outputs.front().path, audio_.parts(), sample_rate_hz, decoder.channels());
  }
  if (settings.plot) figure_.emplace(sample_rate_hz, job.song.name);
  if (settings.mixes.empty() || settings.plot) {
    mixture_.emplace(decoder.sample_rate_hz(), sample_rate_hz, decoder.channels());
  }
  for (std::size_t file = 0; file < std::max<std::size_t>(1, settings.mixes.size()); ++file) {
    writers_.push_back(std::make_unique<TaskThread>(1));
  }
  if (figure_) drawer_ = std::make_unique<TaskThread>(1);
  if (settings.page) {
    page_.emplace(sample_rate_hz, job.song.name, page_tracks(job, settings));
    pager_ = std::make_unique<TaskThread>(1);
  }
}

void SongOutputs::push_mixture(const AudioBuffer& block) {
  if (mixture_) write_mixture(mixture_->push(block));
}

void SongOutputs::push_stems(std::span<const AudioBuffer> stems) {
  const auto stem = [&](const std::string& name) -> const AudioBuffer& {
    return stems[static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin())];
  };
  if (figure_) {
    drawer_->push([vocals = stem("vocals"), accompaniment = stem("accompaniment"), this] {
      figure_->push_stems(vocals, accompaniment);
    });
  }
  for (std::size_t part = 0; part < settings_.mixes.size(); ++part) {
    const std::map<std::string, float>& gains = settings_.mixes[part].gains;
    const bool is_stem = gains.size() == 1 && gains.begin()->second == 1;
    AudioBuffer block = is_stem ? stem(gains.begin()->first) : mixed(gains, names_, stems);
    if (page_) pager_->push([this, part, block] { page_->push(part, block); });
    write(part, std::move(block));
  }
  for (std::size_t i = 0; settings_.mixes.empty() && i < settings_.stem_file.size(); ++i) {
    write(kMixtureStream + 1 + i, stem(settings_.stem_file[i]));
  }
}

SongOutputs::Report SongOutputs::finish() {
  Report report;
  if (mixture_) write_mixture(mixture_->finish());
  for (const auto& writer : writers_) writer->wait();
  if (drawer_) drawer_->wait();
  if (pager_) pager_->wait();
  if (spool_) report.gain = spool_->replay(audio_);
  throw_if_cancelled();
  audio_.complete();  // so that hardly anything can fail once the first file has its name
  if (settings_.existing == ExistingFile::keep) check_free(job_);  // before the first of several has its name
  std::vector<TemporaryFile> added;  // go away where a later one fails; a replaced one cannot come back
  if (figure_) write_beside(kSpectrogram, png_bytes(figure_->draw()), added);
  if (page_) write_beside(kPage, page_->html(), added);
  audio_.finish(added, settings_.existing);
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

void SongOutputs::write_beside(const char* name, const std::string& bytes,
                               std::vector<TemporaryFile>& added) const {
  const std::filesystem::path& path = output_named(job_, name).path;
  const bool adds = !std::filesystem::exists(path);
  write_file(path, bytes, settings_.existing);
  if (adds) added.emplace_back(path);
}

void SongOutputs::write_mixture(const AudioBuffer& block) {
  if (figure_) drawer_->push([=, this] { figure_->push_mixture(block); });
  if (settings_.mixes.empty()) write(kMixtureStream, block);
}

}  // namespace svsep
