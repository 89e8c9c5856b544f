#include "media/tags.hpp"

#include "core/text.hpp"
#include "media/cover.hpp"
#include "media/input.hpp"

#include <array>

namespace svsep::ffmpeg {
namespace {

constexpr std::array kKeys = {"title", "artist", "album", "album_artist", "composer",
                              "date",  "genre",  "track", "disc",         "comment"};

}  // namespace

Tags tags_of(const std::filesystem::path& path, const AVFormatContext& input) {
  Tags tags;
  const auto streams = audio_streams(input);
  for (const char* key : kKeys) {
    const AVDictionaryEntry* entry = av_dict_get(input.metadata, key, nullptr, 0);
    if (entry == nullptr && !streams.empty() && input.metadata == nullptr) {  // where Ogg has them
      entry = av_dict_get(streams.front()->metadata, key, nullptr, 0);
    }
    if (entry != nullptr && *entry->value != '\0') tags.values.emplace(key, clean_text(entry->value));
  }
  tags.cover = cover_of(path, input);
  return tags;
}

}  // namespace svsep::ffmpeg
