#include "fuzz.hpp"
#include "media/ffmpeg_library.hpp"
#include "svsep/decoder.hpp"
#include "svsep/probe.hpp"
#include "svsep/stem_file.hpp"

#include <cmath>
#include <fcntl.h>

namespace {

using svsep::fuzz::expect_only_errors;
using svsep::fuzz::require;

constexpr std::size_t kMostValues = 1 << 20;  ///< of all channels together: what follows is more of the same
constexpr double kStartS = 2.5;               ///< far enough for a seek

void check(const svsep::Tags& tags) {
  for (const auto& [key, value] : tags.values) {
    for (const char letter : value) {
      const auto code = static_cast<unsigned char>(letter);
      require(code >= 0x20 || letter == '\n' || letter == '\t', "a tag has no control characters");
    }
  }
  require(!tags.cover || (tags.cover->width > 0 && tags.cover->height > 0), "a cover has a size");
}

void read(svsep::Decoder decoder) {
  const auto channels = static_cast<std::size_t>(decoder.channels());
  require(decoder.channels() > 0 && decoder.sample_rate_hz() > 0, "audio has channels and a rate");
  require(decoder.expected_samples().value_or(0) >= 0, "a length is not negative");
  check(decoder.tags());
  std::size_t values = 0;
  for (svsep::AudioBuffer block; values < kMostValues && decoder.read(block);) {
    require(block.channels.size() == channels && block.samples() > 0, "a block has all channels");
    for (const auto& channel : block.channels) {
      require(channel.size() == block.samples(), "channels are equally long");
      for (const float value : channel) require(std::isfinite(value), "samples are finite");
      values += channel.size();
    }
  }
}

/// The bytes through a pipe, which holds them all.
void read_pipe(std::string_view bytes) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
  const bool fits = ::write(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  ::close(ends[1]);
  if (fits) expect_only_errors([&] { read(svsep::Decoder("/proc/self/fd/" + std::to_string(ends[0]))); });
  ::close(ends[0]);
}

}  // namespace

/// A media file: what it says of itself, its audio from the start, from a later time and through a pipe, and
/// every stem of a stem file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const bool restrained = (svsep::restrain_ffmpeg(), true);
  const std::string_view bytes = svsep::fuzz::text_of(data, size);
  const svsep::fuzz::MemoryFile file(bytes);
  std::size_t streams = 0;
  expect_only_errors([&] { streams = svsep::probe(file.path()).audio_streams.size(); });
  expect_only_errors([&] { read(svsep::Decoder(file.path())); });
  if (streams == 0) return 0;
  expect_only_errors([&] { read(svsep::Decoder(file.path(), streams - 1, {.start_s = kStartS})); });
  read_pipe(bytes);
  for (std::size_t stem = 0; stem < (streams == svsep::kStemNames.size() ? streams : 1); ++stem) {
    expect_only_errors([&] { read(svsep::open_stem(file.path(), static_cast<svsep::Stem>(stem))); });
  }
  return 0;
}
