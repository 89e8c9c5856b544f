#include "media/several_values.hpp"

#include "core/text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <optional>
#include <string_view>
#include <utf8.h>
#include <utility>

namespace svsep::ffmpeg {
namespace {

using Names = std::pair<std::string_view, std::string_view>;

constexpr std::size_t kMaxBytes = 32 << 20;  ///< of comments, which may hold a cover
constexpr std::size_t kMaxFrameBytes = 1 << 20;

/// Vorbis comments and ID3 frames, and FFmpeg's names for them.
constexpr auto kCommentNames = std::to_array<Names>({{"albumartist", "album_artist"},
                                                     {"tracknumber", "track"},
                                                     {"discnumber", "disc"},
                                                     {"description", "comment"}});
constexpr auto kFrameNames = std::to_array<Names>({{"TPE1", "artist"},
                                                   {"TPE2", "album_artist"},
                                                   {"TPE4", "remixer"},
                                                   {"TCOM", "composer"},
                                                   {"TCON", "genre"},
                                                   {"TEXT", "lyricist"},
                                                   {"TOPE", "originalartist"},
                                                   {"TPUB", "publisher"},
                                                   {"TMOO", "mood"},
                                                   {"TLAN", "language"}});

template <std::size_t N>
std::string_view name_among(const std::array<Names, N>& names, std::string_view wanted) {
  for (const auto& [theirs, ours] : names) {
    if (theirs == wanted) return ours;
  }
  return wanted;
}

/// Bytes of a file from where it stands; fewer at its end.
std::string read_bytes(std::istream& file, std::size_t count) {
  std::string bytes(count, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

std::size_t byte_at(std::string_view bytes, std::size_t place) {
  return place < bytes.size() ? static_cast<unsigned char>(bytes[place]) : 0U;
}

std::size_t big_endian(std::string_view bytes, std::size_t place, std::size_t count, unsigned bits = 8) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << bits | byte_at(bytes, place + i);
  return value;
}

/// Takes so many bytes off the front, after their count in four bytes; nothing where they are not there.
std::optional<std::string_view> take_text(std::string_view& bytes) {
  if (bytes.size() < 4) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = 4; i-- > 0;) size = size << 8U | byte_at(bytes, i);
  if (size > bytes.size() - 4) return std::nullopt;
  const std::string_view text = bytes.substr(4, size);
  bytes.remove_prefix(4 + size);
  return text;
}

/// A Vorbis comment block: who wrote it, how many comments, NAME=value each.
void add_comments(std::string_view block, SeveralValues& values) {
  if (!take_text(block) || block.size() < 4) return;
  block.remove_prefix(4);
  while (const auto comment = take_text(block)) {
    const std::size_t equals = comment->find('=');
    if (equals == std::string_view::npos || equals + 1 == comment->size()) continue;
    const std::string small = lower_case(comment->substr(0, equals));
    values[std::string(name_among(kCommentNames, small))].push_back(clean_text(comment->substr(equals + 1)));
  }
}

void read_flac(std::istream& file, SeveralValues& values) {
  constexpr std::size_t kLastBlock = 0x80;
  constexpr std::size_t kCommentBlock = 4;
  for (std::size_t type = 0; (type & kLastBlock) == 0;) {
    const std::string head = read_bytes(file, 4);
    if (head.size() < 4) return;
    type = byte_at(head, 0);
    const std::size_t size = big_endian(head, 1, 3);
    if ((type & ~kLastBlock) == kCommentBlock) return add_comments(read_bytes(file, size), values);
    file.seekg(static_cast<std::streamoff>(size), std::ios::cur);
  }
}

/// The second packet of the first stream is its comments.
void read_ogg(std::istream& file, SeveralValues& values) {
  constexpr std::size_t kHeadBytes = 27;
  std::string packet;
  std::string serial;
  std::size_t packets = 0;
  for (std::size_t read = 0; read < kMaxBytes;) {
    const std::string head = read_bytes(file, kHeadBytes);
    if (head.size() < kHeadBytes || !head.starts_with("OggS")) return;
    const std::string lacing = read_bytes(file, byte_at(head, kHeadBytes - 1));
    if (serial.empty()) serial = head.substr(14, 4);
    for (std::size_t i = 0; i < lacing.size(); ++i) {
      const std::size_t size = byte_at(lacing, i);
      const std::string segment = read_bytes(file, size);
      read += size;
      if (head.substr(14, 4) != serial) continue;
      if (packets == 1) packet += segment;
      if (size < 255) ++packets;  // where a packet ends
      if (packets < 2) continue;
      for (const std::string_view mark : {"\x03vorbis", "OpusTags"}) {
        if (packet.starts_with(mark)) add_comments(std::string_view(packet).substr(mark.size()), values);
      }
      return;
    }
  }
}

std::vector<std::string> divided(std::string_view text) {
  std::vector<std::string> values;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    if (end > begin) values.push_back(clean_text(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return values;
}

/// UTF-16 as UTF-8, without byte-order marks.
std::string utf8_of_utf16(std::string_view bytes, bool is_big_endian) {
  std::u16string units;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
    const std::size_t first = byte_at(bytes, i);
    const std::size_t second = byte_at(bytes, i + 1);
    const auto unit = static_cast<char16_t>(is_big_endian ? first << 8U | second : second << 8U | first);
    if (unit == 0xFFFE) is_big_endian = !is_big_endian;
    if (unit != 0xFFFE && unit != 0xFEFF) units.push_back(unit);
  }
  std::string text;
  try {
    utf8::utf16to8(units.begin(), units.end(), std::back_inserter(text));
  } catch (const utf8::exception&) {
    return {};
  }
  return text;
}

void add_frame(const std::string& id, std::string_view body, SeveralValues& values) {
  constexpr std::size_t kUtf16 = 1;
  constexpr std::size_t kUtf16BigEndian = 2;
  const std::size_t encoding = byte_at(body, 0);
  const std::string_view coded = body.substr(std::min<std::size_t>(1, body.size()));
  const bool is_wide = encoding == kUtf16 || encoding == kUtf16BigEndian;
  std::vector<std::string> texts =
      divided(is_wide ? utf8_of_utf16(coded, encoding == kUtf16BigEndian) : std::string(coded));
  std::string name = lower_case(name_among(kFrameNames, id));
  if (id == "TXXX" && !texts.empty()) {  // a field of the writer's own, whose name is its first text
    name = lower_case(texts.front());
    texts.erase(texts.begin());
  }
  values[name] = std::move(texts);
}

void read_id3(std::istream& file, SeveralValues& values) {
  constexpr std::size_t kHeadBytes = 10;
  const std::string head = read_bytes(file, kHeadBytes - 4);  // behind "ID3" and the version
  const std::size_t flags = byte_at(head, 1);
  file.seekg(3);
  const std::size_t version = byte_at(read_bytes(file, 1), 0);
  if (head.size() < kHeadBytes - 4 || version < 3 || version > 4 || flags != 0) return;  // nothing unusual
  const std::size_t end = kHeadBytes + big_endian(head, 2, 4, 7);
  for (std::size_t place = kHeadBytes; place + kHeadBytes < end;) {
    file.seekg(static_cast<std::streamoff>(place));
    const std::string frame = read_bytes(file, kHeadBytes);
    if (frame.size() < kHeadBytes || frame[0] == '\0') return;
    const std::size_t size = big_endian(frame, 4, 4, version == 4 ? 7 : 8);
    const bool is_plain = byte_at(frame, 9) == 0;
    if (frame[0] == 'T' && is_plain && size <= kMaxFrameBytes)
      add_frame(frame.substr(0, 4), read_bytes(file, size), values);
    place += kHeadBytes + size;
  }
}

}  // namespace

SeveralValues several_values(const std::filesystem::path& path) {
  std::error_code code;
  SeveralValues values;
  if (!std::filesystem::is_regular_file(path, code)) return values;
  std::ifstream file(path, std::ios::binary);
  const std::string mark = read_bytes(file, 4);
  if (mark == "fLaC") {
    read_flac(file, values);
  } else if (mark == "OggS") {
    file.seekg(0);
    read_ogg(file, values);
  } else if (mark.starts_with("ID3")) {
    read_id3(file, values);
  }
  std::erase_if(values, [](const auto& field) { return field.second.size() < 2; });
  return values;
}

std::string joined_values(const std::vector<std::string>& values) {
  return fmt::format("{}", fmt::join(values, ";"));
}

}  // namespace svsep::ffmpeg
