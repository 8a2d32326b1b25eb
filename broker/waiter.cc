#include "broker/waiter.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <chrono>

namespace broker {
namespace {

constexpr std::int64_t longest_wait_ms = 24LL * 3600 * 1000;

}  // namespace

void WaiterState::notify(const std::shared_ptr<WaiterState>& state) {
  if (state->notified_.exchange(true, std::memory_order_acq_rel)) return;
  // Posted even from the waiter's own thread: the caller may hold locks that the resumed request wants.
  boost::asio::post(state->executor_, [state] {
    if (state->waiter_ != nullptr) state->waiter_->timer_.cancel();
  });
}

CancelList::~CancelList() = default;

boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>* CancelList::list() {
  // Made on first use: an idle connection doesn't pay for it.
  if (!waiters_)
    waiters_ = std::make_unique<boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>>();
  return waiters_.get();
}

void CancelList::cancel_all() {
  cancelled_ = true;
  if (!waiters_) return;
  for (Waiter& waiter : *waiters_) {
    waiter.cancelled_ = true;
    waiter.timer_.cancel();
  }
}

Waiter::Waiter(Executor executor, CancelList* cancel_list)
    : state_(std::make_shared<WaiterState>(executor, this)), timer_(executor), cancel_list_(cancel_list) {
  if (cancel_list_ == nullptr) return;
  cancelled_ = cancel_list_->cancelled();
  cancel_list_->list()->push_back(*this);
}

Waiter::~Waiter() {
  state_->waiter_ = nullptr;
  if (cancel_list_ != nullptr) cancel_list_->list()->erase(cancel_list_->list()->iterator_to(*this));
}

awaitable<Wake> Waiter::wait_for(std::int64_t duration_ms) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(std::clamp<std::int64_t>(duration_ms, 0, longest_wait_ms));
  timer_.expires_at(deadline);
  while (true) {
    if (state_->notified()) co_return Wake::notified;
    if (cancelled_) co_return Wake::cancelled;
    if (duration_ms <= 0) co_return Wake::deadline;
    if (quotas_ != nullptr) quotas_->work_done();
    const auto [error] = co_await timer_.async_wait(boost::asio::as_tuple(use_awaitable));
    // A cancel left over from before rearm() must not look like the deadline.
    if (!error && !state_->notified() && !cancelled_) co_return Wake::deadline;
  }
}

}  // namespace broker
