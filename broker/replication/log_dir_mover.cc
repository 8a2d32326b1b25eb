#include "broker/replication/log_dir_mover.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <utility>

namespace broker {

LogDirMover::~LogDirMover() { stop(); }

void LogDirMover::add(const std::shared_ptr<Partition>& partition) {
  if (stopped_) return;
  moves_.add(partition);
  // The task group keeps this alive until then.
  tasks_.spawn(
      executor_,
      [](LogDirMover& mover) -> awaitable<void> {
        ++mover.added_;
        if (mover.working_ >= mover.most_at_once_ || mover.cancel_list_.cancelled()) co_return;
        ++mover.working_;
        co_await mover.work();
        --mover.working_;
      }(*this),
      "moving logs between directories");
}

awaitable<void> LogDirMover::work() {
  Waiter waiter(executor_, &cancel_list_);
  const auto step = [this] { return moves_.step(); };
  while (!cancel_list_.cancelled()) {
    const std::uint64_t added = added_;
    const std::optional<std::int64_t> pause_ms = co_await background_.run(step);
    if (!pause_ms && added == added_) co_return;
    if (pause_ms && *pause_ms > 0) co_await waiter.wait_for(*pause_ms);
  }
}

void LogDirMover::stop() {
  if (stopped_.exchange(true)) return;
  TaskGroup cancelling;
  cancelling.spawn(
      executor_, [](CancelList& list) -> awaitable<void> { co_return list.cancel_all(); }(cancel_list_),
      "stopping moves between directories");
  cancelling.wait(60'000);
  while (!tasks_.wait(60'000)) spdlog::warn("Still waiting for a log that is being copied");
}

}  // namespace broker
