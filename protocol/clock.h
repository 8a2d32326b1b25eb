// Where logic gets the time from: a parameter, never the system clock, so that tests and simulations decide what time
// it is. Implementations are safe from any thread.
#pragma once

#include <cstdint>

#include "protocol/types.h"

namespace protocol {

class Clock {
 public:
  virtual ~Clock() = default;

  // Wall-clock time as records and files carry it.
  virtual TimestampMs now_ms() const = 0;

  // A clock that never goes back, for deadlines and durations. Its zero is arbitrary.
  virtual std::int64_t monotonic_ms() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  TimestampMs now_ms() const override;
  std::int64_t monotonic_ms() const override;
};

// A clock that moves only when told to. Both readings advance together. Not safe while another thread advances it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(TimestampMs start_ms = 1'000'000) : now_ms_(start_ms) {}
  TimestampMs now_ms() const override { return now_ms_; }
  std::int64_t monotonic_ms() const override { return now_ms_; }
  void advance_ms(std::int64_t by_ms) { now_ms_ += by_ms; }

 private:
  TimestampMs now_ms_;
};

}  // namespace protocol
