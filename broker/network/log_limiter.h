// LogLimiter: lets a few log lines of one kind through in each stretch of time, and counts the rest, so that garbage on
// a port can't fill the disk with log. Self-locking.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/mutex.h"

namespace broker {

class LogLimiter {
 public:
  LogLimiter(int lines_max, std::int64_t stretch_ms) : lines_max_(lines_max), stretch_ms_(stretch_ms) {}

  // Whether to log now; if so, how many lines were swallowed before this one.
  std::optional<std::int64_t> allow(std::int64_t now_ms) {
    const protocol::MutexLock lock(mutex_);
    if (!started_ || now_ms - start_ms_ >= stretch_ms_) {
      started_ = true;
      start_ms_ = now_ms;
      lines_ = 0;
    }
    if (lines_ >= lines_max_) {
      ++swallowed_;
      return std::nullopt;
    }
    ++lines_;
    const std::int64_t swallowed = swallowed_;
    swallowed_ = 0;
    return swallowed;
  }

 private:
  const int lines_max_;
  const std::int64_t stretch_ms_;
  protocol::Mutex mutex_;
  bool started_ GUARDED_BY(mutex_) = false;
  std::int64_t start_ms_ GUARDED_BY(mutex_) = 0;
  int lines_ GUARDED_BY(mutex_) = 0;
  std::int64_t swallowed_ GUARDED_BY(mutex_) = 0;
};

}  // namespace broker
