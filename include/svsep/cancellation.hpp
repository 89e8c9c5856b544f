#pragma once

#include <exception>

namespace svsep {

/// Thrown by throw_if_cancelled; the process ends with 128 + signal.
class Cancelled : public std::exception {
 public:
  explicit Cancelled(int signal) noexcept : signal_(signal) {}
  [[nodiscard]] int signal() const noexcept { return signal_; }
  [[nodiscard]] const char* what() const noexcept override { return "stopped by a signal"; }

 private:
  int signal_;
};

/// Turns SIGINT, SIGTERM and (unless it is ignored) SIGHUP into a request that long work polls. A second
/// signal ends the process at once.
void install_cancellation_handlers();

/// The signal that asked the work to stop, or 0. Safe from any thread.
[[nodiscard]] int cancellation_signal() noexcept;

/// Throws Cancelled once a stop was asked for. Long loops call it once a block.
void throw_if_cancelled();

}  // namespace svsep
