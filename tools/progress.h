// The line that a long command keeps up to date on a terminal's stderr; nothing when stderr is no terminal. And Ctrl-C
// as a flag, so that commands end with their summary.
#pragma once

#include <cstdint>
#include <string_view>

namespace tools {

class Progress {
 public:
  // `wanted` false: always silent, e.g. for --json.
  Progress(std::string_view what, bool wanted);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // What was done so far; redraws a few times a second.
  void update(std::int64_t items, std::uint64_t bytes);
  // Takes the line away, for other output.
  void clear();

  double seconds() const;

 private:
  std::string_view what_;
  bool shown_;
  bool drawn_ = false;
  std::int64_t start_ms_;
  std::int64_t last_ms_;
};

// From now on SIGINT and SIGTERM only set this flag; a second one ends the process.
void watch_interrupts();
bool is_interrupted();

}  // namespace tools
