// Owned<T>: a state machine (a group, a transactional id, a coordinator shard) that is reached only through run(step).
//
// Steps are plain functions: they don't suspend, don't do I/O and don't block, so the object's invariants hold whenever
// run() returns. That is why the strand is a lock: the step runs where its caller is, and a request never hops threads
// for it. Steps of different callers are serialised; a step must not call run() of the same object.
//
//   const Effects effects = shard.run([&](GroupShard& groups) { return groups.join(request, now); });
//   …carry out the effects (appends, replies, timers), then report back through run() again.
#pragma once

#include <type_traits>
#include <utility>

#include "protocol/mutex.h"

namespace broker {

template <typename T>
class Owned {
 public:
  template <typename... Args>
  explicit Owned(Args&&... args) : value_(std::forward<Args>(args)...) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

  // Any thread. Returns what `step` returns; don't let references into T escape.
  template <typename Step>
  std::invoke_result_t<Step, T&> run(Step&& step) {
    static_assert(!std::is_reference_v<std::invoke_result_t<Step, T&>>, "a reference would escape the strand");
    const protocol::MutexLock lock(mutex_);
    return std::forward<Step>(step)(value_);
  }

 private:
  protocol::Mutex mutex_;
  T value_ GUARDED_BY(mutex_);
};

}  // namespace broker
