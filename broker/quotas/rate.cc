#include "broker/quotas/rate.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace broker {

std::int64_t rounded_wait_ms(double wait_ms) {
  constexpr double longest = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int64_t>(std::clamp(std::floor(wait_ms + 0.5), 0.0, longest));
}

RecentWindows::Window& RecentWindows::current(std::int64_t now_ms) {
  if (kept_.empty()) kept_.push_back({.start_ms = now_ms, .last_value_ms = now_ms});
  return kept_[current_];
}

void RecentWindows::record(double value, std::int64_t now_ms) {
  Window* window = &current(now_ms);
  if (now_ms - window->start_ms >= windows_.window_ms) {
    current_ = (current_ + 1) % (static_cast<std::size_t>(windows_.count) + 1);
    if (current_ >= kept_.size()) kept_.emplace_back();
    window = &kept_[current_];
    *window = {.start_ms = now_ms};
  }
  window->sum += value;
  window->values += 1;
  window->last_value_ms = now_ms;
}

void RecentWindows::forget_old(std::int64_t now_ms) {
  for (Window& window : kept_) {
    if (now_ms - window.last_value_ms >= windows_.total_ms()) window = {.start_ms = now_ms, .last_value_ms = now_ms};
  }
}

RecentWindows::Total RecentWindows::total(std::int64_t now_ms) {
  forget_old(now_ms);
  Total total;
  for (const Window& window : kept_) {
    total.sum += window.sum;
    total.values += window.values;
  }
  return total;
}

std::int64_t RecentWindows::oldest_start_ms(std::int64_t now_ms) {
  forget_old(now_ms);
  std::int64_t oldest = current(now_ms).start_ms;
  for (const Window& window : kept_) oldest = std::min(oldest, window.start_ms);
  return oldest;
}

std::int64_t SampledRate::span_ms(std::int64_t now_ms) {
  const QuotaWindows& windows = recent_.windows();
  std::int64_t span = now_ms - recent_.oldest_start_ms(now_ms);
  const std::int64_t whole = span / windows.window_ms;
  // With little measured so far, the rate would be far too high: windows that are missing count as silence.
  span += std::max<std::int64_t>(0, windows.count - 1 - whole) * windows.window_ms;
  return std::max<std::int64_t>(1, span);
}

double SampledRate::per_second(std::int64_t now_ms) {
  const double sum = recent_.total(now_ms).sum;
  return sum / (static_cast<double>(span_ms(now_ms)) / 1'000);
}

std::int64_t SampledRate::throttle_ms(double limit, std::int64_t now_ms) {
  const double rate = per_second(now_ms);
  if (!(rate > limit)) return 0;
  if (limit <= 0) return recent_.windows().total_ms();
  return rounded_wait_ms((rate - limit) / limit * static_cast<double>(span_ms(now_ms)));
}

double TokenBucket::left(double per_second, std::int64_t now_ms) {
  const double most = per_second * static_cast<double>(windows_.total_ms()) / 1'000;
  if (refilled_ms_ < 0) {
    tokens_ = most;
  } else {
    tokens_ = std::min(most, tokens_ + per_second * static_cast<double>(now_ms - refilled_ms_) / 1'000);
  }
  refilled_ms_ = now_ms;
  return tokens_;
}

void TokenBucket::take(double permits, double per_second, std::int64_t now_ms) {
  tokens_ = left(per_second, now_ms) - permits;
}

std::int64_t TokenBucket::throttle_ms(double per_second, std::int64_t now_ms) {
  const double missing = -left(per_second, now_ms);
  if (!(missing > 0)) return 0;
  if (per_second <= 0) return windows_.total_ms();
  return rounded_wait_ms(missing / per_second * 1'000);
}

double RecentAverage::value(std::int64_t now_ms) {
  const RecentWindows::Total total = recent_.total(now_ms);
  return total.values == 0 ? std::numeric_limits<double>::quiet_NaN() : total.sum / static_cast<double>(total.values);
}

}  // namespace broker
