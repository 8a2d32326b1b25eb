// SIGTERM and SIGINT: the first asks for a graceful stop, a second one ends the process at once.
// Made first thing in main, before any other thread, so that all threads leave the signals to it.
#pragma once

namespace tools {

class StopSignals {
 public:
  StopSignals();

  // Blocks until the first signal and returns its number. From then on the next one ends the process.
  int wait();
};

}  // namespace tools
