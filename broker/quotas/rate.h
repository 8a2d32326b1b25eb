// What quotas are measured with, by the arithmetic of Kafka's metrics (Rate, TokenBucket, Avg), so that a client is
// slowed down as it would be there. Plain values: the time is a parameter (milliseconds of a clock that never goes
// back), nothing is locked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace broker {

// quota.window.num windows of quota.window.size.seconds; the last one is the one that is being filled.
struct QuotaWindows {
  int count = 11;
  std::int64_t window_ms = 1'000;

  std::int64_t total_ms() const { return count * window_ms; }
};

// What was recorded lately, in windows that start with the first value after the one before is over. One more than
// `count` is kept: the oldest still overlaps the time that is looked at.
class RecentWindows {
 public:
  explicit RecentWindows(QuotaWindows windows) : windows_(windows) {}

  void record(double value, std::int64_t now_ms);

  // Of the windows that aren't over. Both forget those that are.
  struct Total {
    double sum = 0;
    std::int64_t values = 0;
  };
  Total total(std::int64_t now_ms);
  std::int64_t oldest_start_ms(std::int64_t now_ms);

  const QuotaWindows& windows() const { return windows_; }

 private:
  struct Window {
    std::int64_t start_ms = 0;
    std::int64_t last_value_ms = 0;
    std::int64_t values = 0;
    double sum = 0;
  };
  Window& current(std::int64_t now_ms);
  void forget_old(std::int64_t now_ms);

  QuotaWindows windows_;
  std::size_t current_ = 0;
  std::vector<Window> kept_;
};

// The rate of a quantity in a second.
class SampledRate {
 public:
  explicit SampledRate(QuotaWindows windows) : recent_(windows) {}

  // A negative value takes back what was recorded.
  void record(double value, std::int64_t now_ms) { recent_.record(value, now_ms); }

  double per_second(std::int64_t now_ms);

  // How long nothing more may come until the rate is down at `limit`; 0: it isn't above. Of a limit of 0, until the
  // windows are empty.
  std::int64_t throttle_ms(double limit, std::int64_t now_ms);

 private:
  // The time that the rate is taken over: all windows but one, and what has passed of that one.
  std::int64_t span_ms(std::int64_t now_ms);

  RecentWindows recent_;
};

// Permits that come back at a rate; as many as all windows would bring may be saved up. More may be taken than there
// are: what is missing must come back first.
class TokenBucket {
 public:
  explicit TokenBucket(QuotaWindows windows) : windows_(windows) {}

  // Permits left, negative if more were taken. A new bucket is full.
  double left(double per_second, std::int64_t now_ms);
  void take(double permits, double per_second, std::int64_t now_ms);

  // How long until none is missing; 0: none is.
  std::int64_t throttle_ms(double per_second, std::int64_t now_ms);

 private:
  QuotaWindows windows_;
  double tokens_ = 0;
  std::int64_t refilled_ms_ = -1;  // < 0: never
};

// The average of what was recorded within the last minute, at most.
class RecentAverage {
 public:
  void record(double value, std::int64_t now_ms) { recent_.record(value, now_ms); }
  // NaN: nothing was.
  double value(std::int64_t now_ms);

 private:
  RecentWindows recent_{{.count = 2, .window_ms = 30'000}};  // Kafka's metrics.num.samples and their length
};

// A wait as answers carry it: rounded as Java does, and no longer than 2^31 - 1 ms.
std::int64_t rounded_wait_ms(double wait_ms);

}  // namespace broker
