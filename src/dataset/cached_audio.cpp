#include "dataset/cached_audio.hpp"

#include "core/atomic_file.hpp"
#include "dataset/content_hash.hpp"
#include "svsep/error.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <random>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>

namespace svsep {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "SVSEPPCM";
constexpr std::uint32_t kVersion = 1;
constexpr float kMaxInteger = 32767.0F;
constexpr std::size_t kBlockSamples = 1U << 14U;

struct Header {
  std::array<char, 8> magic{};
  std::uint32_t version = kVersion;
  std::int32_t sample_rate_hz = 0;
  std::uint64_t content = 0;
  std::uint64_t samples = 0;
  float scale = 1.0F;
  std::array<std::uint8_t, kPartCount> channels{};
  std::uint64_t checksum = 0;  ///< of all that is before it

  [[nodiscard]] std::uint64_t expected_checksum() const {
    std::array<char, sizeof(Header)> bytes{};
    std::memcpy(bytes.data(), this, bytes.size());
    return hash_bytes({bytes.data(), bytes.size() - sizeof checksum});
  }
  [[nodiscard]] std::size_t total_channels() const {
    std::size_t total = 0;
    for (const std::uint8_t count : channels) total += count;
    return total;
  }
};
static_assert(sizeof(Header) == 48 && std::is_trivially_copyable_v<Header>);

/// Whether the header is that of `key` and tells the truth about a file of `bytes`.
bool is_valid(const Header& header, const CacheKey& key, std::uintmax_t bytes) {
  if (std::string_view(header.magic.data(), header.magic.size()) != kMagic || header.version != kVersion ||
      header.checksum != header.expected_checksum() || header.content != key.content ||
      header.sample_rate_hz != key.sample_rate_hz || !std::isfinite(header.scale) || !(header.scale > 0) ||
      std::any_of(header.channels.begin(), header.channels.end(), [](auto count) { return count > 2; })) {
    return false;
  }
  const std::uintmax_t sample_bytes = bytes - sizeof(Header);
  const std::uintmax_t bytes_per_sample = header.total_channels() * sizeof(std::int16_t);
  if (bytes_per_sample == 0) return sample_bytes == 0;
  return sample_bytes % bytes_per_sample == 0 && sample_bytes / bytes_per_sample == header.samples;
}

struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  const int number;
};

[[noreturn]] void fail_to_write(const fs::path& path, int reason) {
  throw Error(ErrorKind::output, "cannot write the cache of decoded audio: " + path.string() + ": " +
                                     std::strerror(reason) + "; expected room for it, or another folder");
}

}  // namespace

bool CachedAudio::silent() const {
  return std::all_of(parts.begin(), parts.end(), [](const auto& channels) { return channels.empty(); });
}

std::optional<CachedAudio> map_cached_audio(const fs::path& path, const CacheKey& key) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number < 0) return std::nullopt;
  struct stat status {};
  if (::fstat(file.number, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  const auto bytes = static_cast<std::size_t>(status.st_size);
  Header header;
  if (bytes < sizeof header || ::pread(file.number, &header, sizeof header, 0) != sizeof header ||
      !is_valid(header, key, bytes)) {
    return std::nullopt;
  }
  CachedAudio audio;
  audio.samples = header.samples;
  audio.scale = header.scale;
  if (header.total_channels() == 0) return audio;
  void* const address = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file.number, 0);
  if (address == MAP_FAILED) {
    throw Error(ErrorKind::runtime,
                "cannot map the cache of decoded audio: " + path.string() + ": " + std::strerror(errno));
  }
  audio.memory = std::shared_ptr<const void>(address, [bytes](void* mapped) { ::munmap(mapped, bytes); });
  const auto* next =
      reinterpret_cast<const std::int16_t*>(static_cast<const char*>(address) + sizeof(Header));
  for (std::size_t part = 0; part < kPartCount; ++part) {
    for (std::uint8_t channel = 0; channel < header.channels[part]; ++channel) {
      audio.parts[part].emplace_back(next, audio.samples);
      next += audio.samples;
    }
  }
  return audio;
}

