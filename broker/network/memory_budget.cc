#include "broker/network/memory_budget.h"

namespace broker {

bool MemoryBudget::try_take(std::int64_t bytes, Place& place) {
  const protocol::MutexLock lock(mutex_);
  const bool is_first = waiting_.empty() || &waiting_.front() == &place;
  if (!is_first || !fits(bytes)) {
    if (!place.is_linked()) waiting_.push_back(place);
    return false;
  }
  held_ += bytes;
  if (place.is_linked()) {
    waiting_.erase(waiting_.iterator_to(place));
    wake_first();
  }
  return true;
}

void MemoryBudget::take_anyway(std::int64_t bytes) {
  const protocol::MutexLock lock(mutex_);
  held_ += bytes;
}

void MemoryBudget::give_back(std::int64_t bytes) {
  const protocol::MutexLock lock(mutex_);
  held_ -= bytes;
  wake_first();
}

void MemoryBudget::leave(Place& place) {
  const protocol::MutexLock lock(mutex_);
  if (!place.is_linked()) return;
  waiting_.erase(waiting_.iterator_to(place));
  wake_first();
}

void MemoryBudget::wake_first() {
  if (!waiting_.empty()) waiting_.front().waiter_.notify();
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
