#include "broker/network/connection_quotas.h"

#include <algorithm>
#include <utility>

namespace broker {

std::int64_t connections_beside_files(std::int64_t open_files_max) {
  constexpr std::int64_t log_files_max = 4096;
  constexpr std::int64_t everything_else = 96;  // 64 of it for HTTP
  const std::int64_t left = open_files_max - std::min(open_files_max / 2, log_files_max) - everything_else;
  return std::max({left, open_files_max / 8, std::int64_t{1}});
}

ConnectionQuotas::ConnectionQuotas(ConnectionLimits limits, const IpRates* ips, QuotaWindows windows)
    : ips_(ips), windows_(windows), limits_(std::move(limits)), all_(windows) {}

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

std::int64_t ConnectionQuotas::connections_max(std::string_view listener) const {
  const auto own = limits_.listeners.find(listener);
  return own == limits_.listeners.end() ? limits_.total_max : own->second.connections_max.value_or(limits_.total_max);
}

std::int64_t ConnectionQuotas::creation_rate(std::string_view listener) const {
  const auto own = limits_.listeners.find(listener);
  return own == limits_.listeners.end() ? limits_.creation_rate
                                        : own->second.creation_rate.value_or(limits_.creation_rate);
}

ConnectionQuotas::Arrivals& ConnectionQuotas::arrivals_of(std::string_view listener) {
  auto found = listeners_.find(listener);
  if (found == listeners_.end()) found = listeners_.emplace(std::string(listener), Arrivals(windows_)).first;
  return found->second;
}

void ConnectionQuotas::arrived(Arrivals& arrivals, std::int64_t limit, std::int64_t now_ms) {
  arrivals.rate.record(1, now_ms);
  const std::int64_t wait_ms = arrivals.rate.throttle_ms(static_cast<double>(limit), now_ms);
  if (wait_ms > 0) arrivals.allowed_from_ms = now_ms + std::min(wait_ms, windows_.window_ms);
}

std::int64_t ConnectionQuotas::throttle_address(std::string_view ip, std::int64_t now_ms) {
  const auto limit = ips_ == nullptr ? std::nullopt : ips_->of(ip);
  if (!limit || *limit == INT32_MAX) return 0;
  auto found = rate_by_ip_.find(ip);
  if (found == rate_by_ip_.end()) {
    if (rate_by_ip_.size() >= measured_addresses_max) {
      // Nothing is left of what was measured that long ago.
      std::erase_if(rate_by_ip_,
                    [&](const auto& entry) { return now_ms - entry.second.used_ms >= windows_.total_ms(); });
      // Too many at once: they are counted anew, which is what each of them would see of a restart.
      if (rate_by_ip_.size() >= measured_addresses_max) rate_by_ip_.clear();
    }
    found = rate_by_ip_.emplace(std::string(ip), AddressRate{.rate = SampledRate(windows_)}).first;
  }
  SampledRate& rate = found->second.rate;
  found->second.used_ms = now_ms;
  rate.record(1, now_ms);
  const std::int64_t wait_ms = rate.throttle_ms(*limit, now_ms);
  if (wait_ms > 0) rate.record(-1, now_ms);
  return std::min(wait_ms, windows_.window_ms);
}

ConnectionQuotas::Admission ConnectionQuotas::admit(std::string_view listener, std::string_view ip,
                                                    std::int64_t now_ms) {
  const protocol::MutexLock lock(mutex_);
  if (const std::int64_t wait_ms = throttle_address(ip, now_ms); wait_ms > 0) {
    return {.outcome = Outcome::over_ip_rate, .wait_ms = wait_ms};
  }
  Arrivals& arrivals = arrivals_of(listener);
  arrived(arrivals, creation_rate(listener), now_ms);
  if (!is_protected(listener)) arrived(all_, limits_.creation_rate, now_ms);
  auto found = by_ip_.find(ip);
  const std::int64_t now = found == by_ip_.end() ? 0 : found->second;
  if (now >= limit_of_locked(ip)) return {.outcome = Outcome::over_ip_limit};
  if (found == by_ip_.end()) found = by_ip_.emplace(std::string(ip), 0).first;
  ++found->second;
  ++arrivals.connections;
  ++all_.connections;
  return {};
}

void ConnectionQuotas::release(std::string_view listener, std::string_view ip) {
  const protocol::MutexLock lock(mutex_);
  const auto found = by_ip_.find(ip);
  if (found == by_ip_.end()) return;
  if (--found->second == 0) by_ip_.erase(found);
  --arrivals_of(listener).connections;
  --all_.connections;
  wake_all();
}

bool ConnectionQuotas::has_room_locked(std::string_view listener) const {
  if (all_.connections >= limits_.room) return false;
  const auto found = listeners_.find(listener);
  if (found != listeners_.end() && found->second.connections >= connections_max(listener)) return false;
  return is_protected(listener) || all_.connections < limits_.total_max;
}

bool ConnectionQuotas::has_room(std::string_view listener, const WaiterHandle& waiter) {
  const protocol::MutexLock lock(mutex_);
  if (has_room_locked(listener)) return true;
  if (std::ranges::find(waiting_, waiter) == waiting_.end()) waiting_.push_back(waiter);
  return false;
}

bool ConnectionQuotas::has_room(std::string_view listener) const {
  const protocol::MutexLock lock(mutex_);
  return has_room_locked(listener);
}

std::int64_t ConnectionQuotas::ms_until_allowed(std::string_view listener, std::int64_t now_ms) const {
  const protocol::MutexLock lock(mutex_);
  const auto found = listeners_.find(listener);
  std::int64_t from_ms = found == listeners_.end() ? 0 : found->second.allowed_from_ms;
  if (!is_protected(listener)) from_ms = std::max(from_ms, all_.allowed_from_ms);
  return std::max<std::int64_t>(0, from_ms - now_ms);
}

std::int64_t ConnectionQuotas::total() const {
  const protocol::MutexLock lock(mutex_);
  return all_.connections;
}

std::string ConnectionQuotas::no_room_cause(std::string_view listener) const {
  const protocol::MutexLock lock(mutex_);
  if (all_.connections >= limits_.room) return limits_.room_cause;
  const auto own = limits_.listeners.find(listener);
  if (own != limits_.listeners.end() && own->second.connections_max && all_.connections < limits_.total_max) {
    return "max.connections of its listener allows";
  }
  return "max.connections allows";
}

std::int64_t ConnectionQuotas::limit_of(std::string_view ip) const {
  const protocol::MutexLock lock(mutex_);
  return limit_of_locked(ip);
}

}  // namespace broker
