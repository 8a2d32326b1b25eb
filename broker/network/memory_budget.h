// MemoryBudget: the bound on request bytes that are being read or worked on in the whole broker
// (queued.max.request.bytes). A connection takes a share before it reads a large frame; while there is none, it doesn't
// read, and TCP pushes back.
// Self-locking.
#pragma once

#include <cstdint>
#include <deque>

#include "broker/waiter.h"
#include "protocol/mutex.h"

namespace broker {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::int64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Takes `bytes`. A request larger than the whole budget passes when nothing else is held, so that it can't wait for
  // ever. False: none left; `waiter` is notified when that may have changed.
  bool try_take(std::int64_t bytes, const WaiterHandle& waiter);
  void give_back(std::int64_t bytes);

  std::int64_t held() const;
  // Whether somebody found none left since a share was last given back.
  bool is_awaited() const;

 private:
  const std::int64_t limit_bytes_;
  mutable protocol::Mutex mutex_;
  std::int64_t held_ GUARDED_BY(mutex_) = 0;
  std::deque<WaiterHandle> waiting_ GUARDED_BY(mutex_);
};

// A share of the budget that goes back by itself.
class BudgetShare {
 public:
  BudgetShare() = default;
  BudgetShare(MemoryBudget& budget, std::int64_t bytes) : budget_(&budget), bytes_(bytes) {}
  BudgetShare(BudgetShare&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  BudgetShare& operator=(BudgetShare other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~BudgetShare() {
    if (budget_ != nullptr) budget_->give_back(bytes_);
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  MemoryBudget* budget_ = nullptr;
  std::int64_t bytes_ = 0;
};

}  // namespace broker
