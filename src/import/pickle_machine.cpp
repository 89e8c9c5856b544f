#include "import/pickle_machine.hpp"

#include "svsep/error.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <utility>

namespace svsep {
namespace {

constexpr std::size_t kMaxPickleBytes = std::size_t{256} << 20U;
constexpr std::size_t kMaxNodes = 1'000'000;  ///< a checkpoint of 10,000 tensors needs 120,000
constexpr std::size_t kMaxReferences = 4'000'000;

}  // namespace

void PickleMachine::fail(const std::string& reason) const {
  throw Error(ErrorKind::model, fmt::format("{}: pickle: byte {}: {}", origin_, position_, reason));
}

std::string_view PickleMachine::take(std::uint64_t count) {
  if (count > bytes_.size() - position_) fail("ends too early");
  const std::string_view taken = bytes_.substr(position_, count);
  position_ += count;
  return taken;
}

std::string_view PickleMachine::take_line() {
  const std::size_t end = bytes_.find('\n', position_);
  if (end == std::string_view::npos) fail("ends too early");
  const std::string_view line = take(end - position_);
  take(1);
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

template <typename T>
T PickleMachine::take_number() {
  T value = {};
  std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
  return value;
}

std::int64_t PickleMachine::take_decimal() {
  std::string_view line = take_line();
  if (line.ends_with('L')) line.remove_suffix(1);
  std::int64_t value = 0;
  const auto [stopped, code] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (code != std::errc() || stopped != line.data() + line.size()) fail("expected a whole number");
  return value;
}

PickleNode* PickleMachine::make(decltype(Node::value) value) {
  if (nodes_.size() >= kMaxNodes) fail(fmt::format("more than {} values", kMaxNodes));
  return &nodes_.emplace_back(Node{std::move(value)});
}

void PickleMachine::charge(std::size_t references) {
  references_ += references;
  if (references_ > kMaxReferences) fail(fmt::format("more than {} references to values", kMaxReferences));
}

void PickleMachine::push(Node* node) {
  charge(1);
  stack_.push_back(node);
}

PickleNode& PickleMachine::top() {
  if (stack_.empty()) fail("the stack is empty");
  return *stack_.back();
}

PickleNode* PickleMachine::pop() {
  Node& node = top();
  stack_.pop_back();
  return &node;
}

PickleMachine::Nodes PickleMachine::pop_to_mark() {
  const auto is_mark = [](const Node* node) { return std::holds_alternative<Node::Mark>(node->value); };
  const auto mark = std::find_if(stack_.rbegin(), stack_.rend(), is_mark);
  if (mark == stack_.rend()) fail("no mark on the stack");
  Nodes nodes(mark.base(), stack_.end());
  stack_.erase(mark.base() - 1, stack_.end());
  return nodes;
}

void PickleMachine::store(std::uint64_t index) {
  charge(1);
  memo_[index] = &top();
}

void PickleMachine::recall(std::uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) fail(fmt::format("the memo has no entry {}", index));
  push(found->second);
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
    case 'G': {  // big-endian
      std::string bytes(take(8));
      std::reverse(bytes.begin(), bytes.end());
      double value = 0;
      std::memcpy(&value, bytes.data(), 8);
      push_value(value);
      return true;
    }
    case 'F': {
      const std::string_view line = take_line();
      double value = 0;
      const auto [stopped, error] = std::from_chars(line.data(), line.data() + line.size(), value);
      if (error != std::errc() || stopped != line.data() + line.size()) fail("expected a number");
      push_value(value);
      return true;
    }
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

void PickleMachine::append(Nodes items) {
  // What other objects append to themselves is theirs.
  if (auto* const list = std::get_if<Node::List>(&top().value)) {
    list->items.insert(list->items.end(), items.begin(), items.end());
  }
}

void PickleMachine::set_items(const Nodes& items) {
  if (items.size() % 2 != 0) fail("a key without a value");
  auto* const dictionary = std::get_if<Node::Dictionary>(&top().value);
  for (std::size_t i = 0; dictionary != nullptr && i < items.size(); i += 2) {
    dictionary->entries.emplace_back(items[i], items[i + 1]);
  }
}

void PickleMachine::push_tuple(std::size_t count) {
  if (stack_.size() < count) fail("the stack is empty");
  const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
  Node::List list = {{first, stack_.end()}};
  stack_.erase(first, stack_.end());
  push_value(std::move(list));
}

bool PickleMachine::run_container(unsigned char code) {
  switch (code) {
    case ']':
    case ')':
    case 0x8f:
      push_value(Node::List());
      return true;
    case '}':
      push_value(Node::Dictionary());
      return true;
    case 'l':
    case 't':
    case 0x91:
      push_value(Node::List{pop_to_mark()});
      return true;
    case 'd': {
      const Nodes items = pop_to_mark();
      push_value(Node::Dictionary());
      set_items(items);
      return true;
    }
    case 0x85:
      push_tuple(1);
      return true;
    case 0x86:
      push_tuple(2);
      return true;
    case 0x87:
      push_tuple(3);
      return true;
    case 'a':
      append({pop()});
      return true;
    case 'e':
    case 0x90:
      append(pop_to_mark());
      return true;
    case 's': {
      const Node* const value = pop();
      set_items({pop(), value});
      return true;
    }
    case 'u':
      set_items(pop_to_mark());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::run_memo(unsigned char code) {
  switch (code) {
    case 'g':
      recall(static_cast<std::uint64_t>(take_decimal()));
      return true;
    case 'h':
      recall(take_number<std::uint8_t>());
      return true;
    case 'j':
      recall(take_number<std::uint32_t>());
      return true;
    case 'p':
      store(static_cast<std::uint64_t>(take_decimal()));
      return true;
    case 'q':
      store(take_number<std::uint8_t>());
      return true;
    case 'r':
      store(take_number<std::uint32_t>());
      return true;
    case 0x94:
      store(memo_.size());
      return true;
    case '(':
      push_value(Node::Mark());
      return true;
    case '0':
      pop();
      return true;
    case '1':
      pop_to_mark();
      return true;
    case '2':
      push(&top());
      return true;
    case 0x80:
      take(1);
      return true;  // the protocol: every instruction means the same in all
    case 0x95:
      take(8);
      return true;  // a frame: nothing depends on where it ends
    default:
      return false;
  }
}

const PickleNode* PickleMachine::run() {
  bytes_ = bytes_.substr(0, kMaxPickleBytes);
  for (;;) {
    const auto code = take_number<std::uint8_t>();
    if (code == '.') return pop();
    if (!run_constant(code) && !run_text(code) && !run_container(code) && !run_memo(code) &&
        !run_object(code)) {
      fail(fmt::format("unknown instruction {:#04x}", code));
    }
  }
}

}  // namespace svsep
