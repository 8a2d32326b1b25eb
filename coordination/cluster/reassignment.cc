#include "coordination/cluster/reassignment.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace coordination::cluster {

using protocol::ErrorCode, protocol::fail, protocol::Result;

namespace {

std::vector<PartitionAndReplica> replicas_of(const TopicPartition& tp, const std::vector<BrokerId>& brokers) {
  std::vector<PartitionAndReplica> replicas;
  for (const BrokerId broker : brokers) replicas.push_back({tp, broker});
  return replicas;
}

// As Scala prints a list, which is what Kafka's sentences hold.
std::string text(const std::vector<BrokerId>& replicas) {
  return fmt::format("ArrayBuffer({})", fmt::join(replicas, ", "));
}

Result<void> check_target(const ControllerContext& context, const ReplicaAssignment& now,
                          const std::vector<BrokerId>& target) {
  const auto invalid = [](std::string why) { return fail(ErrorCode::invalid_replica_assignment, std::move(why)); };
  if (target.empty()) return invalid("Empty replica list specified in partition reassignment.");
  if (std::set<BrokerId>(target.begin(), target.end()).size() != target.size()) {
    return invalid(fmt::format("Duplicate replica ids in partition reassignment replica list: {}", text(target)));
  }
  if (std::ranges::any_of(target, [](BrokerId broker) { return broker < 0; })) {
    return invalid(fmt::format("Invalid broker id in replica list: {}", text(target)));
  }
  const std::vector<BrokerId> adding = now.reassigned_to(target).adding;
  if (std::ranges::all_of(adding, [&](BrokerId broker) { return context.broker(broker) != nullptr; })) return {};
  return invalid(
      fmt::format("Replica assignment has brokers that are not alive. Replica list: {}, live broker list: Set({})",
                  text(adding), fmt::join(context.broker_ids(), ", ")));
}

// KIP-860: a client may forbid that the number of replicas changes.
Result<void> check_factor(const ReplicaAssignment& now, const std::vector<BrokerId>& target) {
  const std::size_t factor = now.target().size();
  if (factor == target.size()) return {};
  return fail(ErrorCode::invalid_replication_factor,
              fmt::format("The replication factor is changed from {} to {}", factor, target.size()));
}

}  // namespace

ReassignmentResults Reassignment::alter(const WantedReplicas& wanted, bool may_change_factor) {
  ReassignmentResults results;
  for (const auto& [tp, target] : wanted) results.emplace(tp, alter(tp, target, may_change_factor));
  return results;
}

Result<void> Reassignment::alter(const TopicPartition& tp, const std::optional<std::vector<BrokerId>>& target,
                                 bool may_change_factor) {
  const PartitionEntry* partition = context_.partition(tp);
  const ReplicaAssignment now = partition ? partition->assignment : ReplicaAssignment();
  if (target) {
    if (auto valid = check_target(context_, now, *target); !valid) return valid;
  } else if (!now.is_being_reassigned()) {
    return fail(ErrorCode::no_reassignment_in_progress);
  }
  if (!partition || context_.is_queued_for_deletion(tp.topic)) {
    return fail(ErrorCode::unknown_topic_or_partition, "The partition does not exist.");
  }
  if (target && !may_change_factor) {
    if (auto kept = check_factor(now, *target); !kept) return kept;
  }
  return advance(tp, now.reassigned_to(target ? *target : now.origin()));
}

Reassignments Reassignment::list(const std::optional<std::set<TopicPartition>>& partitions) const {
  Reassignments found;
  for (const TopicPartition& tp : partitions ? *partitions : context_.reassignments) {
    const PartitionEntry* partition = context_.partition(tp);
    if (partition && partition->assignment.is_being_reassigned()) found.emplace(tp, partition->assignment);
  }
  return found;
}

void Reassignment::resume_all() {
  for (const TopicPartition& tp : std::set(context_.reassignments)) {
    if (const PartitionEntry* partition = context_.partition(tp)) {
      (void)advance(tp, ReplicaAssignment(partition->assignment));
    }
  }
}

void Reassignment::resume_for(const std::vector<BrokerId>& brokers) {
  for (const TopicPartition& tp : std::set(context_.reassignments)) {
    const PartitionEntry* partition = context_.partition(tp);
    if (!partition) continue;
    const std::vector<BrokerId> target = partition->assignment.target();
    if (std::ranges::any_of(brokers, [&](BrokerId broker) { return contains(target, broker); })) {
      (void)advance(tp, ReplicaAssignment(partition->assignment));
    }
  }
}

