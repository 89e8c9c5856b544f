#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace svsep {

/// The text with '?' for every control character (C0, DEL, C1 in UTF-8), so that a file's name or a tag can
/// neither begin a line nor steer the terminal. Bytes that are not UTF-8 stay.
[[nodiscard]] std::string one_line(std::string_view text);

/// Valid UTF-8 whose control characters (but line feeds and tabs) are spaces. Text that is not UTF-8 is taken
/// as Latin-1, as old ID3 and RIFF tags are.
[[nodiscard]] std::string clean_text(std::string_view text);

/// The text's beginning that fits into so many terminal columns. East Asian letters and symbols take two.
[[nodiscard]] std::string first_columns(const std::string& text, std::size_t columns);

/// The text, cut between two characters of UTF-8 where it is longer than that.
[[nodiscard]] std::string shortened(std::string text, std::size_t max_bytes);

/// ASCII letters made small.
[[nodiscard]] std::string lower_case(std::string_view text);

/// "1:02:03" or "4:05".
[[nodiscard]] std::string format_duration(double seconds);

/// Seconds from "90", "1:30", "1:02:03.5"; absent where the text is no such time. Not negative, finite;
/// minutes and seconds behind a colon are below 60.
[[nodiscard]] std::optional<double> parse_time(std::string_view text);

}  // namespace svsep
