#include "evaluation/track_audio.hpp"

#include "core/log.hpp"
#include "core/text.hpp"
#include "dsp/resampler.hpp"
#include "media/list_media.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/decoder.hpp"
#include "svsep/error.hpp"
#include "svsep/probe.hpp"
#include "svsep/stem_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPaddingSamples = 2048;  // an AAC packet's, of the long kind
constexpr std::array<std::string_view, 6> kLossyCodecs = {"mp3", "aac", "vorbis", "opus", "wmav2", "ac3"};

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::input, "cannot score: " + path.string() + ": " + reason);
}

/// Takes `got` as what is expected where nothing is yet.
template <class Value>
void expect(const AudioStream& stream, const char* what, std::optional<Value>& expected, Value got,
            const char* unit) {
  if (!expected) expected = got;
  if (*expected == got) return;
  fail(stream.path,
       fmt::format("{} (stream {}); expected {} {}, got {}", what, stream.index, *expected, unit, got));
}

/// The stream's samples, with the padding at the end, as FFmpeg's command reads them.
AudioBuffer decode(const AudioStream& stream, int& sample_rate_hz) {
  throw_if_cancelled();
  Decoder decoder(stream.path, stream.index, {.keeps_end_padding = true});
  sample_rate_hz = decoder.sample_rate_hz();
  AudioBuffer audio = read_all(decoder);
  log_warnings(stream.path, decoder.report());
  return audio;
}

AudioBuffer resampled(const AudioBuffer& audio, int from_hz, int to_hz) {
  AudioBuffer result(audio.channels.size(), 0);
  for (std::size_t c = 0; c < audio.channels.size(); ++c) {
    std::vector<float>& out = result.channels[c];
    Resampler resampler(from_hz, to_hz, [&out](std::span<const float> samples) {
      out.insert(out.end(), samples.begin(), samples.end());
    });
    resampler.push(audio.channels[c]);
    resampler.finish();
  }
  return result;
}

}  // namespace

AudioBuffer TrackReader::checked(const AudioStream& stream, AudioBuffer audio, std::size_t tolerance) {
  expect(stream, "channel counts differ", channels_, audio.channels.size(), "channels");
  const std::size_t samples = samples_.value_or(audio.samples());
  if (audio.samples() + tolerance >= samples && audio.samples() <= samples + tolerance) {
    for (auto& channel : audio.channels) {
      channel.resize(samples);
      channel.shrink_to_fit();  // it grew block by block
    }
  }
  expect(stream, "lengths differ", samples_, audio.samples(), "samples");
  return audio;
}

AudioBuffer TrackReader::read(const AudioStream& stream, std::size_t tolerance) {
  int rate_hz = 0;
  AudioBuffer audio = decode(stream, rate_hz);
  expect(stream, "sample rates differ", sample_rate_hz_, rate_hz, "Hz");
  return checked(stream, std::move(audio), tolerance);
}

AudioBuffer TrackReader::read_estimate(const AudioStream& stream, std::size_t tolerance) {
  const MediaInfo media = probe(stream.path);
  const std::string codec =
      stream.index < media.audio_streams.size() ? media.audio_streams[stream.index].codec : "";
  const bool is_lossy = std::find(kLossyCodecs.begin(), kLossyCodecs.end(), codec) != kLossyCodecs.end();
  if (is_lossy) tolerance = std::max(tolerance, kPaddingSamples);
  int rate_hz = 0;
  AudioBuffer audio = decode(stream, rate_hz);
  if (codec == "opus" && sample_rate_hz_ && rate_hz != *sample_rate_hz_) {  // which has no other rate
    logger().warn("{}: Opus; resampled from {} to {} Hz to be scored", stream.path.string(), rate_hz,
                  *sample_rate_hz_);
    audio = resampled(audio, rate_hz, *sample_rate_hz_);
    rate_hz = *sample_rate_hz_;
  }
  expect(stream, "sample rates differ", sample_rate_hz_, rate_hz, "Hz");
  return checked(stream, std::move(audio), tolerance);
}

std::map<std::string, fs::path> stems_in(const fs::path& folder) {
  std::error_code code;
  fs::directory_iterator entries(folder, code);
  if (code) fail(folder, code.message());
  std::map<std::string, fs::path> stems;
  for (; entries != fs::directory_iterator(); entries.increment(code)) {
    const fs::path& path = entries->path();
    std::error_code ignored;  // what cannot be looked at is no stem
    if (is_hidden(path) || !has_media_extension(path) || !entries->is_regular_file(ignored)) continue;
    const std::string name = lower_case(path.stem().string());
    if (name == "mixture") continue;
    const auto [other, is_new] = stems.emplace(name, path);
    if (!is_new) fail(path, "the same stem as " + other->second.filename().string());
  }
  if (code) fail(folder, code.message());
  return stems;
}

std::map<std::string, AudioStream> estimates_in(const fs::path& folder_or_stem_file) {
  std::map<std::string, AudioStream> estimates;
  if (is_stem_file(folder_or_stem_file) && !fs::is_directory(folder_or_stem_file)) {
    const MediaInfo media = probe(folder_or_stem_file);
    for (std::size_t index = 0; index < media.audio_streams.size(); ++index) {
      estimates.emplace(lower_case(media.audio_streams[index].title),
                        AudioStream{folder_or_stem_file, index});
    }
    return estimates;
  }
  for (const auto& [name, path] : stems_in(folder_or_stem_file)) estimates.emplace(name, AudioStream{path});
  return estimates;
}

void round_to_16_bits(AudioBuffer& audio) {
  for (auto& channel : audio.channels) {
    for (float& sample : channel)
      sample = std::clamp(std::nearbyint(sample * 32768.0F), -32768.0F, 32767.0F) / 32768.0F;
  }
}

void add(AudioBuffer& audio, const AudioBuffer& other) {
  for (std::size_t c = 0; c < audio.channels.size(); ++c) {
    for (std::size_t n = 0; n < audio.samples(); ++n) audio.channels[c][n] += other.channels[c][n];
  }
}

}  // namespace svsep
