#pragma once

#include "import/pickle.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace svsep {

/// Runs the instructions of one pickle; see Pickle. A stack of nodes, a memo, and no way out of them: the
/// instructions that call a function in Python make a tensor, a dictionary or an opaque node here
/// (pickle_objects.cpp).
class PickleMachine {
 public:
  PickleMachine(std::string_view bytes, const std::string& origin, std::deque<PickleNode>& nodes)
      : bytes_(bytes), origin_(origin), nodes_(nodes) {}

  const PickleNode* run();
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

 private:
  using Node = PickleNode;
  using Nodes = std::vector<const Node*>;

  [[noreturn]] void fail(const std::string& reason) const;

  // Input.
  std::string_view take(std::uint64_t count);
  std::string_view take_line();
  template <typename T>
  T take_number() {
    T value = {};
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::int64_t take_decimal();
  double take_real();

  // Stack and memo.
  Node* make(decltype(Node::value) value);
  /// Counts references, which bounds the memory that they take.
  void charge(std::size_t references);
  void push(Node* node);
  void push_value(decltype(Node::value) value) { push(make(std::move(value))); }
  Node* pop();
  Node& top();
  Nodes pop_to_mark();
  void store(std::uint64_t index);
  void recall(std::uint64_t index);

  // Instructions by kind; each says whether the code was one of its own.
  bool run_constant(unsigned char code);
  bool run_text(unsigned char code);
  bool run_container(unsigned char code);
  bool run_memo(unsigned char code);
  bool run_object(unsigned char code);

  void push_long(std::string_view little_endian);
  void append(Nodes items);
  void set_items(const Nodes& items);
  void push_tuple(std::size_t count);

  // Objects.
  Node* call(const Node* callable, const Node* arguments);
  Node* known_object(const Node::Global& callable, const Nodes& arguments);
  Node* storage(const Node* identity);
  Node* tensor(const Nodes& arguments);
  Node* ordered_dict(const Nodes& arguments);
  Node* fraction(const Nodes& arguments);
  std::vector<std::int64_t> sizes(const Node* node) const;

  std::string_view bytes_;
  const std::string& origin_;
  std::deque<Node>& nodes_;
  std::size_t position_ = 0;
  std::size_t references_ = 0;  ///< made so far, on the stack, in the memo and in lists
  std::vector<Node*> stack_;
  std::unordered_map<std::uint64_t, Node*> memo_;
};

}  // namespace svsep
