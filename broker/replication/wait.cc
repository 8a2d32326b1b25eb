#include "broker/replication/wait.h"

#include <utility>

#include "broker/background.h"

namespace broker {

using protocol::ErrorCode;

awaitable<ErrorCode> wait_for_replication(std::shared_ptr<Partition> partition, UnreplicatedAppend append,
                                          const protocol::Clock& clock, Executor executor, CancelList* cancel_list) {
  const auto look = [&] { return partition->replication_outcome(append.required, append.leader_epoch); };
  if (const auto outcome = look()) co_return *outcome;
  Waiter waiter(executor, cancel_list);
  NotifyWaiter target(waiter.handle());
  while (true) {
    OffsetWaiter hook(target, WatchedEnd::high_watermark, append.required);
    waiter.rearm();
    const bool watching = partition->watch(hook);
    if (const auto outcome = look()) co_return *outcome;
    if (!watching) continue;
    const Wake wake = co_await waiter.wait_for(append.deadline_ms - clock.monotonic_ms());
    if (wake == Wake::cancelled) co_return ErrorCode::request_timed_out;
    if (const auto outcome = look()) co_return *outcome;
    if (wake == Wake::deadline) co_return ErrorCode::request_timed_out;
  }
}

awaitable<protocol::Result<void>> open_on_background(std::shared_ptr<Partition> partition, BackgroundPool& background) {
  if (partition->is_open()) co_return protocol::Result<void>{};
  const auto open = [&partition] { return partition->open(); };
  protocol::Result<void> opened = co_await background.run(open);
  co_return opened;
}

}  // namespace broker
