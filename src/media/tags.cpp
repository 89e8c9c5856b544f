#include "media/tags.hpp"

#include "core/text.hpp"
#include "media/cover.hpp"
#include "media/input.hpp"
#include "media/several_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace svsep::ffmpeg {
namespace {

/// What describes the file, not the song: its coding, loudness, checksums, fingerprints and history. In small
/// letters.
constexpr auto kOfTheFile = std::to_array<std::string_view>({"encoder",
                                                             "encoded_by",
                                                             "encoding",
                                                             "encodersettings",
                                                             "encoder_options",
                                                             "encoding_tool",
                                                             "encodedby",
                                                             "tsse",
                                                             "tenc",
                                                             "tlen",
                                                             "length",
                                                             "duration",
                                                             "tsiz",
                                                             "tflt",
                                                             "tdly",
                                                             "itunsmpb",
                                                             "itunnorm",
                                                             "itunpgap",
                                                             "gapless",
                                                             "cddb",
                                                             "creation_time",
                                                             "major_brand",
                                                             "minor_version",
                                                             "compatible_brands",
                                                             "handler_name",
                                                             "vendor_id",
                                                             "language",
                                                             "md5",
                                                             "acoustid_fingerprint",
                                                             "acoustid fingerprint",
                                                             "coding_history",
                                                             "umid",
                                                             "time_reference",
                                                             "originator",
                                                             "originator_reference",
                                                             "origination_date",
                                                             "origination_time",
                                                             "loudness_value",
                                                             "loudness_range",
                                                             "max_true_peak_level",
                                                             "max_momentary_loudness",
                                                             "max_short_term_loudness",
                                                             "metadata_block_picture",
                                                             "coverart",
                                                             "coverartmime",
                                                             "waveformatextensible_channel_mask",
                                                             "cuesheet",
                                                             "bps",
                                                             "synopsis",
                                                             "timecode",
                                                             "software",
                                                             "iswf"});
constexpr auto kPrefixesOfTheFile = std::to_array<std::string_view>(
    {"replaygain_", "r128_", "_statistics", "number_of_", "id3v2_priv.", "accuraterip", "mp3gain_",
     "source_id", "itun_", "com.apple.quicktime.make"});

/// The same field under the names of ID3 and MP4, and the one that we use for it.
constexpr auto kSynonyms = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"TBPM", "BPM"},
    {"tmpo", "BPM"},
    {"TKEY", "INITIALKEY"},
    {"TSRC", "ISRC"},
    {"TIT1", "grouping"},
    {"TMOO", "MOOD"},
    {"TEXT", "LYRICIST"},
    {"TPE4", "REMIXER"},
    {"TOPE", "ORIGINALARTIST"},
    {"TOAL", "ORIGINALALBUM"},
    {"TMED", "MEDIA"},
    {"TSST", "DISCSUBTITLE"},
    {"TIT3", "SUBTITLE"},
    {"TDOR", "ORIGINALDATE"},
    {"TCMP", "compilation"},
});

bool is_of_the_file(std::string_view key) {
  const std::string small = lower_case(key);
  return std::find(kOfTheFile.begin(), kOfTheFile.end(), small) != kOfTheFile.end() ||
         std::any_of(kPrefixesOfTheFile.begin(), kPrefixesOfTheFile.end(),
                     [&](std::string_view prefix) { return small.starts_with(prefix); });
}

std::string name_of(std::string_view key) {
  for (const auto& [synonym, name] : kSynonyms) {
    if (key == synonym) return std::string(name);
  }
  const std::string small = lower_case(key);
  if (small == "lyrics" || small.starts_with("lyrics-")) return "LYRICS";  // with a language
  return clean_text(key);
}

void add_tags(const AVDictionary* dictionary, Tags& tags) {
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(dictionary, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
    if (*entry->value == '\0' || is_of_the_file(entry->key)) continue;
    tags.values.emplace(name_of(entry->key), clean_text(entry->value));
  }
}

/// libavformat gives one of several values, or one text of all.
void add_several(const std::filesystem::path& path, Tags& tags) {
  const SeveralValues several = several_values(path);
  for (auto& [key, value] : tags.values) {
    const auto found = several.find(lower_case(key));
    if (found == several.end()) continue;
    value = joined_values(found->second);
    tags.several[key] = found->second;
  }
}

/// A Broadcast WAV file counts in samples.
std::optional<double> time_reference_s(const AVFormatContext& input) {
  const AVDictionaryEntry* entry = av_dict_get(input.metadata, "time_reference", nullptr, 0);
  const auto streams = audio_streams(input);
  if (entry == nullptr || streams.empty() || streams.front()->codecpar->sample_rate <= 0) return std::nullopt;
  const std::string_view text = entry->value;
  std::int64_t samples = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), samples);
  if (code != std::errc() || samples < 0) return std::nullopt;
  return static_cast<double>(samples) / streams.front()->codecpar->sample_rate;
}

}  // namespace

Tags tags_of(const std::filesystem::path& path, const AVFormatContext& input) {
  Tags tags;
  add_tags(input.metadata, tags);
  const auto streams = audio_streams(input);
  if (tags.values.empty() && !streams.empty() && input.metadata == nullptr) {  // where Ogg has them
    add_tags(streams.front()->metadata, tags);
  }
  add_several(path, tags);
  tags.time_reference_s = time_reference_s(input);
  tags.cover = cover_of(path, input);
  return tags;
}

}  // namespace svsep::ffmpeg
