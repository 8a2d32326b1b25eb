#include "coordination/cluster/topic_deletion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace coordination::cluster {
namespace {

std::vector<PartitionAndReplica> of_queued_topics(const ControllerContext& context,
                                                  std::vector<PartitionAndReplica> replicas) {
  std::erase_if(replicas, [&](const auto& r) { return !context.is_queued_for_deletion(r.partition.topic); });
  return replicas;
}

}  // namespace

void TopicDeletion::initialise(const std::set<std::string>& marked) {
  if (!enabled_) {
    if (!marked.empty()) spdlog::info("delete.topic.enable is false: {} deletion(s) are dropped.", marked.size());
    store_.remove_deletion_marks(marked);
    return;
  }
  for (const std::string& topic : marked) {
    context_.queue_deletion(topic);
    const bool reachable = std::ranges::all_of(context_.replicas_of(topic), [&](const auto& replica) {
      return context_.is_online(replica.replica, replica.partition);
    });
    if (!reachable || context_.is_being_reassigned(topic)) context_.deletions_ineligible.insert(topic);
  }
}

void TopicDeletion::enqueue(const std::set<std::string>& topics) {
  if (!enabled_) return;
  for (const std::string& topic : topics) {
    context_.queue_deletion(topic);
    if (context_.is_being_reassigned(topic)) suspend({topic});
  }
  resume();
}

void TopicDeletion::resume_for(const std::set<std::string>& topics) {
  bool any = false;
  for (const std::string& topic : topics) {
    if (!context_.is_queued_for_deletion(topic) || context_.is_being_reassigned(topic)) continue;
    context_.deletions_ineligible.erase(topic);
    any = true;
  }
  if (any) resume();
}

void TopicDeletion::replicas_deleted(const std::vector<PartitionAndReplica>& replicas) {
  machines_.move(of_queued_topics(context_, replicas), ReplicaState::deletion_successful);
  resume();
}

void TopicDeletion::replicas_failed(const std::vector<PartitionAndReplica>& replicas) {
  const auto failed = of_queued_topics(context_, replicas);
  if (failed.empty()) return;
  machines_.move(failed, ReplicaState::deletion_ineligible);
  std::set<std::string> topics;
  for (const PartitionAndReplica& replica : failed) topics.insert(replica.partition.topic);
  suspend(topics);
  resume();
}

void TopicDeletion::suspend(const std::set<std::string>& topics) {
  spdlog::warn("The deletion of {} waits for replicas that can't be deleted now.", fmt::join(topics, ", "));
  context_.deletions_ineligible.insert(topics.begin(), topics.end());
}

void TopicDeletion::resume() {
  std::set<std::string> complete, to_retry, to_start;
  for (const std::string& topic : context_.deletions()) {
    if (context_.all_replicas_are(topic, ReplicaState::deletion_successful)) {
      complete.insert(topic);
      continue;
    }
    if (context_.any_replica_is(topic, ReplicaState::deletion_started)) continue;
    if (context_.any_replica_is(topic, ReplicaState::deletion_ineligible)) to_retry.insert(topic);
    if (!context_.deletions_ineligible.contains(topic)) to_start.insert(topic);
  }
  if (!complete.empty()) finish(complete);
  std::vector<PartitionAndReplica> failed;
  for (const std::string& topic : to_retry) {
    const auto replicas = context_.replicas_in(topic, ReplicaState::deletion_ineligible);
    failed.insert(failed.end(), replicas.begin(), replicas.end());
  }
  if (!failed.empty()) machines_.take_offline(failed);
  if (!to_start.empty()) start(to_start);
}

void TopicDeletion::finish(const std::set<std::string>& topics) {
  for (const std::string& topic : store_.delete_topics(topics)) {
    machines_.move(context_.replicas_in(topic, ReplicaState::deletion_successful), ReplicaState::non_existent);
    context_.remove_topic(topic);
    spdlog::info("Topic {} is deleted.", topic);
  }
}

void TopicDeletion::start(const std::set<std::string>& topics) {
  std::vector<TopicPartition> all, unseen;
  for (const std::string& topic : topics) {
    const auto partitions = context_.partitions_of(topic);
    all.insert(all.end(), partitions.begin(), partitions.end());
    if (context_.deletions_started.insert(topic).second) {
      unseen.insert(unseen.end(), partitions.begin(), partitions.end());
    }
  }
  machines_.move(unseen, PartitionState::offline);
  machines_.move(unseen, PartitionState::non_existent);
  // Brokers stop serving the topic before its replicas go.
  machines_.send_metadata_to_all(all);
  delete_replicas(topics);
}

void TopicDeletion::delete_replicas(const std::set<std::string>& topics) {
  std::vector<PartitionAndReplica> dead, alive;
  std::set<std::string> incomplete;
  for (const std::string& topic : topics) {
    for (const PartitionAndReplica& replica : context_.replicas_of(topic)) {
      if (!context_.is_online(replica.replica, replica.partition)) {
        dead.push_back(replica);
        incomplete.insert(topic);
      } else if (context_.replica_state(replica) != ReplicaState::deletion_successful) {
        alive.push_back(replica);
      }
    }
  }
  // One that is known to have failed keeps its state: the step isn't allowed from there, nor needed.
  std::erase_if(dead, [&](const auto& r) { return context_.replica_state(r) == ReplicaState::deletion_ineligible; });
  machines_.move(dead, ReplicaState::deletion_ineligible);
  machines_.take_offline(alive);
  machines_.move(alive, ReplicaState::deletion_started);
  if (!incomplete.empty()) suspend(incomplete);
}

}  // namespace coordination::cluster
