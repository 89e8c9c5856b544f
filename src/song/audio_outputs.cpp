#include "song/audio_outputs.hpp"

#include <algorithm>

namespace svsep {
namespace {

Tags with_stem_in_title(Tags tags, const std::string& song, const std::string& stem) {
  std::string& title = tags.values["title"];
  if (title.empty()) title = song;
  title += " (" + stem + ")";
  return tags;
}

}  // namespace

AudioOutputs::AudioOutputs(const Job& job, const SongSettings& settings, int sample_rate_hz, int channels,
                           const Tags& tags) {
  if (settings.mixes.empty()) {
    paths_.push_back(job.outputs.front().path);
    std::vector<std::string> streams = {"mixture"};
    streams.insert(streams.end(), settings.stem_file.begin(), settings.stem_file.end());
    stem_file_.emplace(
        paths_.front(), streams,
        EncoderSettings{AudioFormat::m4a, sample_rate_hz, channels, settings.bitrate_kbps, tags});
  }
  for (std::size_t part = 0; part < settings.mixes.size(); ++part) {
    const std::string& stem = settings.mixes[part].name;
    const EncoderSettings encoder{
        settings.format, sample_rate_hz, channels, settings.bitrate_kbps,
        settings.titles_name_stems ? with_stem_in_title(tags, job.song.name, stem) : tags};
    paths_.push_back(job.outputs[part].path);
    encoders_.push_back(paths_.back() == kStdout ? Encoder::to_stdout(encoder)
                                                 : Encoder(paths_.back(), encoder));
  }
}

std::size_t AudioOutputs::parts() const { return stem_file_ ? stem_file_->streams() : encoders_.size(); }

void AudioOutputs::write(std::size_t part, const AudioBuffer& block) {
  if (stem_file_) {
    stem_file_->write(part, block);
  } else {
    encoders_[part].write(block);
  }
}

void AudioOutputs::complete() {
  if (stem_file_) stem_file_->complete();
  for (Encoder& encoder : encoders_) encoder.complete();
}

void AudioOutputs::finish(std::vector<TemporaryFile>& added, ExistingFile existing) {
  if (stem_file_) stem_file_->finish(existing);
  for (std::size_t part = 0; part < encoders_.size(); ++part) {
    const bool adds = paths_[part] != kStdout && !std::filesystem::exists(paths_[part]);
    encoders_[part].finish(existing);
    if (adds) added.emplace_back(paths_[part]);
  }
}

float AudioOutputs::peak() const {
  float peak = 0;
  for (const Encoder& encoder : encoders_) peak = std::max(peak, encoder.peak());
  for (std::size_t part = 0; stem_file_ && part < parts(); ++part) {
    peak = std::max(peak, stem_file_->peak(part));
  }
  return peak;
}

std::int64_t AudioOutputs::clipped_samples() const {
  std::int64_t count = 0;
  for (const Encoder& encoder : encoders_) count += encoder.clipped_samples();
  for (std::size_t part = 0; stem_file_ && part < parts(); ++part) {
    count += stem_file_->clipped_samples(part);
  }
  return count;
}

}  // namespace svsep
