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
