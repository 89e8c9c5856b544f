#include "media/declared_end.hpp"

#include "media/pipe.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace svsep::ffmpeg {
namespace {

/// Delay and padding of lossy codecs that may count as length, and rounded durations.
constexpr double kToleranceS = 0.15;
constexpr auto kCounted = std::to_array<std::string_view>({"flac", "wv", "tta"});
/// Whoever writes a WAV file into a pipe knows no size: these and higher ones stand for it.
constexpr std::uint64_t kMinUnknownBytes = 0x7FFFF000;
constexpr std::size_t kOggTailBytes = 1 << 17;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

std::uint64_t little_endian(std::string_view bytes) {
  return big_endian(std::string(bytes.rbegin(), bytes.rend()));
}

/// Random access to a regular file; reads nothing behind its end.
class Bytes {
 public:
  explicit Bytes(const std::filesystem::path& path) {
    std::error_code code;
    if (!std::filesystem::is_regular_file(path, code))
      return;  // opening a named pipe would wait for a writer
    size_ = std::filesystem::file_size(path, code);
    if (code) size_ = 0;
    file_.open(path, std::ios::binary);
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  std::string read(std::uint64_t place, std::size_t count) {
    std::string bytes(count, '\0');
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(place));
    file_.read(bytes.data(), static_cast<std::streamsize>(count));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file_.gcount(), 0)));
    return bytes;
  }

 private:
  std::ifstream file_;
  std::uint64_t size_ = 0;
};

/// The value of an EBML number and how many bytes it takes; all ones: unknown.
std::optional<std::pair<std::uint64_t, std::size_t>> ebml_number(std::string_view bytes, bool keeps_mark) {
  if (bytes.empty() || bytes.front() == '\0') return std::nullopt;
  std::size_t length = 1;
  for (unsigned mark = 0x80; (static_cast<unsigned char>(bytes.front()) & mark) == 0; mark >>= 1U) ++length;
  if (bytes.size() < length) return std::nullopt;
  const std::uint64_t mask = (std::uint64_t{1} << (7 * length)) - 1;
  const std::uint64_t value = big_endian(bytes.substr(0, length));
  return std::pair{keeps_mark ? value : value & mask, length};
}

/// Where the Segment of a Matroska file ends; 0 where it does not say.
std::uint64_t matroska_end(Bytes& bytes) {
  constexpr std::uint64_t kSegment = 0x18538067;
  std::uint64_t place = 0;
  for (int elements = 0; elements < 8; ++elements) {
    const std::string head = bytes.read(place, 16);
    const auto id = ebml_number(head, true);
    if (!id) return 0;
    const auto size = ebml_number(std::string_view(head).substr(id->second), false);
    if (!size || size->first == (std::uint64_t{1} << (7 * size->second)) - 1) return 0;
    const std::uint64_t end = place + id->second + size->second + size->first;
    if (id->first == kSegment) return end;
    place = end;
  }
  return 0;
}

/// Where the last of the boxes or chunks that follow one another ends.
std::uint64_t boxes_end(Bytes& bytes, bool is_caf) {
  constexpr std::uint64_t kCafHeaderBytes = 8;
  constexpr std::uint64_t kCafUnknown = ~std::uint64_t{0};
  std::uint64_t place = is_caf ? kCafHeaderBytes : 0;
  for (int count = 0; count < 1 << 16 && place + 8 <= bytes.size(); ++count) {
    const std::string head = bytes.read(place, 16);
    std::uint64_t length = 0;
    if (is_caf) {
      length = head.size() < 12 ? 0 : big_endian(std::string_view(head).substr(4, 8));
      if (length == kCafUnknown) return 0;
      length += 12;
    } else {
      length = big_endian(std::string_view(head).substr(0, 4));
      if (length == 1 && head.size() == 16) length = big_endian(std::string_view(head).substr(8, 8));
    }
    if (length < 8) return 0;  // to the end of the file, or nonsense
    place += length;
  }
  return place;
}

/// Where the container says that the file ends; 0 where it does not.
std::uint64_t container_end(std::string_view container, Bytes& bytes) {
  if (container == "matroska,webm") return matroska_end(bytes);
  if (container == "caf") return boxes_end(bytes, true);
  if (container.starts_with("mov,")) return boxes_end(bytes, false);
  const std::string head = bytes.read(0, 12);
  if (head.size() < 12) return 0;
  if (container == "avi") return 8 + little_endian(std::string_view(head).substr(4, 4));
  if (container == "aiff") return 8 + big_endian(std::string_view(head).substr(4, 4));
  return 0;
}

/// Whether the last page of an Ogg file is whole and ends its stream.
bool has_last_page(Bytes& bytes) {
  const std::uint64_t begin = bytes.size() - std::min<std::uint64_t>(bytes.size(), kOggTailBytes);
  const std::string tail = bytes.read(begin, kOggTailBytes);
  const std::size_t page = tail.rfind("OggS");
  constexpr std::size_t kHeaderBytes = 27;
  constexpr unsigned kEndsStream = 4;
  if (page == std::string::npos || page + kHeaderBytes > tail.size()) return false;
  const auto at = [&](std::size_t place) { return static_cast<unsigned char>(tail[page + place]); };
  std::size_t length = kHeaderBytes + at(26);
  if (page + length > tail.size()) return false;
  for (std::size_t segment = 0; segment < at(26); ++segment) length += at(kHeaderBytes + segment);
  return page + length <= tail.size() && (at(5) & kEndsStream) != 0;
}

