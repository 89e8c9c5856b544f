// The opcodes of the pickle machine that push a number or a text.

#include "import/pickle_machine.hpp"

#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

namespace svsep {
namespace {

double big_endian_real(std::string_view bytes) {
  const std::string reversed(bytes.rbegin(), bytes.rend());
  double value = 0;
  std::memcpy(&value, reversed.data(), sizeof value);
  return value;
}

}  // namespace

std::int64_t PickleMachine::take_decimal() {
  std::string_view line = take_line();
  if (line.ends_with('L')) line.remove_suffix(1);
  std::int64_t value = 0;
  const auto [stopped, code] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (code != std::errc() || stopped != line.data() + line.size()) fail("expected a whole number");
  return value;
}

void PickleMachine::push_long(std::string_view little_endian) {
  if (little_endian.size() > 8) {
    push_value(Node::Integer{0, false});
    return;
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, little_endian.data(), little_endian.size());
  const bool negative =
      !little_endian.empty() && (static_cast<unsigned char>(little_endian.back()) & 0x80U) != 0;
  if (negative && little_endian.size() < 8) bits |= ~std::uint64_t{0} << (8 * little_endian.size());
  push_value(Node::Integer{static_cast<std::int64_t>(bits)});
}

double PickleMachine::take_real() {
  const std::string_view line = take_line();
  double value = 0;
  const auto [stopped, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (error != std::errc() || stopped != line.data() + line.size()) fail("expected a number");
  return value;
}

bool PickleMachine::run_constant(unsigned char code) {
  switch (code) {
    case 'N':
      push_value(std::monostate());
      return true;
    case 0x88:
      push_value(true);
      return true;
    case 0x89:
      push_value(false);
      return true;
    case 'J':
      push_value(Node::Integer{take_number<std::int32_t>()});
      return true;
    case 'K':
      push_value(Node::Integer{take_number<std::uint8_t>()});
      return true;
    case 'M':
      push_value(Node::Integer{take_number<std::uint16_t>()});
      return true;
    case 0x8a:
      push_long(take(take_number<std::uint8_t>()));
      return true;
    case 0x8b:
      push_long(take(take_number<std::uint32_t>()));
      return true;
    case 'L':
      push_value(Node::Integer{take_decimal()});
      return true;
    case 'I':
      if (bytes_.substr(position_, 3) == "00\n" || bytes_.substr(position_, 3) == "01\n") {
        push_value(take_decimal() == 1);
      } else {
        push_value(Node::Integer{take_decimal()});
      }
      return true;
    case 'G':
      push_value(big_endian_real(take(8)));
      return true;
    case 'F':
      push_value(take_real());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::run_text(unsigned char code) {
  switch (code) {
    case 'S': {  // in quotes; escapes are left as they are
      const std::string_view line = take_line();
      const bool quoted = line.size() >= 2 && line.front() == line.back();
      push_value(quoted ? line.substr(1, line.size() - 2) : line);
      return true;
    }
    case 'V':
      push_value(take_line());
      return true;
    case 'U':
    case 'C':
    case 0x8c:
      push_value(take(take_number<std::uint8_t>()));
      return true;
    case 'T':
    case 'B':
    case 'X':
      push_value(take(take_number<std::uint32_t>()));
      return true;
    case 0x8d:
    case 0x8e:
    case 0x96:
      push_value(take(take_number<std::uint64_t>()));
      return true;
    default:
      return false;
  }
}

}  // namespace svsep
