// Waiter: how a request waits for something that another thread announces (an append, a high watermark, a rebalance) or
// for a deadline. No polling: the announcer holds a WaiterHandle and calls notify().
//
// A Waiter lives in a handler's coroutine and belongs to its network thread. A WaiterHandle may be held, copied and
// notified by any thread, under any lock: notify() only posts. Closing the connection or stopping the broker wakes the
// waiter too.
//
//   Waiter waiter(context);
//   partition.add_waiter(waiter.handle());        // announcer keeps the handle
//   context.ordered_part_done();
//   const Wake wake = co_await waiter.wait_for(max_wait_ms);
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>

#include "broker/awaitable.h"
#include "broker/request_context.h"

namespace broker {

enum class Wake : std::uint8_t {
  notified,
  deadline,
  cancelled,  // the connection is closing or the broker stops: give up, answer anything
};

class Waiter;

// The announcer's side. Holding one keeps nothing of the request alive.
class WaiterState {
 public:
  WaiterState(Executor executor, Waiter* waiter) : executor_(executor), waiter_(waiter) {}

  // Any thread, any number of times; only the first one counts until the waiter is rearmed.
  static void notify(const std::shared_ptr<WaiterState>& state);

  bool notified() const { return notified_.load(std::memory_order_acquire); }

 private:
  friend class Waiter;
  Executor executor_;
  std::atomic<bool> notified_{false};
  Waiter* waiter_;  // network thread only; null once the waiter is gone
};

class WaiterHandle {
 public:
  WaiterHandle() = default;
  explicit WaiterHandle(std::shared_ptr<WaiterState> state) : state_(std::move(state)) {}
  void notify() const {
    if (state_) WaiterState::notify(state_);
  }
  bool notified() const { return state_ && state_->notified(); }
  friend bool operator==(const WaiterHandle&, const WaiterHandle&) = default;

 private:
  std::shared_ptr<WaiterState> state_;
};

// Wakes a connection's waiters at once. Network thread only. Outlives the waiters in it.
class CancelList {
 public:
  ~CancelList();
  void cancel_all();
  bool cancelled() const { return cancelled_; }

 private:
  friend class Waiter;
  boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>* list();
  std::unique_ptr<boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>> waiters_;
  bool cancelled_ = false;
};

class Waiter : public boost::intrusive::list_base_hook<> {
 public:
  explicit Waiter(const RequestContext& context) : Waiter(context.executor(), context.cancel_list()) {
    quotas_ = context.quotas();
  }
  Waiter(Executor executor, CancelList* cancel_list);
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  WaiterHandle handle() const { return WaiterHandle(state_); }

  // Suspends until notified, cancelled or the time is over. Returns at once when already notified or cancelled, or when
  // the duration isn't positive. One wait at a time. A deadline further away than a day is a day.
  awaitable<Wake> wait_for(std::int64_t duration_ms);

  // Forgets a notification, so that the waiter can wait again. Check the awaited condition after this, before waiting.
  void rearm() { state_->notified_.store(false, std::memory_order_release); }

 private:
  friend class WaiterState;
  friend class CancelList;
  std::shared_ptr<WaiterState> state_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    Executor>
      timer_;
  CancelList* cancel_list_;
  RequestQuotas* quotas_ = nullptr;  // of the request that waits: waiting isn't charged
  bool cancelled_ = false;
};

}  // namespace broker