/// What the data chunk of a WAV or W64 file of PCM declares: libavformat cuts it to what is there.
std::optional<double> data_chunk_s(const FrameReader& reader, bool is_w64) {
  const AVCodecParameters& form = *reader.stream().codecpar;
  const double bytes_per_s = static_cast<double>(form.block_align) * form.sample_rate;
  Bytes bytes(reader.path() == "-" ? "/dev/stdin" : reader.path());
  if (bytes_per_s <= 0 || av_get_exact_bits_per_sample(form.codec_id) < 8) return std::nullopt;
  const std::uint64_t head_bytes = is_w64 ? 24 : 8;
  std::uint64_t place = is_w64 ? 40 : 12;
  for (int chunks = 0; chunks < 256 && place + head_bytes <= bytes.size(); ++chunks) {
    const std::string head = bytes.read(place, head_bytes);
    if (head.size() < head_bytes) break;
    std::uint64_t size = little_endian(std::string_view(head).substr(is_w64 ? 16 : 4, is_w64 ? 8 : 4));
    if (is_w64 && size < head_bytes) break;
    if (is_w64) size -= head_bytes;
    if (head.starts_with("data")) {
      const bool is_known = size > 0 && (is_w64 ? size < 1ULL << 50 : size < kMinUnknownBytes);
      return is_known ? std::optional(static_cast<double>(size) / bytes_per_s) : std::nullopt;
    }
    place += head_bytes + (is_w64 ? (size + 7) / 8 * 8 : size + size % 2);
  }
  return std::nullopt;
}

bool has_film(const AVFormatContext& input) {
  for (unsigned i = 0; i < input.nb_streams; ++i) {
    const AVStream& stream = *input.streams[i];
    const bool is_picture = (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_picture) return true;
  }
  return false;
}

/// Matroska's tag with the end of a track: "00:00:10.023000000".
std::optional<double> tagged_end_s(const AVStream& stream) {
  const AVDictionaryEntry* entry = av_dict_get(stream.metadata, "DURATION", nullptr, 0);
  int hours = 0;
  int minutes = 0;
  double seconds = 0.0;
  if (entry == nullptr || std::sscanf(entry->value, "%d:%d:%lf", &hours, &minutes, &seconds) != 3) return {};
  return 3600.0 * hours + 60.0 * minutes + seconds;
}

/// Whether the declared length is that of the samples, to the sample.
bool counts_samples(const FrameReader& reader) {
  const std::string_view name = reader.input().iformat->name;
  return std::find(kCounted.begin(), kCounted.end(), name) != kCounted.end() ||
         av_get_exact_bits_per_sample(reader.stream().codecpar->codec_id) >= 8;  // PCM
}

}  // namespace

std::optional<double> declared_length_s(const FrameReader& reader) {
  const AVFormatContext& input = reader.input();
  const AVStream& stream = reader.stream();
  const double tick_s = av_q2d(stream.time_base);
  const std::string_view container = input.iformat->name;
  if (container == "caf" && stream.nb_frames > 0 && stream.duration <= 0) {
    return static_cast<double>(stream.nb_frames) / reader.rate_hz();
  }
  const bool is_file = input.pb == nullptr || !is_pipe(*input.pb);  // a pipe cannot be opened again
  if ((container == "wav" || container == "w64") && is_file) {
    if (const auto length_s = data_chunk_s(reader, container == "w64")) return length_s;
  }
  if ((container == "asf" || container == "flv") && !has_film(input) && input.duration > 0) {
    return static_cast<double>(input.duration) / AV_TIME_BASE;
  }
  if (input.duration_estimation_method != AVFMT_DURATION_FROM_STREAM) return std::nullopt;
  if (container == "matroska,webm") {
    const double start_s =
        reader.first().pts == AV_NOPTS_VALUE ? 0.0 : static_cast<double>(reader.first().pts) * tick_s;
    if (const auto end_s = tagged_end_s(stream)) return *end_s - start_s;
    if (has_film(input) || input.duration <= 0) return std::nullopt;
    return static_cast<double>(input.duration) / AV_TIME_BASE - std::max(start_s, 0.0);
  }
  if (stream.duration <= 0) return std::nullopt;
  const double length_s = static_cast<double>(stream.duration) * tick_s;
  const double bytes = length_s * reader.stream().codecpar->sample_rate * stream.codecpar->block_align;
  if (container == "wav" && bytes >= static_cast<double>(kMinUnknownBytes) && bytes < 4.4e9)
    return std::nullopt;
  return length_s;
}

bool is_cut_off(const FrameReader& reader, std::int64_t samples) {
  const AVFormatContext& input = reader.input();
  const double found_s = static_cast<double>(samples) / reader.rate_hz();
  const double tolerance_s = counts_samples(reader) ? 0.5 / reader.rate_hz() : kToleranceS;
  if (const auto length_s = declared_length_s(reader); length_s && found_s < *length_s - tolerance_s)
    return true;
  if (reader.breaks_off()) return true;
  if (input.pb != nullptr && is_pipe(*input.pb)) return false;
  Bytes bytes(reader.path() == "-" ? "/dev/stdin" : reader.path());
  if (bytes.size() == 0) return false;
  if (std::string_view(input.iformat->name) == "ogg") return !has_last_page(bytes);
  return container_end(input.iformat->name, bytes) > bytes.size();
}

}  // namespace svsep::ffmpeg
