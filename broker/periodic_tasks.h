// PeriodicTasks: the broker's upkeep passes (retention, checkpoints, deletes …), each on its interval, on the
// background pool. A pass never overlaps with itself. Tasks are added while the broker starts, by one thread; stop()
// may come from any thread but the executor's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "broker/awaitable.h"
#include "broker/background.h"
#include "broker/task_group.h"
#include "broker/waiter.h"

namespace broker {

class PeriodicTasks {
 public:
  // Sleeps on `executor`, works on `background`; both outlive it and run until stop() returned.
  PeriodicTasks(Executor executor, BackgroundPool& background) : executor_(executor), background_(background) {}
  ~PeriodicTasks();
  PeriodicTasks(const PeriodicTasks&) = delete;
  PeriodicTasks& operator=(const PeriodicTasks&) = delete;

  // Runs `pass` after `first_ms`, then `interval_ms()` after each end of it. A failure is logged with `what`. Where
  // `is_due` says that there is nothing to do, nobody is woken for it: it runs on the executor and must be brief.
  void add(std::string what, std::int64_t first_ms, std::function<std::int64_t()> interval_ms,
           std::function<void()> pass, std::function<bool()> is_due = {});

  // Ends all tasks; waits for the passes under way.
  void stop();

 private:
  awaitable<void> repeat(std::string what, std::int64_t first_ms, std::function<std::int64_t()> interval_ms,
                         std::function<void()> pass, std::function<bool()> is_due);

  const Executor executor_;
  BackgroundPool& background_;
  CancelList cancel_list_;  // the executor's thread only
  TaskGroup tasks_;
  bool stopped_ = false;
};

}  // namespace broker
