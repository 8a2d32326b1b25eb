#include "protocol/clock.h"

#include <chrono>

namespace protocol {
namespace {

template <typename TimeSource>
std::int64_t milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(TimeSource::now().time_since_epoch()).count();
}

}  // namespace

TimestampMs SystemClock::now_ms() const { return milliseconds<std::chrono::system_clock>(); }

std::int64_t SystemClock::monotonic_ms() const { return milliseconds<std::chrono::steady_clock>(); }

}  // namespace protocol
