#include "svsep/probe.hpp"

#include "core/text.hpp"
#include "media/audio_format.hpp"
#include "media/input.hpp"
#include "media/wav_words.hpp"

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

std::string entry_of(const AVStream& stream, const char* key) {
  const AVDictionaryEntry* entry = av_dict_get(stream.metadata, key, nullptr, 0);
  return entry == nullptr ? "" : entry->value;
}

/// The stream's title, which in MP4 is the name of its handler, unless that is what a program calls all
/// sound.
std::string title_of(const AVStream& stream) {
  const std::string title = entry_of(stream, "title");
  if (!title.empty()) return title;
  const std::string handler = entry_of(stream, "handler_name");
  const bool is_usual =
      lower_case(handler).find("handler") != std::string::npos || handler == "Core Media Audio";
  return is_usual ? "" : handler;
}

std::string language_of(const AVStream& stream) {
  const std::string language = entry_of(stream, "language");
  return language == "und" ? "" : language;  // undetermined
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
  for (AVStream* stream : streams) {
    ffmpeg::correct_word_size(path, *input, *stream);
    const AVChannelLayout& layout = stream->codecpar->ch_layout;
    const bool says_speakers = layout.order == AV_CHANNEL_ORDER_NATIVE;
    info.audio_streams.push_back({.codec = avcodec_get_name(stream->codecpar->codec_id),
                                  .title = title_of(*stream),
                                  .sample_rate_hz = stream->codecpar->sample_rate,
                                  .channels = layout.nb_channels,
                                  .speakers = says_speakers ? ffmpeg::speakers_text(layout.u.mask) : "",
                                  .language = language_of(*stream),
                                  .is_default = (stream->disposition & AV_DISPOSITION_DEFAULT) != 0,
                                  .duration_s = ffmpeg::duration_s(*input, *stream)});
  }
  return info;
}

}  // namespace svsep
