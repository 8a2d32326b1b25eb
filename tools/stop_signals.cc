#include "tools/stop_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <system_error>
#include <thread>

#include "tools/command.h"

namespace tools {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  struct sigaction hangup{};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

int wait_for_one() {
  const sigset_t set = stop_set();
  int signal = 0;
  while (sigwait(&set, &signal) != 0) {
  }
  return signal;
}

}  // namespace

std::string_view name_of_stop_signal(int signal) {
  return signal == SIGTERM ? "SIGTERM" : signal == SIGHUP ? "SIGHUP" : "SIGINT";
}

StopSignals::StopSignals() {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A client that went away shows as an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  // So does a file that may grow no further (ulimit -f).
  std::signal(SIGXFSZ, SIG_IGN);
}

int StopSignals::wait() {
  const int first = wait_for_one();
  try {
    // Detached on purpose: it lives until the process ends, and touches nothing of it.
    std::thread([] {
      wait_for_one();
      _exit(exit_code::interrupted);
    }).detach();
  } catch (const std::system_error&) {
    // No thread to be had: then only the first one counts.
  }
  return first;
}

}  // namespace tools
