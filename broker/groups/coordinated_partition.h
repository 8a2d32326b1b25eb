// One partition of __consumer_offsets from the group coordinator's side: whether this broker leads it, and the shard of
// groups that comes and goes with that. Self-locking; any thread.
//
// Becoming the leader costs nothing: the groups are loaded when somebody first asks for one of them. Losing leadership
// unloads them at once, on the background pool, because the news comes under locks of the replica manager. A load that
// failed is tried again when somebody asks after a second; until then clients hear that the coordinator is loading.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "broker/groups/shard_runner.h"
#include "broker/waiter.h"
#include "protocol/clock.h"
#include "protocol/mutex.h"

namespace broker {

class BackgroundPool;

class CoordinatedPartition : public std::enable_shared_from_this<CoordinatedPartition> {
 public:
  CoordinatedPartition(std::shared_ptr<ShardRunner> shard, coordination::group::OffsetsLog& log,
                       BackgroundPool& background, const protocol::Clock& clock)
      : shard_(std::move(shard)), log_(log), background_(background), clock_(clock) {}

  ShardRunner& shard() { return *shard_; }

  void became_leader(protocol::LeaderEpoch epoch) EXCLUDES(mutex_);
  void resigned() EXCLUDES(mutex_);

  // Whether the shard is what leadership says: loaded, or not ours. Takes no lock.
  bool is_settled() const { return settled_.load(std::memory_order_acquire); }
  // Starts what is missing, and notifies `waiter` when it is done. False: there is nothing to do now.
  bool settle(WaiterHandle waiter) EXCLUDES(mutex_);
  bool is_leading() const EXCLUDES(mutex_);

 private:
  // On the background pool, one at a time.
  void work() EXCLUDES(mutex_);
  void start_work() REQUIRES(mutex_);
  // What to do next; nothing: settled.
  enum class Task { unload, load };
  std::optional<Task> next_task() const REQUIRES(mutex_);
  // False: it failed, and the shard says that it is loading.
  bool load(protocol::LeaderEpoch epoch);
  void load_failed(protocol::LeaderEpoch epoch) EXCLUDES(mutex_);

  const std::shared_ptr<ShardRunner> shard_;
  coordination::group::OffsetsLog& log_;
  BackgroundPool& background_;
  const protocol::Clock& clock_;

  mutable protocol::Mutex mutex_;
  std::optional<protocol::LeaderEpoch> leading_ GUARDED_BY(mutex_);  // since this epoch, without a break
  std::optional<protocol::LeaderEpoch> loaded_ GUARDED_BY(mutex_);   // the epoch in which loading was done, or goes on
  std::int64_t retry_at_ms_ GUARDED_BY(mutex_) = 0;                  // monotonic: no load before
  bool must_unload_ GUARDED_BY(mutex_) = false;
  bool working_ GUARDED_BY(mutex_) = false;
  std::vector<WaiterHandle> waiters_ GUARDED_BY(mutex_);
  std::atomic<bool> settled_{true};
};

}  // namespace broker
