#include "svsep/probe.hpp"

#include "media/input.hpp"

namespace svsep {
namespace {

std::map<std::string, std::string> all_tags(const AVDictionary* dictionary) {
  std::map<std::string, std::string> tags;
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(dictionary, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
    tags.emplace(entry->key, entry->value);
  }
  return tags;
}

}  // namespace

MediaInfo probe(const std::filesystem::path& path) {
  const auto input = ffmpeg::open_input(path);
  ffmpeg::find_stream_info(path, *input);
  const auto streams = ffmpeg::require_audio_streams(path, *input);
  MediaInfo info;
  info.container = input->iformat->name;
  info.tags = all_tags(input->metadata);
  if (info.tags.empty()) info.tags = all_tags(streams.front()->metadata);  // where Ogg has them
  for (const AVStream* stream : streams) {
    const AVDictionaryEntry* title = av_dict_get(stream->metadata, "title", nullptr, 0);
    info.audio_streams.push_back({.codec = avcodec_get_name(stream->codecpar->codec_id),
                                  .title = title == nullptr ? "" : title->value,
                                  .sample_rate_hz = stream->codecpar->sample_rate,
                                  .channels = stream->codecpar->ch_layout.nb_channels,
                                  .duration_s = ffmpeg::duration_s(*input, *stream)});
  }
  return info;
}

}  // namespace svsep
