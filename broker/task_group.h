// TaskGroup: the only way to start a coroutine that nobody awaits. A failure is logged with the task's name; the
// group's owner waits for all of them when it stops, so that no task outlives what it refers to. Self-locking; spawn
// from any thread. Spawned coroutines take values, not references to the spawner's locals.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/awaitable.h"
#include "protocol/mutex.h"

namespace broker {

class TaskGroup {
 public:
  TaskGroup() = default;
  ~TaskGroup();  // waits; REQUIRES: the executors' threads still run, or nothing is left
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task` on `executor`'s thread. `what` names it in the log.
  void spawn(Executor executor, awaitable<void> task, std::string what);

  // Blocks until every task has ended, at most `timeout_ms`. False: some are still running. Not on a network thread.
  bool wait(std::int64_t timeout_ms);

  std::size_t running() const;

 private:
  void ended();

  mutable protocol::Mutex mutex_;
  std::condition_variable_any none_left_;
  std::size_t running_ GUARDED_BY(mutex_) = 0;
};

}  // namespace broker
