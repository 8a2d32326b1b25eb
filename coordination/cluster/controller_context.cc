#include "coordination/cluster/controller_context.h"

#include <algorithm>
#include <array>
#include <initializer_list>

namespace coordination::cluster {
namespace {

template <typename State>
bool is_one_of(State state, std::initializer_list<State> states) {
  return std::ranges::find(states, state) != states.end();
}

// The replica's entry, or nullptr.
template <typename Entry>
auto* find_replica(Entry& entry, BrokerId broker) {
  const auto found = std::ranges::find(entry.replicas, broker, &ReplicaEntry::broker);
  return found == entry.replicas.end() ? nullptr : &*found;
}

}  // namespace

std::string_view name(PartitionState state) {
  constexpr std::array names = {"NonExistentPartition", "NewPartition", "OnlinePartition", "OfflinePartition"};
  return names[static_cast<std::size_t>(state)];
}

std::string_view name(ReplicaState state) {
  constexpr std::array names = {"NonExistentReplica",
                                "NewReplica",
                                "OnlineReplica",
                                "OfflineReplica",
                                "ReplicaDeletionStarted",
                                "ReplicaDeletionSuccessful",
                                "ReplicaDeletionIneligible"};
  return names[static_cast<std::size_t>(state)];
}

bool contains(const std::vector<BrokerId>& brokers, BrokerId broker) {
  return std::ranges::find(brokers, broker) != brokers.end();
}

bool is_valid_step(PartitionState from, PartitionState to) {
  using enum PartitionState;
  switch (to) {
    case created:
      return from == non_existent;
    case online:
    case offline:
      return is_one_of(from, {created, online, offline});
    case non_existent:
      return from == offline;
  }
  return false;
}

bool is_valid_step(ReplicaState from, ReplicaState to) {
  using enum ReplicaState;
  switch (to) {
    case created:
      return from == non_existent;
    case online:
    case offline:
      return is_one_of(from, {created, online, offline, deletion_ineligible});
    case deletion_started:
      return from == offline;
    case deletion_successful:
      return from == deletion_started;
    case deletion_ineligible:
      return is_one_of(from, {offline, deletion_started});
    case non_existent:
      return from == deletion_successful;
  }
  return false;
}

const BrokerRegistration* ControllerContext::broker(BrokerId id) const {
  const auto found = brokers_.find(id);
  return found == brokers_.end() ? nullptr : &found->second;
}

std::vector<BrokerId> ControllerContext::broker_ids() const {
  std::vector<BrokerId> ids;
  for (const auto& [id, broker] : brokers_) ids.push_back(id);
  return ids;
}

bool ControllerContext::is_online(BrokerId replica, const TopicPartition& partition) const {
  return brokers_.contains(replica) && !offline_dirs(replica).contains(partition);
}

void ControllerContext::set_offline_dirs(BrokerId broker, std::set<TopicPartition> partitions) {
  if (partitions.empty()) {
    offline_dirs_.erase(broker);
  } else {
    offline_dirs_[broker] = std::move(partitions);
  }
}

const std::set<TopicPartition>& ControllerContext::offline_dirs(BrokerId broker) const {
  static const std::set<TopicPartition> none;
  const auto found = offline_dirs_.find(broker);
  return found == offline_dirs_.end() ? none : found->second;
}

const TopicEntry* ControllerContext::topic(const std::string& name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

const std::string* ControllerContext::topic_name(const protocol::Uuid& id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? nullptr : &found->second;
}

void ControllerContext::set_topic_id(const std::string& topic, const protocol::Uuid& id) {
  topics_[topic].id = id;
  names_[id] = topic;
}

void ControllerContext::remove_topic(const std::string& name) {
  const auto found = topics_.find(name);
  if (found != topics_.end()) {
    names_.erase(found->second.id);
    topics_.erase(found);
  }
  std::erase_if(reassignments, [&](const TopicPartition& tp) { return tp.topic == name; });
  deletions_.erase(name);
  deletions_started.erase(name);
  deletions_ineligible.erase(name);
}

const PartitionEntry* ControllerContext::partition(const TopicPartition& partition) const {
  const TopicEntry* entry = topic(partition.topic);
  if (!entry) return nullptr;
  const auto found = entry->partitions.find(partition.partition);
  return found == entry->partitions.end() ? nullptr : &found->second;
}

PartitionEntry* ControllerContext::partition(const TopicPartition& partition) {
  return const_cast<PartitionEntry*>(std::as_const(*this).partition(partition));
}

PartitionEntry& ControllerContext::add_partition(const TopicPartition& partition, ReplicaAssignment assignment) {
  PartitionEntry& entry = topics_[partition.topic].partitions[partition.partition];
  entry.assignment = std::move(assignment);
  return entry;
}

std::vector<TopicPartition> ControllerContext::partitions_of(const std::string& name) const {
  std::vector<TopicPartition> partitions;
  if (const TopicEntry* entry = topic(name)) {
    for (const auto& [index, partition] : entry->partitions) partitions.push_back({name, index});
  }
  return partitions;
}

std::vector<TopicPartition> ControllerContext::all_partitions() const {
  std::vector<TopicPartition> partitions;
  for (const auto& [name, entry] : topics_) {
    for (const auto& [index, partition] : entry.partitions) partitions.push_back({name, index});
  }
  return partitions;
}

std::vector<PartitionAndReplica> ControllerContext::replicas_of(const std::string& topic) const {
  return replicas_of(partitions_of(topic));
}

std::vector<PartitionAndReplica> ControllerContext::replicas_of(const std::vector<TopicPartition>& partitions) const {
  std::vector<PartitionAndReplica> replicas;
  for (const TopicPartition& tp : partitions) {
    const PartitionEntry* entry = partition(tp);
    if (!entry) continue;
    for (const BrokerId broker : entry->assignment.replicas) replicas.push_back({tp, broker});
  }
  return replicas;
}

std::vector<PartitionAndReplica> ControllerContext::replicas_on(BrokerId broker) const {
  std::vector<PartitionAndReplica> replicas;
  for (const auto& [name, entry] : topics_) {
    for (const auto& [index, partition] : entry.partitions) {
      if (contains(partition.assignment.replicas, broker)) replicas.push_back({{name, index}, broker});
    }
  }
  return replicas;
}

ReplicaState ControllerContext::replica_state(const PartitionAndReplica& replica) const {
  const PartitionEntry* entry = partition(replica.partition);
  const ReplicaEntry* found = entry ? find_replica(*entry, replica.replica) : nullptr;
  return found ? found->state : ReplicaState::non_existent;
}

void ControllerContext::set_replica_state(const PartitionAndReplica& replica, ReplicaState state) {
  PartitionEntry* entry = partition(replica.partition);
  if (!entry) return;
  if (state == ReplicaState::non_existent) {
    std::erase_if(entry->replicas, [&](const ReplicaEntry& r) { return r.broker == replica.replica; });
  } else if (ReplicaEntry* found = find_replica(*entry, replica.replica)) {
    found->state = state;
  } else {
    entry->replicas.push_back({replica.replica, state});
  }
}

bool ControllerContext::any_replica_is(const std::string& topic, ReplicaState state) const {
  return std::ranges::any_of(replicas_of(topic), [&](const auto& r) { return replica_state(r) == state; });
}

bool ControllerContext::all_replicas_are(const std::string& topic, ReplicaState state) const {
  return std::ranges::all_of(replicas_of(topic), [&](const auto& r) { return replica_state(r) == state; });
}

std::vector<PartitionAndReplica> ControllerContext::replicas_in(const std::string& topic, ReplicaState state) const {
  std::vector<PartitionAndReplica> replicas = replicas_of(topic);
  std::erase_if(replicas, [&](const auto& r) { return replica_state(r) != state; });
  return replicas;
}

bool ControllerContext::is_being_reassigned(const std::string& topic) const {
  const auto first = reassignments.lower_bound({topic, 0});
  return first != reassignments.end() && first->topic == topic;
}

std::int32_t ControllerContext::leader_epoch(const TopicPartition& tp) const {
  if (is_queued_for_deletion(tp.topic)) return leader_epoch_during_delete;
  const PartitionEntry* entry = partition(tp);
  return entry && entry->leadership ? entry->leadership->leader_and_isr.leader_epoch : -1;
}

}  // namespace coordination::cluster
