#include "broker/network/connection_quotas.h"

namespace broker {

void ConnectionQuotas::set_limits(ConnectionLimits limits) {
  const protocol::MutexLock lock(mutex_);
  limits_ = std::move(limits);
  waiting_.notify();
}

std::int64_t ConnectionQuotas::limit_of_locked(std::string_view ip) const {
  const auto found = limits_.per_ip_overrides.find(std::string(ip));
  return found == limits_.per_ip_overrides.end() ? limits_.per_ip_max : found->second;
}

ConnectionQuotas::Admission ConnectionQuotas::admit(std::string_view ip) {
  const protocol::MutexLock lock(mutex_);
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
  waiting_.notify();
}

bool ConnectionQuotas::has_room(const WaiterHandle& waiter) {
  const protocol::MutexLock lock(mutex_);
  waiting_ = waiter;
  return total_ < limits_.total_max;
}

std::int64_t ConnectionQuotas::total() const {
  const protocol::MutexLock lock(mutex_);
  return total_;
}

std::int64_t ConnectionQuotas::total_max() const {
  const protocol::MutexLock lock(mutex_);
  return limits_.total_max;
}

std::int64_t ConnectionQuotas::limit_of(std::string_view ip) const {
  const protocol::MutexLock lock(mutex_);
  return limit_of_locked(ip);
}

}  // namespace broker
