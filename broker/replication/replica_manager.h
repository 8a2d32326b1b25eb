// All partitions of this broker: takes the controller's LeaderAndIsr and StopReplica requests, finds partitions for
// handlers, and takes them offline when a log directory fails. What kafka.server.ReplicaManager is in Kafka 3.9.
//
// Owned by the Broker. Self-locking: every function is safe from any thread. Leadership changes are serialised by one
// lock and may wait for the disk: call them from a background thread. Lookups take a reader's lock for a moment.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/replication/partition.h"
#include "protocol/clock.h"
#include "protocol/mutex.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace protocol {
struct LeaderAndIsrRequest;
struct LeaderAndIsrResponse;
struct StopReplicaRequest;
struct StopReplicaResponse;
struct UpdateMetadataRequest;
}  // namespace protocol

namespace storage {
class LogManager;
}

namespace broker {

class MetadataCache;

struct ReplicaManagerOptions {
  protocol::BrokerId broker_id = 0;
  std::int64_t replica_lag_time_max_ms = 30'000;  // replica.lag.time.max.ms
  TopicMetricsSource metrics;
  // The first partition of a topic that was just created comes here: what is remembered of an earlier topic of that
  // name is void. Called before its log is made.
  std::function<void(const std::string& topic)> topic_created = {};
};

// Told about partitions that this broker begins or ceases to lead (the coordinators load or drop their state).
// Called on the thread that applies the change, while no other change can happen: be brief, and don't call
// become_leader_or_follower or stop_replicas from it.
class LeadershipListener {
 public:
  virtual ~LeadershipListener() = default;
  virtual void became_leader(const std::shared_ptr<Partition>& partition, protocol::LeaderEpoch epoch) = 0;
  // It follows another broker now, was stopped or deleted, or its directory failed.
  virtual void resigned(const protocol::TopicPartition& partition, protocol::LeaderEpoch epoch) = 0;
};

// Told about partitions that no longer exist in the cluster (committed offsets and settings of deleted topics go).
// Called as a LeadershipListener is.
using DeletionListener = std::function<void(const std::vector<protocol::TopicPartition>& deleted)>;

// Told that a partition's log is to be copied to another directory (Partition::continue_move). Called as a
// LeadershipListener is.
using MoveListener = std::function<void(const std::shared_ptr<Partition>& partition)>;

class ReplicaManager {
 public:
  // What it is given outlives it, or at least shutdown().
  ReplicaManager(ReplicaManagerOptions options, storage::LogManager& logs, MetadataCache& metadata,
                 const protocol::Clock& clock);
  ~ReplicaManager();
  ReplicaManager(const ReplicaManager&) = delete;
  ReplicaManager& operator=(const ReplicaManager&) = delete;

  // Before the first request; the listeners outlive shutdown().
  void add_listener(LeadershipListener& listener);
  void add_deletion_listener(DeletionListener listener);
  void set_move_listener(MoveListener listener) { move_listener_ = std::move(listener); }

  // ---- The controller's requests: broker_not_available after shutdown()

  // Refuses older controller epochs as a whole (stale_controller_epoch); every partition gets its own answer.
  protocol::LeaderAndIsrResponse become_leader_or_follower(const protocol::LeaderAndIsrRequest& request,
                                                           protocol::ApiVersion version)
      EXCLUDES(state_change_mutex_, mutex_);
  protocol::StopReplicaResponse stop_replicas(const protocol::StopReplicaRequest& request, protocol::ApiVersion version)
      EXCLUDES(state_change_mutex_, mutex_);

  // Moves a partition's log to another log directory (AlterReplicaLogDirs): begins it, gives up another move, or, for a
  // partition that isn't here yet, remembers where its log shall be. May wait for the disk.
  // Errors: invalid_topic_exception, log_dir_not_found, kafka_storage_error, replica_not_available,
  // unknown_topic_or_partition.
  protocol::Result<void> move_log(const protocol::TopicPartition& id, const std::string& log_dir)
      EXCLUDES(state_change_mutex_, mutex_);

  // Brings the metadata cache up to date. Error: stale_controller_epoch.
  protocol::Result<void> update_metadata(const protocol::UpdateMetadataRequest& request) EXCLUDES(state_change_mutex_);

  // ---- Finding partitions

  // Errors: kafka_storage_error (its directory is offline), not_leader_or_follower (the topic has it, this broker
  // doesn't), unknown_topic_or_partition. Doesn't allocate when the partition is here.
  protocol::Result<std::shared_ptr<Partition>> find(std::string_view topic, protocol::PartitionIndex partition) const
      EXCLUDES(mutex_);
  protocol::Result<std::shared_ptr<Partition>> find(const protocol::TopicPartition& partition) const {
    return find(partition.topic, partition.partition);
  }
  // By topic id; unknown_topic_id when no partition of such a topic is here nor in the metadata.
  protocol::Result<std::shared_ptr<Partition>> find(const protocol::Uuid& topic_id,
                                                    protocol::PartitionIndex partition) const EXCLUDES(mutex_);

