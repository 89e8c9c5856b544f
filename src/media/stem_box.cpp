#include "media/stem_box.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <fstream>
#include <optional>

namespace svsep::ffmpeg {
namespace {

constexpr std::size_t kHeadBytes = 8;
/// Of the placeholder: its header, and that of the box "data" in it.
constexpr std::size_t kTextAt = 8 + 16;
/// The meta box has a version before its boxes.
constexpr std::size_t kMetaHeadBytes = 12;
constexpr std::string_view kPlaceholderType = "ldes";
constexpr std::array<std::string_view, 4> kColours = {"#009E73", "#D55E00", "#CC79A7", "#56B4E9"};

std::uint32_t number_at(std::string_view bytes, std::size_t place) {
  std::uint32_t value = 0;
  for (const char byte : bytes.substr(place, 4)) value = value << 8U | static_cast<unsigned char>(byte);
  return value;
}

void put_number(std::string& bytes, std::size_t place, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[place + i] = static_cast<char>(value >> (24 - 8 * i) & 0xFFU);
}

struct Box {
  std::size_t begin;  ///< in the bytes that hold it
  std::size_t size;   ///< with its header
};

/// The first box of that type among those in [begin, end).
std::optional<Box> find_box(std::string_view bytes, std::size_t begin, std::size_t end,
                            std::string_view type) {
  while (begin + kHeadBytes <= end) {
    const std::size_t size = number_at(bytes, begin);
    if (size < kHeadBytes || begin + size > end) return std::nullopt;
    if (bytes.substr(begin + 4, 4) == type) return Box{begin, size};
    begin += size;
  }
  return std::nullopt;
}

/// Moves the placeholder to the end of udta; false where it is not there.
bool rearrange(std::string& moov) {
  const auto udta = find_box(moov, kHeadBytes, moov.size(), "udta");
  if (!udta) return false;
  const auto meta = find_box(moov, udta->begin + kHeadBytes, udta->begin + udta->size, "meta");
  if (!meta) return false;
  const std::size_t meta_end = meta->begin + meta->size;
  const auto list = find_box(moov, meta->begin + kMetaHeadBytes, meta_end, "ilst");
  if (!list) return false;
  const std::size_t list_end = list->begin + list->size;
  const auto text = find_box(moov, list->begin + kHeadBytes, list_end, kPlaceholderType);
  if (!text || text->size < kTextAt) return false;

  std::string box(text->size, ' ');
  put_number(box, 0, static_cast<std::uint32_t>(text->size));
  box.replace(4, 4, "stem");
  box.replace(kHeadBytes, text->size - kTextAt, moov.substr(text->begin + kTextAt, text->size - kTextAt));
  put_number(moov, list->begin, static_cast<std::uint32_t>(list->size - text->size));
  put_number(moov, meta->begin, static_cast<std::uint32_t>(meta->size - text->size));
  const std::size_t udta_end = udta->begin + udta->size;
  const std::string behind = moov.substr(text->begin + text->size, udta_end - text->begin - text->size);
  moov.replace(text->begin, behind.size(), behind);
  moov.replace(text->begin + behind.size(), box.size(), box);
  return true;
}

}  // namespace

std::string stem_description(std::span<const std::string_view> names) {
  std::string stems;
  for (std::size_t i = 0; i < names.size(); ++i) {
    stems += fmt::format(R"({}{{"name":"{}","color":"{}"}})", i == 0 ? "" : ",", names[i],
                         kColours.at(i % kColours.size()));
  }
  return R"({"mastering_dsp":{"compressor":{"enabled":false,"ratio":3,"output_gain":0.5,"release":0.3,)"
         R"("attack":0.003,"input_gain":0.5,"threshold":0,"hp_cutoff":300,"dry_wet":50},)"
         R"("limiter":{"enabled":false,"release":0.05,"threshold":0,"ceiling":-0.35}},"version":1,"stems":[)" +
         stems + "]}";
}

void move_stem_box(const std::filesystem::path& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto fail = [&] {
    throw Error(ErrorKind::output,
                "cannot write: " + path.string() + ": no place for the stems' description");
  };
  std::string head(kHeadBytes, '\0');
  std::streamoff place = 0;
  while (file.seekg(place) && file.read(head.data(), static_cast<std::streamsize>(head.size()))) {
    const std::size_t size = number_at(head, 0);
    if (head.substr(4) != "moov") {
      if (size < kHeadBytes) break;
      place += static_cast<std::streamoff>(size);
      continue;
    }
    std::string moov(size, '\0');
    file.seekg(place);
    if (!file.read(moov.data(), static_cast<std::streamsize>(size)) || !rearrange(moov)) fail();
    file.seekp(place);
    if (!file.write(moov.data(), static_cast<std::streamsize>(size)).flush()) fail();
    return;
  }
  fail();
}

}  // namespace svsep::ffmpeg