// Takes the partition as far as its in-sync set allows now. The state node's watch calls again.
Result<void> Reassignment::advance(const TopicPartition& tp, const ReplicaAssignment& assignment) {
  if (!adopt(tp, assignment)) {
    return fail(ErrorCode::unknown_server_error, "The metadata store didn't take the assignment.");
  }
  if (is_complete(tp, assignment)) {
    complete(tp, assignment);
    return {};
  }
  machines_.announce_assignment(tp);
  std::vector<PartitionAndReplica> fresh = replicas_of(tp, assignment.adding);
  std::erase_if(fresh, [&](const auto& r) { return context_.replica_state(r) != ReplicaState::non_existent; });
  machines_.move(fresh, ReplicaState::created);
  return {};
}

// The store knows of the way before anybody sets out on it. Replicas that only an earlier way needed go.
bool Reassignment::adopt(const TopicPartition& tp, const ReplicaAssignment& assignment) {
  PartitionEntry& partition = *context_.partition(tp);
  if (partition.assignment != assignment) {
    if (!write(tp, assignment)) return false;
    std::vector<BrokerId> unneeded = partition.assignment.replicas;
    std::erase_if(unneeded, [&](BrokerId broker) { return contains(assignment.replicas, broker); });
    partition.assignment = assignment;
    if (!unneeded.empty()) drop_replicas(tp, unneeded);
  }
  context_.reassignments.insert(tp);
  return true;
}

bool Reassignment::is_complete(const TopicPartition& tp, const ReplicaAssignment& assignment) {
  if (!assignment.is_being_reassigned()) return true;
  const auto state = store_.partition_state(
      tp, [post = post_, tp, this](const metadata_store::WatchEvent&) { post([this, tp] { state_changed(tp); }); });
  return state && std::ranges::all_of(assignment.target(),
                                      [&](BrokerId broker) { return contains(state->leader_and_isr.isr, broker); });
}

void Reassignment::complete(const TopicPartition& tp, const ReplicaAssignment& assignment) {
  machines_.move(replicas_of(tp, assignment.adding), ReplicaState::online);
  const ReplicaAssignment completed{.replicas = assignment.target()};
  context_.partition(tp)->assignment = completed;
  lead_from_target(tp);
  drop_replicas(tp, assignment.removing);
  // Last, since it is the only place where the old replicas stand: a later controller would have to drop them.
  const bool changes = assignment != completed;
  if (changes && !write(tp, completed)) spdlog::error("Controller: the reassignment of {} ended unwritten.", tp.text());
  context_.reassignments.erase(tp);
  machines_.send_metadata_to_all({tp});
  spdlog::info("Partition {} is on its target replicas {}.", tp.text(), fmt::join(completed.replicas, ", "));
  if (!context_.is_being_reassigned(tp.topic)) ended_(tp.topic);
}

// Whoever leads on hears of the new replicas with a new epoch, so that no other comes back into the in-sync set.
void Reassignment::lead_from_target(const TopicPartition& tp) {
  const PartitionEntry& partition = *context_.partition(tp);
  if (!partition.leadership) return;
  const BrokerId leader = partition.leadership->leader_and_isr.leader;
  if (contains(partition.assignment.replicas, leader) && context_.is_online(leader, tp)) {
    machines_.announce_assignment(tp);
  } else {
    machines_.bring_online({tp}, ElectionStrategy::reassign);
  }
}

void Reassignment::drop_replicas(const TopicPartition& tp, const std::vector<BrokerId>& brokers) {
  if (brokers.empty()) return;
  const std::vector<PartitionAndReplica> replicas = replicas_of(tp, brokers);
  machines_.take_offline(replicas);
  // As in Kafka, nobody waits for the brokers' answers: what can't be deleted now is a stray for its broker later.
  machines_.move(replicas, ReplicaState::deletion_started);
  machines_.move(replicas, ReplicaState::deletion_successful);
  machines_.move(replicas, ReplicaState::non_existent);
}

bool Reassignment::write(const TopicPartition& tp, const ReplicaAssignment& assignment) {
  const TopicEntry& topic = *context_.topic(tp.topic);
  TopicAssignment node{.topic_id = topic.id};
  for (const auto& [index, partition] : topic.partitions) node.partitions[index] = partition.assignment;
  node.partitions[tp.partition] = assignment;
  return store_.set_topics({{tp.topic, node}});
}

void Reassignment::state_changed(const TopicPartition& tp) {
  if (!context_.reassignments.contains(tp)) return;
  const ReplicaAssignment assignment = context_.partition(tp)->assignment;
  if (is_complete(tp, assignment)) complete(tp, assignment);
}

}  // namespace coordination::cluster
