// Waiting for partitions in coroutines: replication of an append, opening of a log.
// Free functions; call them on the request's network thread.
#pragma once

#include <cstdint>
#include <memory>

#include "broker/awaitable.h"
#include "broker/replication/partition.h"
#include "broker/replication/waiters.h"
#include "broker/waiter.h"
#include "protocol/clock.h"
#include "protocol/error_code.h"
#include "protocol/result.h"

namespace broker {

class BackgroundPool;

// Resumes a coroutine's Waiter when a partition moves.
class NotifyWaiter final : public WakeTarget {
 public:
  explicit NotifyWaiter(WaiterHandle handle) : handle_(std::move(handle)) {}
  void wake() noexcept override { handle_.notify(); }

 private:
  WaiterHandle handle_;
};

// An append that acks=all waits for.
struct UnreplicatedAppend {
  protocol::Offset required = 0;                                   // all in-sync replicas have everything before this
  protocol::LeaderEpoch leader_epoch = protocol::no_leader_epoch;  // it was made in
  std::int64_t deadline_ms = 0;                                    // by Clock::monotonic_ms()
};

// Waits until the append is replicated: none, not_enough_replicas_after_append, not_leader_or_follower, or
// request_timed_out at the deadline. With one replica it returns without suspending.
awaitable<protocol::ErrorCode> wait_for_replication(std::shared_ptr<Partition> partition, UnreplicatedAppend append,
                                                    const protocol::Clock& clock, Executor executor,
                                                    CancelList* cancel_list = nullptr);

// Opens the partition's log where waiting for the disk is allowed; returns at once when it is open. After a success no
// call of the partition waits for an opening; after a failure answer with it, since a look would try again.
awaitable<protocol::Result<void>> open_on_background(std::shared_ptr<Partition> partition, BackgroundPool& background);

}  // namespace broker