SampleSpool::SampleSpool(const fs::path& folder) : folder_(folder) {
  std::random_device random;
  const fs::path name = folder / fmt::format("{:08x}{:08x}.part", random(), random());
  const int descriptor = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) fail_to_write(folder, errno);
  ::unlink(name.c_str());
  file_.reset(::fdopen(descriptor, "w+b"));
  if (!file_) {
    const int reason = errno;
    ::close(descriptor);
    fail_to_write(folder, reason);
  }
}

void SampleSpool::append(std::span<const float> samples) {
  for (const float sample : samples) peak_ = std::max(peak_, std::abs(sample));
  samples_ += samples.size();
  if (std::fwrite(samples.data(), sizeof(float), samples.size(), file_.get()) != samples.size()) {
    fail_to_write(folder_, errno);
  }
}

void SampleSpool::read(const std::function<void(std::span<const float>)>& sink) {
  if (std::fflush(file_.get()) != 0) fail_to_write(folder_, errno);
  std::rewind(file_.get());
  std::vector<float> block(kBlockSamples);
  for (std::size_t left = samples_; left > 0;) {
    const std::size_t count = std::min(left, block.size());
    if (std::fread(block.data(), sizeof(float), count, file_.get()) != count) fail_to_write(folder_, errno);
    sink({block.data(), count});
    left -= count;
  }
}

namespace {

Header header_of(const CacheKey& key, const std::array<std::vector<SampleSpool>, kPartCount>& parts) {
  Header header;
  std::copy(kMagic.begin(), kMagic.end(), header.magic.begin());
  header.sample_rate_hz = key.sample_rate_hz;
  header.content = key.content;
  float peak = 0.0F;
  for (std::size_t part = 0; part < kPartCount; ++part) {
    float part_peak = 0.0F;
    for (const SampleSpool& channel : parts[part]) {
      header.samples = std::max<std::uint64_t>(header.samples, channel.samples());
      part_peak = std::max(part_peak, channel.peak());
    }
    if (!(part_peak > kSilentPeak)) continue;
    header.channels[part] = static_cast<std::uint8_t>(parts[part].size());
    peak = std::max(peak, part_peak);
  }
  if (peak > 0) header.scale = peak / kMaxInteger;
  header.checksum = header.expected_checksum();
  return header;
}

/// Gives the channel's samples to `write` as integers of the header's scale, then zeros up to its length.
void write_channel(SampleSpool& channel, const Header& header,
                   const std::function<void(const void* data, std::size_t bytes)>& write) {
  std::vector<std::int16_t> block;
  channel.read([&](std::span<const float> samples) {
    block.resize(samples.size());
    std::transform(samples.begin(), samples.end(), block.begin(), [&](float sample) {
      const float scaled = std::clamp(sample / header.scale, -kMaxInteger, kMaxInteger);
      return static_cast<std::int16_t>(std::lrint(scaled));
    });
    write(block.data(), block.size() * sizeof(std::int16_t));
  });
  for (std::uint64_t missing = header.samples - channel.samples(); missing > 0;) {
    block.assign(std::min<std::uint64_t>(missing, kBlockSamples), 0);
    write(block.data(), block.size() * sizeof(std::int16_t));
    missing -= block.size();
  }
}

}  // namespace

void write_cached_audio(const fs::path& path, const CacheKey& key,
                        std::array<std::vector<SampleSpool>, kPartCount>& parts) {
  const Header header = header_of(key, parts);
  AtomicFile atomic(path);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen(atomic.temporary_path().c_str(), "wb"), &std::fclose);
  if (!file) fail_to_write(path, errno);
  const auto write = [&](const void* data, std::size_t bytes) {
    if (std::fwrite(data, 1, bytes, file.get()) != bytes) fail_to_write(path, errno);
  };
  write(&header, sizeof header);
  for (std::size_t part = 0; part < kPartCount; ++part) {
    for (std::size_t c = 0; c < header.channels[part]; ++c) write_channel(parts[part][c], header, write);
  }
  if (std::fflush(file.get()) != 0) fail_to_write(path, errno);
  atomic.commit();
}

}  // namespace svsep
