#include "core/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <utf8.h>

namespace svsep {
namespace {

constexpr char kDelete = 0x7F;
constexpr double kMaxTimeS = 1e9;

bool is_c0(char letter) { return static_cast<unsigned char>(letter) < 0x20; }

/// A run of digits with at most one point; absent where it is anything else.
std::optional<double> parse_decimal(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  double value = 0.0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !(value <= kMaxTimeS)) return std::nullopt;
  return value;
}

}  // namespace

std::string one_line(std::string_view text) {
  constexpr unsigned char kC1Lead = 0xC2;  // of the two bytes; the second is 0x80..0x9F
  std::string line;
  line.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool c1 = static_cast<unsigned char>(text[i]) == kC1Lead && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) < 0xA0;
    line += c1 || is_c0(text[i]) || text[i] == kDelete ? '?' : text[i];
    if (c1) ++i;
  }
  return line;
}

std::string clean_text(std::string_view text) {
  const bool is_utf8 = utf8::is_valid(text.begin(), text.end());
  std::string cleaned;
  for (const char letter : text) {
    if ((is_c0(letter) && letter != '\n' && letter != '\t') || letter == kDelete) {
      cleaned += ' ';
    } else if (is_utf8) {
      cleaned += letter;
    } else {
      utf8::append(static_cast<unsigned char>(letter), std::back_inserter(cleaned));
    }
  }
  return cleaned;
}

std::string first_columns(const std::string& text, std::size_t columns) {
  constexpr char32_t kFirstWide = 0x2000;
  const std::string whole = utf8::replace_invalid(text);
  std::size_t used = 0;
  for (auto at = whole.begin(); at != whole.end();) {
    const auto begin = at;
    used += utf8::unchecked::next(at) >= kFirstWide ? 2 : 1;
    if (used > columns) return {whole.begin(), begin};
  }
  return whole;
}

std::string shortened(std::string text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  while (max_bytes > 0 && continues(max_bytes)) --max_bytes;
  text.resize(max_bytes);
  return text;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return lower;
}

std::string format_duration(double seconds) {
  const long long whole = std::llround(std::max(0.0, seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::optional<double> parse_time(std::string_view text) {
  constexpr int kMaxColons = 2;
  double total_s = 0.0;
  for (int colons = 0; colons <= kMaxColons; ++colons) {
    const std::size_t colon = text.find(':');
    const bool is_last = colon == std::string_view::npos;
    const std::string_view part = text.substr(0, colon);
    const auto value = parse_decimal(part);
    const bool is_whole = part.find('.') == std::string_view::npos;
    if (!value || (!is_last && !is_whole) || (colons > 0 && *value >= 60.0)) return std::nullopt;
    total_s = 60.0 * total_s + *value;
    if (is_last) return total_s;
    text.remove_prefix(colon + 1);
  }
  return std::nullopt;
}

}  // namespace svsep
