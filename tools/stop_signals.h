// SIGTERM, SIGINT, and SIGHUP where it isn't ignored (nohup): the first asks for a graceful stop, a second one ends the
// process at once.
// Made first thing in main, before any other thread, so that all threads leave the signals to it.
#pragma once

#include <string_view>

namespace tools {

// "SIGTERM"
std::string_view name_of_stop_signal(int signal);

class StopSignals {
 public:
  StopSignals();

  // Blocks until the first signal and returns its number. From then on the next one ends the process.
  int wait();
};

}  // namespace tools
