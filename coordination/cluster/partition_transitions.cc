#include "coordination/cluster/partition_transitions.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace coordination::cluster {
namespace {

std::vector<BrokerId> online(const ControllerContext& context, const std::vector<BrokerId>& replicas,
                             const TopicPartition& partition) {
  std::vector<BrokerId> alive;
  for (const BrokerId replica : replicas) {
    if (context.is_online(replica, partition)) alive.push_back(replica);
  }
  return alive;
}

bool was_set_later(const ControllerContext& context, const TopicPartition& tp, const PartitionStateNode& current) {
  if (current.controller_epoch <= context.epoch) return false;
  spdlog::error("Controller: the leader of {} was already set by a later controller (epoch {}).", tp.text(),
                current.controller_epoch);
  return true;
}

// The first candidate that is alive and in sync.
std::optional<BrokerId> first_in_sync(const ControllerContext& context, const TopicPartition& partition,
                                      const std::vector<BrokerId>& candidates, const std::vector<BrokerId>& isr) {
  for (const BrokerId candidate : candidates) {
    if (contains(isr, candidate) && context.is_online(candidate, partition)) return candidate;
  }
  return std::nullopt;
}

// The leadership after an election; none when nobody may lead.
std::optional<LeaderAndIsr> elect(const ControllerContext& context, const TopicPartition& partition,
                                  const ReplicaAssignment& assignment, LeaderAndIsr leadership,
                                  ElectionStrategy strategy, bool unclean_allowed) {
  ++leadership.leader_epoch;
  std::vector<BrokerId> candidates = assignment.replicas;
  if (strategy == ElectionStrategy::reassign) candidates = assignment.target();
  if (strategy == ElectionStrategy::preferred) candidates.resize(std::min<std::size_t>(candidates.size(), 1));
  const auto leader = first_in_sync(context, partition, candidates, leadership.isr);
  const bool for_offline = strategy == ElectionStrategy::offline || strategy == ElectionStrategy::offline_unclean;
  if (leader) {
    leadership.leader = *leader;
    if (for_offline) leadership.isr = online(context, leadership.isr, partition);
    return leadership;
  }
  const std::vector<BrokerId> alive = online(context, candidates, partition);
  if (!for_offline || !unclean_allowed || alive.empty()) return std::nullopt;
  // Records that only the lost replicas had are gone: the leader says so once it has recovered.
  leadership.leader = alive.front();
  leadership.isr = {alive.front()};
  leadership.recovery = LeaderRecoveryState::recovering;
  return leadership;
}

}  // namespace

void move_partitions(ControllerContext& context, const std::vector<TopicPartition>& partitions, PartitionState to) {
  for (const TopicPartition& tp : partitions) {
    PartitionEntry* partition = context.partition(tp);
    if (!partition) continue;
    if (is_valid_step(partition->state, to)) {
      partition->state = to;
    } else {
      spdlog::error("Controller: partition {} can't go from {} to {}.", tp.text(), name(partition->state), name(to));
    }
  }
}

ElectionPlan plan_first_leaders(const ControllerContext& context, const std::vector<TopicPartition>& partitions) {
  ElectionPlan plan;
  for (const TopicPartition& tp : partitions) {
    const PartitionEntry* partition = context.partition(tp);
    if (!partition || partition->state != PartitionState::created) continue;
    std::vector<BrokerId> alive = online(context, partition->assignment.replicas, tp);
    if (alive.empty()) {
      plan.without_leader.push_back(tp);
      continue;
    }
    LeaderChange change{.partition = tp, .first = true, .recipients = alive};
    change.state.leader_and_isr.leader = alive.front();
    change.state.leader_and_isr.isr = std::move(alive);
    change.state.controller_epoch = context.epoch;
    plan.changes.push_back(std::move(change));
  }
  return plan;
}

ElectionPlan plan_elections(const ControllerContext& context,
                            const std::map<TopicPartition, PartitionStateNode>& states, ElectionStrategy strategy,
                            const std::function<bool(const std::string& topic)>& unclean_allowed) {
  ElectionPlan plan;
  for (const auto& [tp, current] : states) {
    const PartitionEntry* partition = context.partition(tp);
    if (!partition || !is_valid_step(partition->state, PartitionState::online)) continue;
    if (was_set_later(context, tp, current)) continue;
    const bool in_sync_alive = !online(context, current.leader_and_isr.isr, tp).empty();
    const bool unclean = !in_sync_alive && (strategy == ElectionStrategy::offline_unclean ||
                                            (strategy == ElectionStrategy::offline && unclean_allowed(tp.topic)));
    auto leadership = elect(context, tp, partition->assignment, current.leader_and_isr, strategy, unclean);
    if (!leadership) {
      plan.without_leader.push_back(tp);
      continue;
    }
    LeaderChange change{.partition = tp};
    const bool reassign = strategy == ElectionStrategy::reassign;
    change.recipients = reassign ? partition->assignment.target() : online(context, partition->assignment.replicas, tp);
    if (strategy == ElectionStrategy::preferred) change.recipients = partition->assignment.replicas;
    change.state = {.leader_and_isr = std::move(*leadership), .controller_epoch = context.epoch};
    plan.changes.push_back(std::move(change));
  }
  return plan;
}

ElectionPlan plan_same_leader(const ControllerContext& context,
                              const std::map<TopicPartition, PartitionStateNode>& states) {
  ElectionPlan plan;
  for (const auto& [tp, current] : states) {
    const PartitionEntry* partition = context.partition(tp);
    if (!partition || was_set_later(context, tp, current)) continue;
    LeaderChange change{.partition = tp, .state = current, .recipients = partition->assignment.origin()};
    ++change.state.leader_and_isr.leader_epoch;
    change.state.controller_epoch = context.epoch;
    plan.changes.push_back(std::move(change));
  }
  return plan;
}

void apply(ControllerContext& context, RequestBatch& batch, const LeaderChange& change, std::int32_t partition_epoch) {
  PartitionEntry* partition = context.partition(change.partition);
  if (!partition) return;
  partition->leadership = change.state;
  partition->leadership->leader_and_isr.partition_epoch = partition_epoch;
  partition->state = PartitionState::online;
  batch.leader_and_isr(change.recipients, change.partition, change.first);
}

void initialise_partition_states(ControllerContext& context) {
  for (const TopicPartition& tp : context.all_partitions()) {
    PartitionEntry& partition = *context.partition(tp);
    if (!partition.leadership) {
      partition.state = PartitionState::created;
    } else {
      const bool alive = context.is_online(partition.leadership->leader_and_isr.leader, tp);
      partition.state = alive ? PartitionState::online : PartitionState::offline;
    }
  }
}

std::vector<TopicPartition> partitions_without_leader(const ControllerContext& context) {
  std::vector<TopicPartition> found;
  for (const auto& [topic, entry] : context.topics()) {
    if (context.is_queued_for_deletion(topic)) continue;
    for (const auto& [index, partition] : entry.partitions) {
      if (partition.state == PartitionState::created || partition.state == PartitionState::offline) {
        found.push_back({topic, index});
      }
    }
  }
  return found;
}

std::vector<TopicPartition> partitions_with_offline_leader(const ControllerContext& context) {
  std::vector<TopicPartition> found;
  for (const auto& [topic, entry] : context.topics()) {
    if (context.is_queued_for_deletion(topic)) continue;
    for (const auto& [index, partition] : entry.partitions) {
      const TopicPartition tp{topic, index};
      if (partition.leadership && !context.is_online(partition.leadership->leader_and_isr.leader, tp)) {
        found.push_back(tp);
      }
    }
  }
  return found;
}

}  // namespace coordination::cluster
