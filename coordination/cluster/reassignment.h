// Moves partitions to other replicas, after Kafka's KafkaController.onPartitionReassignment (KIP-455): the new replicas
// join the old ones, and once all of the target are in sync, the leader moves to one of them and the others are
// deleted. What a partition is on its way to stands in its topic's node, so that the next controller can go on.
//
// Owned by the active controller; event thread only; blocks on the store.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordination/cluster/controller_context.h"
#include "coordination/cluster/controller_store.h"
#include "coordination/cluster/state_machines.h"
#include "protocol/result.h"

namespace coordination::cluster {

// What AlterPartitionReassignments asks for: the target replicas of each partition; none: back to where it was.
using WantedReplicas = std::map<TopicPartition, std::optional<std::vector<BrokerId>>>;
using ReassignmentResults = std::map<TopicPartition, protocol::Result<void>>;
using Reassignments = std::map<TopicPartition, ReplicaAssignment>;

class Reassignment {
 public:
  // Hands a function to the event thread.
  using Post = std::function<void(std::function<void()>)>;
  // A topic's last reassignment has ended.
  using Ended = std::function<void(const std::string& topic)>;

  Reassignment(ControllerContext& context, ControllerStore& store, StateMachines& machines, Post post, Ended ended)
      : context_(context), store_(store), machines_(machines), post_(std::move(post)), ended_(std::move(ended)) {}

  // Begins, replaces or takes back reassignments. Errors, with Kafka's sentences: invalid_replica_assignment,
  // no_reassignment_in_progress, unknown_topic_or_partition, and invalid_replication_factor where
  // `may_change_factor` is false and the number of replicas would change.
  ReassignmentResults alter(const WantedReplicas& wanted, bool may_change_factor);

  // Those under way, of these partitions or of all.
  Reassignments list(const std::optional<std::set<TopicPartition>>& partitions) const;

  // Goes on with what an earlier controller began, or with what waited for these brokers.
  void resume_all();
  void resume_for(const std::vector<BrokerId>& brokers);

 private:
  protocol::Result<void> alter(const TopicPartition& tp, const std::optional<std::vector<BrokerId>>& target,
                               bool may_change_factor);
  protocol::Result<void> advance(const TopicPartition& tp, const ReplicaAssignment& assignment);
  bool adopt(const TopicPartition& tp, const ReplicaAssignment& assignment);
  bool is_complete(const TopicPartition& tp, const ReplicaAssignment& assignment);
  void complete(const TopicPartition& tp, const ReplicaAssignment& assignment);
  void lead_from_target(const TopicPartition& tp);
  void drop_replicas(const TopicPartition& tp, const std::vector<BrokerId>& replicas);
  bool write(const TopicPartition& tp, const ReplicaAssignment& assignment);
  void state_changed(const TopicPartition& tp);

  ControllerContext& context_;
  ControllerStore& store_;
  StateMachines& machines_;
  const Post post_;
  const Ended ended_;
};

}  // namespace coordination::cluster
