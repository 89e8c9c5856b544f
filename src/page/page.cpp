#include "page/page.hpp"

#include "core/atomic_file.hpp"
#include "core/text.hpp"
#include "media/image_file.hpp"
#include "page/page_assets.hpp"
#include "plot/canvas.hpp"
#include "plot/power_columns.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace svsep {
namespace {

using plot::PowerColumns;

constexpr int kWidth = 1200;
constexpr int kHeight = 160;
constexpr float kFloorDb = -80.0F;

/// The text with each "@KEY@" replaced by its value; values are not looked at again.
std::string filled(std::string_view text,
                   const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string result;
  while (!text.empty()) {
    const auto next = std::ranges::min(values, {}, [&](const auto& value) { return text.find(value.first); });
    const std::size_t at = text.find(next.first);
    result += text.substr(0, at);
    if (at == std::string_view::npos) break;
    result += next.second;
    text.remove_prefix(at + next.first.size());
  }
  return result;
}

std::string html_escaped(std::string_view text) {
  std::string result;
  for (const char character : text) {
    switch (character) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += character;
    }
  }
  return result;
}

/// A relative URL; names that are not UTF-8 keep their bytes.
std::string url_of(const std::filesystem::path& relative) {
  constexpr std::string_view kKept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string url;
  for (const char character : relative.generic_string()) {
    if (kKept.find(character) != std::string_view::npos) {
      url += character;
    } else {
      url += fmt::format("%{:02X}", static_cast<unsigned char>(character));
    }
  }
  return url;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k <= bytes.size() ? kDigits[group >> (18U - 6U * k) & 63U] : '=';
    }
  }
  return text;
}

/// The spectrogram alone, in dB below `loudest`.
Image picture(const PowerColumns& columns, float loudest) {
  Image image{kWidth, kHeight, std::vector<std::uint8_t>(std::size_t{3} * kWidth * kHeight)};
  for (int x = 0; x < kWidth; ++x) {
    const std::vector<float> powers = columns.pixels(x);
    for (std::size_t y = 0; y < powers.size(); ++y) {
      const float level = powers[y] > 0.0F ? 1.0F - 10.0F * std::log10(powers[y] / loudest) / kFloorDb : 0.0F;
      const plot::Colour colour = plot::magma(level);
      const std::array<std::uint8_t, 3> pixel = {colour.red, colour.green, colour.blue};
      std::ranges::copy(pixel, image.rgb.begin() + static_cast<std::ptrdiff_t>(
                                                       3 * (y * kWidth + static_cast<std::size_t>(x))));
    }
  }
  return image;
}

/// JSON that may stand in a script element.
std::string json_text(const nlohmann::json& value) {
  const std::string text = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return filled(text, {{"</", "<\\/"}, {"<!--", "<\\!--"}});
}

/// The whole page of a title and what stands below it.
std::string framed(const std::string& title, const std::string& body) {
  return filled(
      page_assets::kFrameHtml,
      {{"@TITLE@", html_escaped(title)}, {"@CSS@", std::string(page_assets::kPageCss)}, {"@BODY@", body}});
}

}  // namespace

struct SongPage::Impl {
  int sample_rate_hz;
  std::string title;
  std::vector<PageTrack> tracks;
  std::vector<std::unique_ptr<PowerColumns>> columns;
};

SongPage::SongPage(int sample_rate_hz, std::string title, std::vector<PageTrack> tracks)
    : impl_(std::make_unique<Impl>(Impl{sample_rate_hz, std::move(title), std::move(tracks), {}})) {
  for (std::size_t i = 0; i < impl_->tracks.size(); ++i) {
    impl_->columns.push_back(std::make_unique<PowerColumns>(sample_rate_hz, kWidth, kHeight));
  }
}
SongPage::~SongPage() = default;

void SongPage::push(std::size_t track, const AudioBuffer& block) { impl_->columns.at(track)->push(block); }

std::string SongPage::html() {
  Impl& self = *impl_;
  float loudest = 0.0F;
  std::size_t samples = 0;
  for (const auto& columns : self.columns) {
    columns->finish();
    loudest = std::max(loudest, columns->loudest());
    samples = std::max(samples, columns->samples());
  }
  nlohmann::json tracks = nlohmann::json::array();
  for (std::size_t i = 0; i < self.tracks.size(); ++i) {
    const PageTrack& track = self.tracks[i];
    const std::string png = png_bytes(picture(*self.columns[i], loudest));
    tracks.push_back({{"name", track.name},
                      {"file", url_of(track.file)},
                      {"muted", track.muted},
                      {"picture", "data:image/png;base64," + base64(png)}});
  }
  const nlohmann::json song = {{"duration", static_cast<double>(samples) / self.sample_rate_hz},
                               {"tracks", std::move(tracks)}};
  return framed(self.title, filled(page_assets::kPageHtml, {{"@SONG@", json_text(song)},
                                                            {"@JS@", std::string(page_assets::kPageJs)}}));
}

void write_overview_page(const std::filesystem::path& path, const std::string& title,
                         const std::vector<PageLink>& songs) {
  std::string items;
  for (const PageLink& song : songs) {
    items += fmt::format("<li><a href=\"{}\">{}</a><span>{}</span></li>\n", url_of(song.page),
                         html_escaped(song.name), format_duration(song.duration_s));
  }
  write_file(path, framed(title, filled(page_assets::kOverviewHtml, {{"@SONGS@", items}})));
}

}  // namespace svsep
