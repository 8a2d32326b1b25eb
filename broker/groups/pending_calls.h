// Requests that wait for a group's answer: between the handler's coroutine and whatever thread the answer comes from.
// Self-locking; any thread. One table per shard; an entry lives from begin() to its answer.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "broker/awaitable.h"
#include "broker/request_context.h"
#include "broker/waiter.h"
#include "coordination/group/effects.h"
#include "protocol/mutex.h"

namespace broker {

class PendingCall {
 public:
  using Answer =
      std::variant<coordination::group::JoinResult, coordination::group::SyncResult, coordination::group::CommitResult>;

  // Any thread, once.
  void answer(Answer answer) EXCLUDES(mutex_);

  // The answer, once it is there; nothing if the connection or the broker went away first. Doesn't suspend when the
  // answer came already.
  awaitable<std::optional<Answer>> wait(const RequestContext& context) EXCLUDES(mutex_);

 private:
  std::optional<Answer> take() EXCLUDES(mutex_);
  // False: the answer is there already.
  bool notify_when_answered(WaiterHandle handle) EXCLUDES(mutex_);

  protocol::Mutex mutex_;
  std::optional<Answer> answer_ GUARDED_BY(mutex_);
  WaiterHandle waiter_ GUARDED_BY(mutex_);
};

class PendingCalls {
 public:
  std::pair<coordination::group::CallId, std::shared_ptr<PendingCall>> begin() EXCLUDES(mutex_);
  void deliver(std::vector<coordination::group::Reply> replies) EXCLUDES(mutex_);
  std::size_t size() const EXCLUDES(mutex_);

 private:
  mutable protocol::Mutex mutex_;
  coordination::group::CallId next_ GUARDED_BY(mutex_) = 1;
  std::unordered_map<coordination::group::CallId, std::shared_ptr<PendingCall>> calls_ GUARDED_BY(mutex_);
};

}  // namespace broker
