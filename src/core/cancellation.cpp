#include "svsep/cancellation.hpp"

#include <csignal>

namespace svsep {
namespace {

volatile std::sig_atomic_t requested_signal = 0;

extern "C" void request_stop(int signal) {
  requested_signal = signal;
  std::signal(signal, SIG_DFL);  // the second one does not ask
}

}  // namespace

void install_cancellation_handlers() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  // A closed terminal stops the work too, but not what nohup started.
  if (std::signal(SIGHUP, request_stop) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a write error with a message, not a silent death
}

int cancellation_signal() noexcept { return requested_signal; }

void throw_if_cancelled() {
  if (requested_signal != 0) throw Cancelled(requested_signal);
}

}  // namespace svsep
