#include "media/comment_split.hpp"

#include "svsep/error.hpp"

#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <string_view>

namespace svsep::ffmpeg {
namespace {

constexpr char kDivider = '\x1f';  ///< of values; no tag holds it, see clean_text
constexpr std::size_t kCountBytes = 4;

std::size_t number_at(std::string_view bytes, std::size_t place) {
  std::size_t value = 0;
  for (std::size_t i = kCountBytes; i-- > 0;)
    value = value << 8U | static_cast<unsigned char>(bytes.at(place + i));
  return value;
}

std::string number(std::size_t value) {
  std::string bytes;
  for (std::size_t i = 0; i < kCountBytes; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  return bytes;
}

std::string comment(std::string_view key, std::string_view value) {
  return fmt::format("{}{}={}", number(key.size() + 1 + value.size()), key, value);
}

/// The comments that a placeholder stands for, or the comment itself.
std::string split(std::string_view text, std::size_t& count) {
  const std::size_t equals = text.find('=');
  const std::size_t end = text.find_last_not_of(kDivider) + 1;
  std::string comments;
  for (std::size_t begin = equals + 1; equals != std::string_view::npos && begin < end; ++count) {
    const std::size_t next = std::min(text.find(kDivider, begin), end);
    comments += comment(text.substr(0, equals), text.substr(begin, next - begin));
    begin = next + 1;
  }
  if (!comments.empty()) return comments;
  ++count;
  return number(text.size()) + std::string(text);
}

/// Throws std::out_of_range where the block ends too early.
std::string split_block(std::string_view block) {
  const std::size_t writer_bytes = kCountBytes + number_at(block, 0);
  std::size_t place = writer_bytes + kCountBytes;
  std::size_t count = 0;
  std::string comments;
  for (std::size_t i = number_at(block, writer_bytes); i > 0; --i) {
    const std::size_t size = number_at(block, place);
    comments += split(block.substr(place + kCountBytes, size), count);
    place += kCountBytes + size;
  }
  return std::string(block.substr(0, writer_bytes)) + number(count) + comments +
         std::string(block.substr(place));
}

}  // namespace

std::string placeholder_of(const std::string& key, const std::vector<std::string>& values) {
  const std::size_t further = values.size() - 1;
  return fmt::format("{}", fmt::join(values, std::string_view(&kDivider, 1))) +
         std::string(further * (kCountBytes + key.size()), kDivider);
}

void split_comments(const std::filesystem::path& path) {
  constexpr std::size_t kHeadBytes = 4;
  constexpr unsigned kCommentBlock = 4;
  constexpr unsigned kLastBlock = 0x80;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::streamoff place = kHeadBytes;  // behind "fLaC"
  for (unsigned type = 0; (type & kLastBlock) == 0;) {
    std::string head(kHeadBytes, '\0');
    file.seekg(place);
    if (!file.read(head.data(), kHeadBytes)) break;
    type = static_cast<unsigned char>(head[0]);
    std::string block(number_at(std::string{head[3], head[2], head[1], '\0'}, 0), '\0');
    place += kHeadBytes;
    if ((type & ~kLastBlock) == kCommentBlock) {
      file.read(block.data(), static_cast<std::streamsize>(block.size()));
      const std::string comments = split_block(block);
      file.seekp(place);
      if (comments.size() == block.size() &&
          file.write(comments.data(), static_cast<std::streamsize>(comments.size())).flush())
        return;
      break;
    }
    place += static_cast<std::streamoff>(block.size());
  }
  throw Error(ErrorKind::output,
              "cannot write: " + path.string() + ": no place for the tags' several values");
}

}  // namespace svsep::ffmpeg
