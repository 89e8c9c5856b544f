#pragma once

#include <stdexcept>
#include <string>

namespace svsep {

/// What went wrong, as the caller's shell sees it: each kind's value is the process's exit code.
enum class ErrorKind : int {
  runtime = 1,  ///< something failed that is nobody's input (CUDA asked for and absent, a library refused)
  usage = 2,    ///< the command line is wrong
  input = 3,    ///< an input is missing or cannot be decoded
  output = 4,   ///< an output cannot be written, or exists already
  model = 5,    ///< a model file is missing or incompatible
  partial = 6,  ///< some inputs of several failed
};

/// The one exception type of svsep, thrown where the fact is known and caught once, in cli::run.
/// The text follows "<what failed>: <path>: <the library's reason>; expected ..., got ..." and is one line.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& text) : std::runtime_error(text), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace svsep
