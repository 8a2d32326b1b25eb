// MemoryBudget: the bound on request bytes that are being read or worked on in the whole broker
// (queued.max.request.bytes). A connection takes a share before it reads a large frame; while there is none, it doesn't
// read, and TCP pushes back. Whoever asked first is served first: a large request isn't overtaken by small ones for
// ever. Self-locking.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <utility>

#include "broker/waiter.h"
#include "protocol/mutex.h"

namespace broker {

class MemoryBudget {
 public:
  // A place in the queue of those who wait for memory; left when it is destroyed.
  class Place : public boost::intrusive::list_base_hook<> {
   public:
    Place(MemoryBudget& budget, WaiterHandle waiter) : budget_(budget), waiter_(std::move(waiter)) {}
    ~Place() { budget_.leave(*this); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    friend class MemoryBudget;
    MemoryBudget& budget_;
    const WaiterHandle waiter_;
  };

  explicit MemoryBudget(std::int64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Takes `bytes`, if nobody else came first. A request larger than the whole budget passes when nothing else is held,
  // so that it can't wait for ever. False: none left, and `place` is in the queue; its waiter is notified when that may
  // have changed.
  bool try_take(std::int64_t bytes, Place& place);
  // Takes `bytes` at once, beyond the limit if need be: for memory that a request turns out to need while it is worked
  // on. Who comes later waits for it.
  void take_anyway(std::int64_t bytes);
  void give_back(std::int64_t bytes);

  std::int64_t held() const;
  bool is_awaited() const;

 private:
  void leave(Place& place);
  bool fits(std::int64_t bytes) const REQUIRES(mutex_) { return held_ + bytes <= limit_bytes_ || held_ == 0; }
  void wake_first() REQUIRES(mutex_);

  const std::int64_t limit_bytes_;
  mutable protocol::Mutex mutex_;
  std::int64_t held_ GUARDED_BY(mutex_) = 0;
  boost::intrusive::list<Place, boost::intrusive::constant_time_size<false>> waiting_ GUARDED_BY(mutex_);
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
  void add_anyway(MemoryBudget& budget, std::int64_t bytes) {
    budget.take_anyway(bytes);
    budget_ = &budget;
    bytes_ += bytes;
  }

 private:
  MemoryBudget* budget_ = nullptr;
  std::int64_t bytes_ = 0;
};

}  // namespace broker
