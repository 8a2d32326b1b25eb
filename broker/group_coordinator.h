// The group coordinator: every classic group whose partition of __consumer_offsets this broker leads.
// Owned by the Broker. Self-locking; handlers call it from any network thread. The groups themselves are state machines
// (coordination/group), one shard a partition; this is their shell: leadership, the log, timers, waiting requests.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/awaitable.h"
#include "broker/groups/coordinated_partition.h"
#include "broker/groups/partition_offsets_log.h"
#include "broker/replication/replica_manager.h"
#include "broker/request_context.h"
#include "broker/task_group.h"
#include "broker/waiter.h"
#include "coordination/group/calls.h"
#include "protocol/clock.h"
#include "protocol/mutex.h"

namespace broker {

class BackgroundPool;
class MetadataCache;
struct BrokerConfig;

struct GroupCoordinatorOptions {
  coordination::group::GroupConfig groups;
  OffsetsLogOptions log;
  std::int32_t default_partition_count = 50;  // offsets.topic.num.partitions
  std::int64_t expiry_interval_ms = 600'000;  // offsets.retention.check.interval.ms
};

// From the broker's configuration.
GroupCoordinatorOptions group_coordinator_options(const BrokerConfig& config);

class GroupCoordinator final : public LeadershipListener {
 public:
  // What it is given outlives it. Timers run on `executor`. `seed` makes member ids.
  GroupCoordinator(GroupCoordinatorOptions options, ReplicaManager& replicas, MetadataCache& metadata,
                   BackgroundPool& background, Executor executor, const protocol::Clock& clock, std::uint64_t seed);
  // On another log, for tests.
  GroupCoordinator(GroupCoordinatorOptions options, std::unique_ptr<coordination::group::OffsetsLog> log,
                   MetadataCache& metadata, BackgroundPool& background, Executor executor, const protocol::Clock& clock,
                   std::uint64_t seed);
  ~GroupCoordinator() override;  // REQUIRES: stop() was called, or start() was not

  // Starts the timers; the executor's thread may start later.
  void start();
  // Answers everything that waits with not_coordinator and ends the timers. The executor must still run. From any
  // thread but a network thread.
  void stop();

  // LeadershipListener; other topics than __consumer_offsets are ignored.
  void became_leader(protocol::PartitionIndex partition, protocol::LeaderEpoch epoch);
  void became_leader(const std::shared_ptr<Partition>& partition, protocol::LeaderEpoch epoch) override;
  void resigned(const protocol::TopicPartition& partition, protocol::LeaderEpoch epoch) override;

  // Topics were deleted: their offsets go. Any thread; the work is done in the background.
  void partitions_deleted(std::vector<protocol::TopicPartition> deleted);

  // The partition of __consumer_offsets that decides who coordinates a group.
  protocol::PartitionIndex partition_for(std::string_view group_id) const;

  // --- Requests. If the groups of the partition are not loaded yet, they are, and the request waits for that a little.
  // Results carry Kafka's error codes; join, sync and commit wait until the group answers.
  awaitable<coordination::group::JoinResult> join(const RequestContext& context, coordination::group::JoinCall request);
  awaitable<coordination::group::SyncResult> sync(const RequestContext& context, coordination::group::SyncCall request);
  awaitable<coordination::group::CommitResult> commit(const RequestContext& context,
                                                      coordination::group::CommitCall request);
  awaitable<coordination::group::ErrorCode> heartbeat(const RequestContext& context,
                                                      coordination::group::HeartbeatCall request);
  awaitable<coordination::group::LeaveResult> leave(const RequestContext& context, std::string_view group_id,
                                                    std::vector<coordination::group::LeavingMember> members);
  awaitable<coordination::group::FetchOffsetsResult> fetch_offsets(const RequestContext& context,
                                                                   coordination::group::FetchOffsetsCall request);
  awaitable<coordination::group::DeleteOffsetsResult> delete_offsets(
      const RequestContext& context, std::string_view group_id,
      std::vector<coordination::group::TopicPartitions> topics);
  awaitable<coordination::group::GroupDescription> describe(const RequestContext& context, std::string_view group_id);
  awaitable<coordination::group::ErrorCode> remove(const RequestContext& context, std::string_view group_id);

  struct Listing {
    coordination::group::ErrorCode error = coordination::group::ErrorCode::none;
    std::vector<coordination::group::GroupOverview> groups;
  };
  awaitable<Listing> list(const RequestContext& context);

  // For metrics.
  struct Counts {
    std::size_t groups = 0, empty = 0, preparing_rebalance = 0, completing_rebalance = 0, stable = 0, dead = 0;
    std::size_t offsets = 0;
  };
  Counts counts() const EXCLUDES(mutex_);

 private:
  using PartitionPtr = std::shared_ptr<CoordinatedPartition>;

  PartitionPtr find(protocol::PartitionIndex index) const EXCLUDES(mutex_);
  PartitionPtr find_or_add(protocol::PartitionIndex index) EXCLUDES(mutex_);
  std::vector<PartitionPtr> partitions() const EXCLUDES(mutex_);
  // The group's partition, settled if that could be had soon. Never null: a partition that isn't ours answers so.
  awaitable<PartitionPtr> partition_of(const RequestContext& context, std::string_view group_id);
  awaitable<void> settle(Executor executor, CancelList* cancel_list, PartitionPtr partition);
  awaitable<void> forget(std::vector<protocol::TopicPartition> deleted);
  std::string make_uuid() EXCLUDES(random_mutex_);
  void wakeup_moved(std::int64_t wakeup_ms);
  void run_due_timers(ShardRunner& shard) const;
  awaitable<void> run_timers();
  awaitable<void> run_expiry();
  void expire_offsets();

  const GroupCoordinatorOptions options_;
  MetadataCache& metadata_;
  BackgroundPool& background_;
  const Executor executor_;
  const protocol::Clock& clock_;
  const std::unique_ptr<coordination::group::OffsetsLog> log_;
  const PartitionPtr stranger_;  // stands for partitions that this broker has never led

  mutable protocol::SharedMutex mutex_;
  std::vector<PartitionPtr> partitions_ GUARDED_BY(mutex_);  // by index; null: never led

  mutable std::atomic<std::int32_t> partition_count_{0};  // 0: the topic isn't known yet

  CancelList cancel_list_;  // of the timers; executor's thread only
  std::atomic<std::int64_t> sleeping_until_ms_{0};
  protocol::Mutex timer_mutex_;
  WaiterHandle timer_ GUARDED_BY(timer_mutex_);

  protocol::Mutex random_mutex_;
  std::mt19937_64 random_ GUARDED_BY(random_mutex_);

  TaskGroup tasks_;  // last: its tasks use all of the above
};

}  // namespace broker
