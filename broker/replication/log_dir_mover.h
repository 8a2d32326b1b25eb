// LogDirMover: works off the moves between log directories (log_dir_moves.h) on the background pool, a piece at a time,
// so that nobody else waits long for a thread there.
//
// Owned by the Broker. add() may be called from any thread; stop() from any but the executor's. What it counts is
// touched on the executor's thread only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "broker/awaitable.h"
#include "broker/background.h"
#include "broker/replication/log_dir_moves.h"
#include "broker/task_group.h"
#include "broker/waiter.h"

namespace broker {

class LogDirMover {
 public:
  // Sleeps on `executor`, which has one thread, and works on `background`, for at most `most_at_once` partitions at a
  // time (num.replica.alter.log.dirs.threads).
  LogDirMover(LogDirMoves& moves, std::size_t most_at_once, Executor executor, BackgroundPool& background)
      : moves_(moves), most_at_once_(most_at_once), executor_(executor), background_(background) {}
  ~LogDirMover();
  LogDirMover(const LogDirMover&) = delete;
  LogDirMover& operator=(const LogDirMover&) = delete;

  // A move began. After stop() it waits for the next start.
  void add(const std::shared_ptr<Partition>& partition);

  // Ends after the pieces under way; what is left goes on at the next start.
  void stop();

 private:
  awaitable<void> work();

  LogDirMoves& moves_;
  const std::size_t most_at_once_;
  const Executor executor_;
  BackgroundPool& background_;
  CancelList cancel_list_;
  std::size_t working_ = 0;
  std::uint64_t added_ = 0;
  TaskGroup tasks_;
  std::atomic<bool> stopped_{false};
};

}  // namespace broker
