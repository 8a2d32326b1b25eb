#include "broker/network/connection_quotas.h"

#include <algorithm>
#include <cmath>

namespace broker {

std::int64_t connections_beside_files(std::int64_t open_files_max) {
  constexpr std::int64_t log_files_max = 4096;
  constexpr std::int64_t everything_else = 96;  // 64 of it for HTTP
  const std::int64_t left = open_files_max - std::min(open_files_max / 2, log_files_max) - everything_else;
  return std::max({left, open_files_max / 8, std::int64_t{1}});
}

void ConnectionQuotas::set_limits(ConnectionLimits limits) {
  const protocol::MutexLock lock(mutex_);
  limits_ = std::move(limits);
  wake_all();
}

void ConnectionQuotas::wake_all() {
  for (const WaiterHandle& waiter : waiting_) waiter.notify();
  waiting_.clear();
}

std::int64_t ConnectionQuotas::limit_of_locked(std::string_view ip) const {
  const auto found = limits_.per_ip_overrides.find(std::string(ip));
  return found == limits_.per_ip_overrides.end() ? limits_.per_ip_max : found->second;
}

ConnectionQuotas::Admission ConnectionQuotas::admit(std::string_view ip, std::int64_t now_ms) {
  const protocol::MutexLock lock(mutex_);
  refill(now_ms);
  tokens_ -= 1;
  auto found = by_ip_.find(ip);
  const std::int64_t now = found == by_ip_.end() ? 0 : found->second;
  if (now >= limit_of_locked(ip)) return Admission::over_ip_limit;
  if (found == by_ip_.end()) found = by_ip_.emplace(std::string(ip), 0).first;
  ++found->second;
  ++total_;
  return Admission::admitted;
}

void ConnectionQuotas::release(std::string_view ip) {
  const protocol::MutexLock lock(mutex_);
  const auto found = by_ip_.find(ip);
  if (found == by_ip_.end()) return;
  if (--found->second == 0) by_ip_.erase(found);
  --total_;
  wake_all();
}

bool ConnectionQuotas::has_room(const WaiterHandle& waiter) {
  const protocol::MutexLock lock(mutex_);
  if (total_ < limits_.total_max) return true;
  if (std::ranges::find(waiting_, waiter) == waiting_.end()) waiting_.push_back(waiter);
  return false;
}

void ConnectionQuotas::refill(std::int64_t now_ms) {
  const auto rate = static_cast<double>(limits_.creation_rate);
  if (refilled_ms_ < 0) {
    tokens_ = rate;
  } else {
    tokens_ = std::min(rate, tokens_ + static_cast<double>(now_ms - refilled_ms_) * rate / 1000);
  }
  refilled_ms_ = now_ms;
}

std::int64_t ConnectionQuotas::ms_until_allowed(std::int64_t now_ms) {
  const protocol::MutexLock lock(mutex_);
  refill(now_ms);
  if (tokens_ >= 1) return 0;
  const double missing_ms =
      (1 - tokens_) * 1000 / static_cast<double>(std::max<std::int64_t>(1, limits_.creation_rate));
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(missing_ms)));
}

std::int64_t ConnectionQuotas::total() const {
  const protocol::MutexLock lock(mutex_);
  return total_;
}

std::int64_t ConnectionQuotas::total_max() const {
  const protocol::MutexLock lock(mutex_);
  return limits_.total_max;
}

std::string ConnectionQuotas::total_max_cause() const {
  const protocol::MutexLock lock(mutex_);
  return limits_.total_max_cause;
}

std::int64_t ConnectionQuotas::limit_of(std::string_view ip) const {
  const protocol::MutexLock lock(mutex_);
  return limit_of_locked(ip);
}

}  // namespace broker
