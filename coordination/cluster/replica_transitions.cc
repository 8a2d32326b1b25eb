#include "coordination/cluster/replica_transitions.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace coordination::cluster {
namespace {

void log_invalid_step(const PartitionAndReplica& replica, ReplicaState from, ReplicaState to) {
  spdlog::error("Controller: replica {} of {} can't go from {} to {}.", replica.replica, replica.partition.text(),
                name(from), name(to));
}

// The steps that also tell a broker something, or change the assignment. Returns false when the replica stays.
bool step(ControllerContext& context, RequestBatch& batch, const PartitionAndReplica& replica, ReplicaState from,
          ReplicaState to) {
  PartitionEntry& partition = *context.partition(replica.partition);
  switch (to) {
    case ReplicaState::created:
      if (!partition.leadership) return true;
      if (partition.leadership->leader_and_isr.leader == replica.replica) {
        spdlog::error("Controller: replica {} of {} can't be new, it is the leader.", replica.replica,
                      replica.partition.text());
        return false;
      }
      batch.leader_and_isr({replica.replica}, replica.partition, true);
      return true;
    case ReplicaState::online:
      if (from == ReplicaState::created) {
        if (!contains(partition.assignment.replicas, replica.replica)) {
          partition.assignment.replicas.push_back(replica.replica);
        }
      } else if (partition.leadership) {
        batch.leader_and_isr({replica.replica}, replica.partition, false);
      }
      return true;
    case ReplicaState::deletion_started:
      batch.stop_replica(replica.replica, replica.partition, true);
      return true;
    case ReplicaState::non_existent:
      std::erase(partition.assignment.replicas, replica.replica);
      std::erase(partition.assignment.adding, replica.replica);
      std::erase(partition.assignment.removing, replica.replica);
      return true;
    default:
      return true;
  }
}

}  // namespace

void move_replicas(ControllerContext& context, RequestBatch& batch, const std::vector<PartitionAndReplica>& replicas,
                   ReplicaState to) {
  for (const PartitionAndReplica& replica : replicas) {
    if (!context.partition(replica.partition)) continue;
    const ReplicaState from = context.replica_state(replica);
    if (!is_valid_step(from, to)) {
      log_invalid_step(replica, from, to);
    } else if (step(context, batch, replica, from, to)) {
      context.set_replica_state(replica, to);
    }
  }
}

std::vector<PartitionAndReplica> begin_offline(ControllerContext& context, RequestBatch& batch,
                                               const std::vector<PartitionAndReplica>& replicas) {
  std::vector<PartitionAndReplica> in_isr;
  for (const PartitionAndReplica& replica : replicas) {
    const PartitionEntry* partition = context.partition(replica.partition);
    if (!partition) continue;
    const ReplicaState from = context.replica_state(replica);
    if (!is_valid_step(from, ReplicaState::offline)) {
      log_invalid_step(replica, from, ReplicaState::offline);
      continue;
    }
    batch.stop_replica(replica.replica, replica.partition, false);
    if (partition->leadership) {
      in_isr.push_back(replica);
    } else {
      batch.update_metadata(replica.partition);
      context.set_replica_state(replica, ReplicaState::offline);
    }
  }
  return in_isr;
}

std::vector<LeaderChange> plan_isr_removals(const ControllerContext& context, BrokerId broker,
                                            const std::map<TopicPartition, PartitionStateNode>& states) {
  std::vector<LeaderChange> changes;
  for (const auto& [partition, state] : states) {
    if (!contains(state.leader_and_isr.isr, broker)) continue;
    LeaderChange change{.partition = partition, .state = state};
    LeaderAndIsr& leadership = change.state.leader_and_isr;
    if (leadership.leader == broker) leadership.leader = no_leader;
    if (leadership.isr.size() > 1) std::erase(leadership.isr, broker);
    ++leadership.leader_epoch;
    change.state.controller_epoch = context.epoch;
    changes.push_back(std::move(change));
  }
  return changes;
}

void apply_offline(ControllerContext& context, RequestBatch& batch, const PartitionAndReplica& replica,
                   const PartitionStateNode& state) {
  PartitionEntry* partition = context.partition(replica.partition);
  if (!partition) return;
  partition->leadership = state;
  partition->leadership->controller_epoch = context.epoch;
  if (!context.is_queued_for_deletion(replica.partition.topic)) {
    std::vector<BrokerId> others = partition->assignment.replicas;
    std::erase(others, replica.replica);
    batch.leader_and_isr(others, replica.partition, false);
  }
  context.set_replica_state(replica, ReplicaState::offline);
}

void initialise_replica_states(ControllerContext& context) {
  for (const PartitionAndReplica& replica : context.replicas_of(context.all_partitions())) {
    const bool alive = context.is_online(replica.replica, replica.partition);
    context.set_replica_state(replica, alive ? ReplicaState::online : ReplicaState::deletion_ineligible);
  }
}

}  // namespace coordination::cluster
