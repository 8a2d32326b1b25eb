#include "coordination/cluster/state_machines.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <map>

namespace coordination::cluster {
namespace {

// How often a step is tried again because a leader changed the partition's state at the same time.
constexpr int max_conflicts = 20;

void log_without_leader(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return;
  spdlog::warn("Controller: no replica of {} partition(s) may lead now, the first is {}.", partitions.size(),
               partitions.front().text());
}

}  // namespace

void StateMachines::move(const std::vector<TopicPartition>& partitions, PartitionState to) {
  move_partitions(context_, partitions, to);
}

void StateMachines::move(const std::vector<PartitionAndReplica>& replicas, ReplicaState to) {
  move_replicas(context_, batch_, replicas, to);
  send_(batch_);
}

std::size_t StateMachines::bring_online(const std::vector<TopicPartition>& partitions, ElectionStrategy strategy) {
  std::vector<TopicPartition> fresh, others;
  for (const TopicPartition& tp : partitions) {
    const PartitionEntry* partition = context_.partition(tp);
    if (!partition) continue;
    if (!is_valid_step(partition->state, PartitionState::online)) {
      spdlog::error("Controller: partition {} can't go from {} to {}.", tp.text(), name(partition->state),
                    name(PartitionState::online));
      continue;
    }
    (partition->state == PartitionState::created ? fresh : others).push_back(tp);
  }
  const std::size_t led = elect_first(fresh) + elect(others, strategy);
  send_(batch_);
  return led;
}

std::size_t StateMachines::elect_first(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return 0;
  const ElectionPlan plan = plan_first_leaders(context_, partitions);
  log_without_leader(plan.without_leader);
  const auto written = store_.create_states(plan.changes);
  for (const LeaderChange& change : plan.changes) {
    const auto version = written.versions.find(change.partition);
    if (version != written.versions.end()) apply(context_, batch_, change, version->second);
  }
  return written.versions.size();
}

std::size_t StateMachines::elect(const std::vector<TopicPartition>& partitions, ElectionStrategy strategy) {
  std::size_t led = 0;
  std::vector<TopicPartition> remaining = partitions;
  for (int attempt = 0; !remaining.empty() && attempt < max_conflicts; ++attempt) {
    const auto plan = plan_elections(context_, store_.partition_states(remaining), strategy,
                                     [this](const std::string& topic) { return is_unclean_allowed(topic); });
    log_without_leader(plan.without_leader);
    const auto written = store_.set_states(plan.changes);
    for (const LeaderChange& change : plan.changes) {
      const auto version = written.versions.find(change.partition);
      if (version != written.versions.end()) apply(context_, batch_, change, version->second);
    }
    led += written.versions.size();
    remaining = written.conflicts;
  }
  return led;
}

void StateMachines::announce_assignment(const TopicPartition& tp) {
  for (int attempt = 0; attempt < max_conflicts; ++attempt) {
    const ElectionPlan plan = plan_same_leader(context_, store_.partition_states({tp}));
    const auto written = store_.set_states(plan.changes);
    for (const LeaderChange& change : plan.changes) {
      const auto version = written.versions.find(change.partition);
      if (version == written.versions.end()) continue;
      PartitionEntry& partition = *context_.partition(tp);
      partition.leadership = change.state;
      partition.leadership->leader_and_isr.partition_epoch = version->second;
      batch_.leader_and_isr(change.recipients, tp, false);
      batch_.leader_and_isr(partition.assignment.adding, tp, true);
    }
    if (written.conflicts.empty()) break;
  }
  send_(batch_);
}

void StateMachines::take_offline(const std::vector<PartitionAndReplica>& replicas) {
  std::map<BrokerId, std::vector<TopicPartition>> in_isr;
  for (PartitionAndReplica& replica : begin_offline(context_, batch_, replicas)) {
    in_isr[replica.replica].push_back(std::move(replica.partition));
  }
  for (auto& [broker, partitions] : in_isr) remove_from_isr(broker, std::move(partitions));
  send_(batch_);
}

void StateMachines::remove_from_isr(BrokerId broker, std::vector<TopicPartition> partitions) {
  for (int attempt = 0; !partitions.empty() && attempt < max_conflicts; ++attempt) {
    auto states = store_.partition_states(partitions);
    std::erase_if(states, [&](const auto& state) { return state.second.controller_epoch > context_.epoch; });
    const std::vector<LeaderChange> changes = plan_isr_removals(context_, broker, states);
    const auto written = store_.set_states(changes);
    for (const LeaderChange& change : changes) {
      const auto version = written.versions.find(change.partition);
      if (version != written.versions.end()) {
        PartitionStateNode state = change.state;
        state.leader_and_isr.partition_epoch = version->second;
        apply_offline(context_, batch_, {change.partition, broker}, state);
      }
      states.erase(change.partition);
    }
    for (const auto& [partition, state] : states) apply_offline(context_, batch_, {partition, broker}, state);
    partitions = written.conflicts;
  }
}

bool StateMachines::is_unclean_allowed(const std::string& topic) {
  const auto config = store_.topic_config(topic);
  const auto found = config.find("unclean.leader.election.enable");
  return found == config.end() ? unclean_by_default_ : found->second == "true";
}

void StateMachines::send_metadata(const std::vector<BrokerId>& brokers, const std::vector<TopicPartition>& partitions) {
  batch_.update_metadata_to(brokers);
  for (const TopicPartition& partition : partitions) batch_.include_metadata_of(partition);
  send_(batch_);
}

void StateMachines::send_metadata_to_all(const std::vector<TopicPartition>& partitions) {
  send_metadata(context_.broker_ids(), partitions);
}

}  // namespace coordination::cluster
