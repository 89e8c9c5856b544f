#include "dataset/cached_audio.hpp"
#include "dataset/content_hash.hpp"
#include "fuzz.hpp"

#include <cmath>
#include <cstring>

namespace {

using svsep::fuzz::require;

// Of a cache file's header, see dataset/cached_audio.cpp.
constexpr std::size_t kRateAt = 12;
constexpr std::size_t kContentAt = 16;
constexpr std::size_t kChecksumAt = 40;
constexpr std::size_t kHeaderBytes = 48;

/// Maps the file for the key that it states itself, and looks at every sample.
void read_cached(const std::string& bytes) {
  svsep::CacheKey key;
  std::memcpy(&key.sample_rate_hz, bytes.data() + kRateAt, sizeof key.sample_rate_hz);
  std::memcpy(&key.content, bytes.data() + kContentAt, sizeof key.content);
  const svsep::fuzz::MemoryFile file(bytes);
  const auto audio = svsep::map_cached_audio(file.path(), key);
  if (!audio) return;
  std::size_t values = 0;
  float sum = 0;
  for (const auto& channels : audio->parts) {
    require(channels.size() <= 2, "a part has two channels at most");
    for (const auto& channel : channels) {
      require(channel.size() == audio->samples, "all channels are equally long");
      for (const std::int16_t value : channel) sum += static_cast<float>(value);
      values += channel.size();
    }
  }
  require(std::isfinite(audio->scale) && std::isfinite(sum), "samples are finite");
  require(values == 0 || kHeaderBytes + 2 * values == bytes.size(), "the samples fill the file");
}

}  // namespace

/// A file of the cache of decoded audio, as it is and with its checksum made right; and the index of hashes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  svsep::fuzz::expect_only_errors([&] {
    std::string bytes(svsep::fuzz::text_of(data, size));
    const svsep::fuzz::MemoryFile file(bytes);
    svsep::HashIndex index(file.path());
    require(index.hash(file.path()) == svsep::hash_bytes(bytes), "a hash is that of the file");
    if (size < kHeaderBytes) return;
    read_cached(bytes);
    const std::uint64_t checksum = svsep::hash_bytes(std::string_view(bytes).substr(0, kChecksumAt));
    std::memcpy(bytes.data() + kChecksumAt, &checksum, sizeof checksum);
    read_cached(bytes);
  });
  return 0;
}
