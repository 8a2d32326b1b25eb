// What a controller knows: live brokers, topics with their assignments and leaders, and the state of every partition
// and replica. Plain data with the rules for changing it; no I/O.
//
// Owned by the controller and used on its event thread only. Nothing here is synchronised.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coordination/cluster/broker_registration.h"
#include "coordination/cluster/znodes.h"

namespace coordination::cluster {

enum class PartitionState : std::uint8_t { non_existent, created, online, offline };

// Kafka's ReplicaDeletionStarted, …Successful, …Ineligible are the deletion_ states.
enum class ReplicaState : std::uint8_t {
  non_existent,
  created,
  online,
  offline,
  deletion_started,
  deletion_successful,
  deletion_ineligible,
};

std::string_view name(PartitionState state);
std::string_view name(ReplicaState state);

bool contains(const std::vector<BrokerId>& brokers, BrokerId broker);

// Whether Kafka's state machines allow the step.
bool is_valid_step(PartitionState from, PartitionState to);
bool is_valid_step(ReplicaState from, ReplicaState to);

struct PartitionAndReplica {
  TopicPartition partition;
  BrokerId replica = -1;

  auto operator<=>(const PartitionAndReplica&) const = default;
};

struct ReplicaEntry {
  BrokerId broker = -1;
  ReplicaState state = ReplicaState::non_existent;
};

struct PartitionEntry {
  ReplicaAssignment assignment;
  PartitionState state = PartitionState::non_existent;
  std::optional<PartitionStateNode> leadership;  // none until the first leader was elected
  std::vector<ReplicaEntry> replicas;            // those that have a state; not always those of the assignment
};

struct TopicEntry {
  protocol::Uuid id;  // zero: none
  std::map<PartitionIndex, PartitionEntry> partitions;
};

class ControllerContext {
 public:
  // The epoch this controller was elected with, and the data version of /controller_epoch that guards its writes.
  std::int32_t epoch = 0;
  std::int32_t epoch_version = 0;

  // Brokers.
  void set_broker(const BrokerRegistration& broker) { brokers_[broker.id] = broker; }
  void remove_broker(BrokerId id) { brokers_.erase(id); }
  const BrokerRegistration* broker(BrokerId id) const;  // nullptr: not registered
  const std::map<BrokerId, BrokerRegistration>& brokers() const { return brokers_; }
  std::vector<BrokerId> broker_ids() const;
  // Alive, and the partition's log directory there isn't known to be offline.
  bool is_online(BrokerId replica, const TopicPartition& partition) const;
  void set_offline_dirs(BrokerId broker, std::set<TopicPartition> partitions);
  const std::set<TopicPartition>& offline_dirs(BrokerId broker) const;

  // Topics.
  const std::unordered_map<std::string, TopicEntry>& topics() const { return topics_; }
  const TopicEntry* topic(const std::string& name) const;
  const std::string* topic_name(const protocol::Uuid& id) const;
  void set_topic_id(const std::string& topic, const protocol::Uuid& id);
  void remove_topic(const std::string& name);

  // Partitions. partition() is nullptr for one that isn't known; add_partition() gives one that is known another
  // assignment and leaves the rest of it as it is.
  PartitionEntry* partition(const TopicPartition& partition);
  const PartitionEntry* partition(const TopicPartition& partition) const;
  PartitionEntry& add_partition(const TopicPartition& partition, ReplicaAssignment assignment);
  std::vector<TopicPartition> partitions_of(const std::string& topic) const;
  std::vector<TopicPartition> all_partitions() const;

  // Replicas.
  std::vector<PartitionAndReplica> replicas_of(const std::string& topic) const;
  std::vector<PartitionAndReplica> replicas_of(const std::vector<TopicPartition>& partitions) const;
  std::vector<PartitionAndReplica> replicas_on(BrokerId broker) const;
  ReplicaState replica_state(const PartitionAndReplica& replica) const;
  void set_replica_state(const PartitionAndReplica& replica, ReplicaState state);
  bool any_replica_is(const std::string& topic, ReplicaState state) const;
  bool all_replicas_are(const std::string& topic, ReplicaState state) const;
  std::vector<PartitionAndReplica> replicas_in(const std::string& topic, ReplicaState state) const;

  // Deletion. A topic is queued until it is gone.
  bool is_queued_for_deletion(const std::string& topic) const { return deletions_.contains(topic); }
  const std::set<std::string>& deletions() const { return deletions_; }
  void queue_deletion(const std::string& topic) { deletions_.insert(topic); }
  std::set<std::string> deletions_started;     // its partitions were taken offline
  std::set<std::string> deletions_ineligible;  // a replica can't be reached now

  // Partitions on their way to another set of replicas.
  std::set<TopicPartition> reassignments;
  bool is_being_reassigned(const std::string& topic) const;

  // The epoch that StopReplica carries: -2 when the topic is being deleted, -1 before the first leader.
  std::int32_t leader_epoch(const TopicPartition& partition) const;

 private:
  std::map<BrokerId, BrokerRegistration> brokers_;
  std::map<BrokerId, std::set<TopicPartition>> offline_dirs_;
  std::unordered_map<std::string, TopicEntry> topics_;
  std::unordered_map<protocol::Uuid, std::string> names_;
  std::set<std::string> deletions_;
};

}  // namespace coordination::cluster
