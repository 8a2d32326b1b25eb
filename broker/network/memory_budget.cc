#include "broker/network/memory_budget.h"

namespace broker {

bool MemoryBudget::try_take(std::int64_t bytes, const WaiterHandle& waiter) {
  const protocol::MutexLock lock(mutex_);
  if (held_ + bytes > limit_bytes_ && held_ > 0) {
    waiting_.push_back(waiter);
    return false;
  }
  held_ += bytes;
  return true;
}

void MemoryBudget::give_back(std::int64_t bytes) {
  const protocol::MutexLock lock(mutex_);
  held_ -= bytes;
  // All of them: they ask for different amounts, and whoever finds none left queues again.
  for (const WaiterHandle& waiter : waiting_) waiter.notify();
  waiting_.clear();
}

bool MemoryBudget::is_awaited() const {
  const protocol::MutexLock lock(mutex_);
  return !waiting_.empty();
}

std::int64_t MemoryBudget::held() const {
  const protocol::MutexLock lock(mutex_);
  return held_;
}

}  // namespace broker
