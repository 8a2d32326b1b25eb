#include "broker/groups/pending_calls.h"

#include <cstdint>
#include <limits>

namespace broker {

using coordination::group::CallId;
using coordination::group::Reply;

void PendingCall::answer(Answer answer) {
  WaiterHandle waiter;
  {
    const protocol::MutexLock lock(mutex_);
    answer_ = std::move(answer);
    waiter = waiter_;
  }
  waiter.notify();
}

std::optional<PendingCall::Answer> PendingCall::take() {
  const protocol::MutexLock lock(mutex_);
  return std::exchange(answer_, std::nullopt);
}

bool PendingCall::notify_when_answered(WaiterHandle handle) {
  const protocol::MutexLock lock(mutex_);
  waiter_ = std::move(handle);
  return !answer_;
}

awaitable<std::optional<PendingCall::Answer>> PendingCall::wait(const RequestContext& context) {
  if (std::optional<Answer> ready = take()) co_return ready;
  Waiter waiter(context);
  if (!notify_when_answered(waiter.handle())) co_return take();
  // A rebalance may take as long as the members' timeouts say; the group itself has the deadlines.
  Wake wake = Wake::deadline;
  while (wake == Wake::deadline) wake = co_await waiter.wait_for(std::numeric_limits<std::int64_t>::max());
  co_return take();
}

std::pair<CallId, std::shared_ptr<PendingCall>> PendingCalls::begin() {
  auto call = std::make_shared<PendingCall>();
  const protocol::MutexLock lock(mutex_);
  const CallId id = next_++;
  calls_.emplace(id, call);
  return {id, std::move(call)};
}

void PendingCalls::deliver(std::vector<Reply> replies) {
  for (Reply& reply : replies) {
    std::shared_ptr<PendingCall> call;
    {
      const protocol::MutexLock lock(mutex_);
      if (auto node = calls_.extract(reply.call)) call = std::move(node.mapped());
    }
    if (call) call->answer(std::move(reply.result));
  }
}

std::size_t PendingCalls::size() const {
  const protocol::MutexLock lock(mutex_);
  return calls_.size();
}

}  // namespace broker
