#include "broker/replication/wait.h"

#include <utility>

#include "broker/background.h"

namespace broker {

using protocol::ErrorCode;

awaitable<ErrorCode> wait_for_replication(std::shared_ptr<Partition> partition, protocol::Offset required,
                                          std::int64_t timeout_ms, Executor executor, CancelList* cancel_list) {
  if (const auto outcome = partition->replication_outcome(required)) co_return *outcome;
  Waiter waiter(executor, cancel_list);
  NotifyWaiter target(waiter.handle());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    OffsetWaiter hook(target, WatchedEnd::high_watermark, required);
    waiter.rearm();
    const bool watching = partition->watch(hook);
    if (const auto outcome = partition->replication_outcome(required)) co_return *outcome;
    if (!watching) continue;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const Wake wake = co_await waiter.wait_for(left.count());
    if (wake == Wake::cancelled) co_return ErrorCode::request_timed_out;
    if (const auto outcome = partition->replication_outcome(required)) co_return *outcome;
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