  // Null when it isn't here or offline.
  std::shared_ptr<Partition> online_partition(std::string_view topic, protocol::PartitionIndex partition) const
      EXCLUDES(mutex_);

  // A copy of the list of online partitions, for metrics and passes.
  std::vector<std::shared_ptr<Partition>> online_partitions() const EXCLUDES(mutex_);

  struct Counts {
    std::size_t partitions = 0;  // offline ones included
    std::size_t leaders = 0;
    std::size_t offline = 0;
    std::size_t under_replicated = 0;
    std::size_t under_min_isr = 0;
  };
  Counts counts() const EXCLUDES(mutex_);

  // ---- Upkeep

  // A log directory failed (LogManager's on_directory_failure): its partitions answer kafka_storage_error from now on.
  void take_directory_offline(const std::string& log_dir) EXCLUDES(state_change_mutex_, mutex_);

  // Every replica.high.watermark.checkpoint.interval.ms, and at stop. Does nothing before the first LeaderAndIsr.
  void checkpoint_high_watermarks() EXCLUDES(state_change_mutex_);

  // Wakes all waiters and answers not_leader_or_follower from now on. The logs stay open for LogManager::shutdown and
  // are not touched any more, whatever a controller still sends.
  void shutdown() EXCLUDES(state_change_mutex_, mutex_);

  storage::LogManager& logs() const { return logs_; }
  protocol::BrokerId broker_id() const { return options_.broker_id; }

 private:
  struct Hosted {
    std::shared_ptr<Partition> partition;  // kept when offline, for those who still hold it
    bool offline = false;
  };
  // A topic's partitions on this broker; few topics have gaps, so a vector by index would do, but a hostile or sparse
  // assignment must not cost memory.
  struct Topic {
    std::unordered_map<protocol::PartitionIndex, Hosted> partitions;
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
  };

  using TopicId = std::optional<protocol::Uuid>;

  std::optional<Hosted> hosted(std::string_view topic, protocol::PartitionIndex partition) const EXCLUDES(mutex_);
  std::shared_ptr<Partition> add(const protocol::TopicPartition& id, TopicId topic_id, bool is_new) EXCLUDES(mutex_);
  void remove(const protocol::TopicPartition& id) EXCLUDES(mutex_);
  void mark_offline(const std::shared_ptr<Partition>& partition) REQUIRES(state_change_mutex_) EXCLUDES(mutex_);

  // The steps of one partition's LeaderAndIsr; each answers the partition's error code.
  protocol::ErrorCode apply(const protocol::TopicPartition& id, TopicId topic_id, const PartitionState& state)
      REQUIRES(state_change_mutex_);
  protocol::ErrorCode adopt_topic_id(Partition& partition, TopicId topic_id) REQUIRES(state_change_mutex_);
  protocol::ErrorCode change_role(const std::shared_ptr<Partition>& partition, const PartitionState& state)
      REQUIRES(state_change_mutex_);
  protocol::Result<void> change_role_or_fail(const std::shared_ptr<Partition>& partition, const PartitionState& state)
      REQUIRES(state_change_mutex_);
  protocol::Result<void> create_log(Partition& partition) REQUIRES(state_change_mutex_);
  protocol::ErrorCode stop(const protocol::TopicPartition& id, protocol::LeaderEpoch epoch, bool remove_log)
      REQUIRES(state_change_mutex_);
  protocol::ErrorCode delete_log(const protocol::TopicPartition& id) REQUIRES(state_change_mutex_);
  protocol::Result<void> begin_move(const std::shared_ptr<Partition>& partition, const std::string& log_dir)
      REQUIRES(state_change_mutex_);
  void resume_move(const std::shared_ptr<Partition>& partition) REQUIRES(state_change_mutex_);
  void end_moves_to(const std::string& log_dir) REQUIRES(state_change_mutex_);

  const ReplicaManagerOptions options_;
  storage::LogManager& logs_;
  MetadataCache& metadata_;
  const protocol::Clock& clock_;
  PartitionEnvironment environment_;
  std::vector<LeadershipListener*> listeners_;        // fixed once requests come
  std::vector<DeletionListener> deletion_listeners_;  // the same
  MoveListener move_listener_;                        // the same

  // Serialises leadership changes; taken before mutex_ and before any partition's lock.
  protocol::Mutex state_change_mutex_;
  std::int32_t controller_epoch_ GUARDED_BY(state_change_mutex_) = 0;
  bool populated_ GUARDED_BY(state_change_mutex_) = false;  // a LeaderAndIsr has come
  bool stopped_ GUARDED_BY(state_change_mutex_) = false;

  mutable protocol::SharedMutex mutex_;
  std::unordered_map<std::string, Topic, NameHash, std::equal_to<>> topics_ GUARDED_BY(mutex_);
};

}  // namespace broker
