#include "dataset/audio_cache.hpp"

#include "core/log.hpp"
#include "core/rng.hpp"
#include "dsp/resampler.hpp"
#include "svsep/cancellation.hpp"
#include "svsep/decoder.hpp"
#include "svsep/error.hpp"
#include "svsep/probe.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace svsep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxChannels = 2;
/// Whoever still writes has touched its file since.
constexpr std::chrono::hours kStale{1};
constexpr std::chrono::milliseconds kLockPoll{100};
/// Where a container claims no duration: as if it were of so many bytes per second (64 kbit/s).
constexpr double kBytesPerSecond = 8000.0;

fs::path default_folder() {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  if (const fs::path cache = variable("XDG_CACHE_HOME"); cache.is_absolute()) return cache / "svsep";
  if (const fs::path home = variable("HOME"); !home.empty()) return home / ".cache" / "svsep";
  throw Error(ErrorKind::usage,
              "no folder for the cache of decoded audio: neither HOME nor XDG_CACHE_HOME is set; expected "
              "--cache-dir");
}

[[noreturn]] void fail(const fs::path& path, const std::string& reason) {
  throw Error(ErrorKind::output, "cannot write the cache of decoded audio: " + path.string() + ": " + reason);
}

Decoder open(const Source& source) {
  return source.stem ? open_stem(source.path, *source.stem) : Decoder(source.path);
}

/// Adds the channels above two to both sides, at half their amplitude.
void mix_down(AudioBuffer& block) {
  while (block.channels.size() > kMaxChannels) {
    for (std::size_t side = 0; side < kMaxChannels; ++side) {
      std::transform(block.channels[side].begin(), block.channels[side].end(), block.channels.back().begin(),
                     block.channels[side].begin(), [](float a, float b) { return a + 0.5F * b; });
    }
    block.channels.pop_back();
  }
}

}  // namespace

AudioCache::AudioCache(fs::path folder, int sample_rate_hz)
    : folder_(folder.empty() ? default_folder() : std::move(folder)),
      sample_rate_hz_(sample_rate_hz),
      index_(folder_ / "index") {}

CacheKey AudioCache::key(const Item& item) {
  CacheKey key{0, sample_rate_hz_};
  for (const Source& source : item.sources) {
    const std::uint64_t stream = source.stem ? 1 + static_cast<std::uint64_t>(*source.stem) : 0;
    key.content =
        Rng({key.content, static_cast<std::uint64_t>(source.part), stream, index_.hash(source.path)})();
  }
  return key;
}

void AudioCache::save_index() {
  try {
    index_.save();
  } catch (const Error& error) {
    logger().debug("{}", error.what());  // the next run reads the files again
  }
}

fs::path AudioCache::path_of(const CacheKey& key) const {
  return folder_ / fmt::format("{:016x}-{}.pcm", key.content, key.sample_rate_hz);
}

std::optional<CachedAudio> AudioCache::find(const CacheKey& key) const {
  return map_cached_audio(path_of(key), key);
}

Claim AudioCache::probe_item(const Item& item) const {
  Claim claim;
  std::optional<MediaInfo> info;
  fs::path probed;
  for (const Source& source : item.sources) {
    if (!info || probed != source.path) info = probe(probed = source.path);
    if (source.stem && info->audio_streams.size() != kStemNames.size()) {
      static_cast<void>(open_stem(source.path, *source.stem));  // says what is wrong
    }
    const AudioStreamInfo& stream =
        info->audio_streams[source.stem ? static_cast<std::size_t>(*source.stem) : 0];
    const double duration_s =
        stream.duration_s.value_or(static_cast<double>(fs::file_size(source.path)) / kBytesPerSecond);
    const auto channels = std::clamp<std::size_t>(static_cast<std::size_t>(stream.channels), 1, kMaxChannels);
    const auto samples = static_cast<std::uintmax_t>(std::max(0.0, duration_s) * sample_rate_hz_) * channels;
    claim.duration_s = std::max(claim.duration_s, duration_s);
    claim.stream_s += duration_s;
    claim.bytes += samples * sizeof(std::int16_t);
    claim.spool_bytes += samples * sizeof(float);
  }
  return claim;
}

std::shared_ptr<const int> AudioCache::lock() const {
  std::error_code code;
  fs::create_directories(folder_, code);
  if (code) fail(folder_, code.message());
  const fs::path path = folder_ / "lock";
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(path, std::strerror(errno));
  std::shared_ptr<const int> handle(new int(descriptor), [](const int* opened) {
    ::close(*opened);
    delete opened;
  });
  for (bool said = false; ::flock(descriptor, LOCK_EX | LOCK_NB) != 0;) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;
    throw_if_cancelled();
    if (!std::exchange(said, true))
      logger().info("waiting for another run that decodes into {}", folder_.string());
    std::this_thread::sleep_for(kLockPoll);
  }
  remove_leftovers();
  return handle;
}

void AudioCache::remove_leftovers() const {
  std::error_code code;
  const fs::file_time_type oldest = fs::file_time_type::clock::now() - kStale;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, code)) {
    if (entry.path().extension() != ".part" || !entry.is_regular_file(code)) continue;
    const fs::file_time_type modified = entry.last_write_time(code);
    if (!code && modified < oldest) fs::remove(entry.path(), code);
  }
}

void AudioCache::require_space(std::uintmax_t bytes) const {
  std::error_code code;
  const fs::space_info space = fs::space(folder_, code);
  if (code || space.available >= bytes) return;
  constexpr double kGigabyte = 1e9;
  fail(folder_,
       fmt::format("not enough space; expected {:.2f} GB, got {:.2f} GB",
                   static_cast<double>(bytes) / kGigabyte, static_cast<double>(space.available) / kGigabyte));
}

CachedAudio AudioCache::decode(const Item& item, const CacheKey& key,
                               const std::function<void(double)>& on_decoded) const {
  std::array<std::vector<SampleSpool>, kPartCount> parts;
  for (const Source& source : item.sources) {
    Decoder decoder = open(source);
    std::vector<SampleSpool>& channels = parts[static_cast<std::size_t>(source.part)];
    std::vector<Resampler> resamplers;
    const std::size_t count = std::min(static_cast<std::size_t>(decoder.channels()), kMaxChannels);
    for (std::size_t c = 0; c < count; ++c) channels.emplace_back(folder_);
    for (SampleSpool& channel : channels) {
      resamplers.emplace_back(decoder.sample_rate_hz(), sample_rate_hz_,
                              [&channel](std::span<const float> samples) { channel.append(samples); });
    }
    for (AudioBuffer block; decoder.read(block);) {
      mix_down(block);
      for (std::size_t c = 0; c < count; ++c) resamplers[c].push(block.channels[c]);
      on_decoded(static_cast<double>(block.samples()) / decoder.sample_rate_hz());
    }
    for (Resampler& resampler : resamplers) resampler.finish();
    log_warnings(source.path, decoder.report());
  }
  write_cached_audio(path_of(key), key, parts);
  std::optional<CachedAudio> audio = find(key);
  if (!audio) fail(path_of(key), "what was written is not what is read back");
  return *std::move(audio);
}

}  // namespace svsep
