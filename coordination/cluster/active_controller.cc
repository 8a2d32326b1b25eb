#include "coordination/cluster/active_controller.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "coordination/cluster/topic_id.h"

namespace coordination::cluster {

using metadata_store::WatchEvent, metadata_store::WatchEventType;
using protocol::ErrorCode;

namespace {

std::set<std::string> topics_of(const std::vector<PartitionAndReplica>& replicas) {
  std::set<std::string> topics;
  for (const PartitionAndReplica& replica : replicas) topics.insert(replica.partition.topic);
  return topics;
}

// Answers borrow their strings from what the channel received; on the event thread that is gone.
std::vector<ActiveController::ReplicaAnswer> answers_of(BrokerId broker,
                                                        const protocol::LeaderAndIsrResponse& response) {
  std::vector<ActiveController::ReplicaAnswer> answers;
  if (response.error_code != ErrorCode::none) {
    spdlog::error("Controller: broker {} answered LeaderAndIsr with {}.", broker, name(response.error_code));
    return answers;
  }
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partition_errors) {
      answers.push_back({topic.topic_id, partition.partition_index, partition.error_code});
    }
  }
  return answers;
}

std::set<TopicPartition> errors_of(const protocol::StopReplicaResponse& response) {
  std::set<TopicPartition> in_error;
  for (const auto& partition : response.partition_errors) {
    if (partition.error_code == ErrorCode::none) continue;
    in_error.insert({partition.topic_name.str(), partition.partition_index});
  }
  return in_error;
}

}  // namespace

ActiveController::ActiveController(const ControllerOptions& options, ControllerStore& store, BrokerChannels& channels,
                                   Post post, ControllerStore::Election election)
    : options_(options),
      store_(store),
      channel_factory_(channels),
      post_(std::move(post)),
      next_seed_(mix(options.seed + static_cast<std::uint32_t>(election.epoch))),
      machines_(context_, store, options.unclean_leader_election, [this](RequestBatch& batch) { send(batch); }),
      deletion_(context_, store, machines_, options.delete_topics),
      reassignment_(context_, store, machines_, post_,
                    [this](const std::string& topic) { deletion_.resume_for({topic}); }) {
  context_.epoch = election.epoch;
  context_.epoch_version = election.epoch_version;
}

metadata_store::Watch ActiveController::on_change(std::function<void()> event) {
  return [post = post_, event = std::move(event)](const WatchEvent&) { post(event); };
}

bool ActiveController::take_over() {
  store_.create_features_node();
  // Notifications of the time before are answered by reading everything.
  store_.remove_children(path::log_dir_events, store_.children(path::log_dir_events));
  store_.remove_children(path::isr_changes, store_.children(path::isr_changes));
  read_cluster();
  (void)store_.children(path::log_dir_events, on_change([this] { log_dirs_failed(); }));
  const auto deletions = store_.children(path::delete_topics, on_change([this] { deletions_changed(); }));
  if (store_.read_failed() || store_.deposed()) return false;
  bring_to_order(deletions);
  // Marks for topics that don't exist are swept away, the others have been queued.
  std::set<std::string> marked;
  for (const std::string& topic : deletions) {
    if (context_.topic(topic)) marked.insert(topic);
  }
  std::set<std::string> stray;
  std::ranges::set_difference(deletions, marked, std::inserter(stray, stray.end()));
  store_.remove_deletion_marks(stray);
  reassignment_.resume_all();
  deletion_.resume();
  return !store_.read_failed() && !store_.deposed();
}

void ActiveController::read_cluster() {
  for (const BrokerRegistration& broker : store_.brokers(on_change([this] { brokers_changed(); }))) {
    add_broker(broker);
  }
  const auto topics = store_.children(path::topics, on_change([this] { topics_changed(); }));
  const std::vector<TopicPartition> partitions = take_in(topics);
  for (auto& [partition, state] : store_.partition_states(partitions)) {
    context_.partition(partition)->leadership = std::move(state);
  }
}

// Each topic is read by what leaves the watch, so that no change falls between the two. Returns the partitions.
std::vector<TopicPartition> ActiveController::take_in(const std::set<std::string>& names) {
  std::map<std::string, TopicAssignment> topics;
  for (const std::string& topic : names) {
    auto assignment = store_.topic(topic, on_change([this, topic] { topic_changed(topic); }));
    if (assignment) topics.emplace(topic, std::move(*assignment));
  }
  add_topic_ids(topics);
  std::vector<TopicPartition> partitions;
  for (auto& [topic, assignment] : topics) {
    for (auto& [index, replicas] : assignment.partitions) {
      if (replicas.is_being_reassigned()) context_.reassignments.insert({topic, index});
      context_.add_partition({topic, index}, std::move(replicas));
      partitions.push_back({topic, index});
    }
  }
  return partitions;
}

// Kafka's order: brokers must know who is alive before they can follow anybody, replicas come before leaders, and
// elections need to know which replicas are there.
void ActiveController::bring_to_order(const std::set<std::string>& marked) {
  deletion_.initialise(marked);
  machines_.send_metadata_to_all({});
  initialise_replica_states(context_);
  std::vector<PartitionAndReplica> online, offline;
  for (PartitionAndReplica& replica : context_.replicas_of(context_.all_partitions())) {
    const bool alive = context_.is_online(replica.replica, replica.partition);
    (alive ? online : offline).push_back(std::move(replica));
  }
  machines_.move(online, ReplicaState::online);
  machines_.take_offline(offline);
  initialise_partition_states(context_);
  machines_.bring_online(partitions_without_leader(context_), ElectionStrategy::offline);
}

void ActiveController::set_unclean_leader_election(bool allowed) {
  machines_.set_unclean_by_default(allowed);
  if (allowed) machines_.bring_online(partitions_without_leader(context_), ElectionStrategy::offline);
}

// Nothing to do is an error, too: so Kafka answers.
protocol::Result<BrokerId> ActiveController::check_electable(const TopicPartition& tp, ElectionType type) const {
  const PartitionEntry* partition = context_.partition(tp);
  if (!partition) return protocol::fail(ErrorCode::unknown_topic_or_partition, "The partition does not exist.");
  if (context_.is_queued_for_deletion(tp.topic)) {
    return protocol::fail(ErrorCode::invalid_topic_exception, "The topic is being deleted");
  }
  const BrokerId leader = partition->leadership ? partition->leadership->leader_and_isr.leader : no_leader;
  const bool valid = type == ElectionType::preferred
                         ? !partition->assignment.replicas.empty() && leader == partition->assignment.replicas.front()
                         : leader != no_leader && context_.broker(leader) != nullptr;
  if (valid) return protocol::fail(ErrorCode::election_not_needed);
  return leader;
}

ElectionResults ActiveController::elect_leaders(const std::set<TopicPartition>& partitions, ElectionType type) {
  ElectionResults results;
  std::vector<TopicPartition> electable;
  for (const TopicPartition& tp : partitions) {
    const auto& result = results.emplace(tp, check_electable(tp, type)).first->second;
    if (result) electable.push_back(tp);
  }
  const bool preferred = type == ElectionType::preferred;
  machines_.bring_online(electable, preferred ? ElectionStrategy::preferred : ElectionStrategy::offline_unclean);
  for (const TopicPartition& tp : electable) {
    if (check_electable(tp, type).code() == ErrorCode::election_not_needed) {
      results.at(tp) = context_.partition(tp)->leadership->leader_and_isr.leader;
      continue;
    }
    results.at(tp) = protocol::fail(
        preferred ? ErrorCode::preferred_leader_not_available : ErrorCode::eligible_leaders_not_available,
        fmt::format("Failed to elect leader for partition {} under strategy {}", tp.text(),
                    preferred ? "PreferredReplicaPartitionLeaderElectionStrategy"
                              : "OfflinePartitionLeaderElectionStrategy(true)"));
  }
  return results;
}

ErrorCode ActiveController::check_broker(BrokerId broker, std::int64_t epoch) const {
  const BrokerRegistration* known = context_.broker(broker);
  if (!known) return ErrorCode::broker_id_not_registered;
  return known->epoch == epoch ? ErrorCode::none : ErrorCode::stale_broker_epoch;
}

void ActiveController::add_broker(const BrokerRegistration& broker) {
  // Read again with the watch: it may have announced other endpoints since.
  const auto now = watch_broker(broker.id);
  context_.set_broker(now ? *now : broker);
  channels_[broker.id] = channel_factory_.open(*context_.broker(broker.id));
}

std::optional<BrokerRegistration> ActiveController::watch_broker(BrokerId id) {
  return store_.broker(id, [this, post = post_, id](const WatchEvent& event) {
    if (event.type == WatchEventType::data_changed) post([this, id] { broker_changed(id); });
  });
}

void ActiveController::drop_broker(BrokerId id) {
  channels_.erase(id);
  context_.remove_broker(id);
}

void ActiveController::brokers_changed() {
  std::map<BrokerId, BrokerRegistration> now;
  for (BrokerRegistration& broker : store_.brokers(on_change([this] { brokers_changed(); }))) {
    now.emplace(broker.id, std::move(broker));
  }
  if (store_.read_failed()) return;  // the session's end will tell
  std::vector<BrokerId> started, failed;
  for (const auto& [id, broker] : context_.brokers()) {
    const auto found = now.find(id);
    // The same id with a later epoch went away and came back.
    if (found == now.end() || found->second.epoch > broker.epoch) failed.push_back(id);
  }
  for (const auto& [id, broker] : now) {
    const BrokerRegistration* known = context_.broker(id);
    if (!known || broker.epoch > known->epoch) started.push_back(id);
  }
  if (!failed.empty()) {
    spdlog::info("Controller: broker(s) {} went away.", fmt::join(failed, ", "));
    for (const BrokerId id : failed) drop_broker(id);
    brokers_failed(failed);
  }
  if (!started.empty()) {
    spdlog::info("Controller: broker(s) {} came.", fmt::join(started, ", "));
    for (const BrokerId id : started) add_broker(now.at(id));
    brokers_started(started);
  }
}

void ActiveController::broker_changed(BrokerId id) {
  const auto now = watch_broker(id);
  const BrokerRegistration* known = context_.broker(id);
  if (!now || !known || known->epoch != now->epoch) return;  // brokers_changed() sees to it
  if (known->endpoints == now->endpoints && known->rack == now->rack) return;
  const auto address = [this](const BrokerRegistration& broker) {
    const BrokerEndpoint* endpoint = broker.endpoint(options_.inter_broker_listener);
    return endpoint ? std::optional(*endpoint) : std::nullopt;
  };
  const bool moved = address(*known) != address(*now);
  context_.set_broker(*now);
  if (moved) {
    reconnect(id);
  } else {
    machines_.send_metadata_to_all({});
  }
}

// To another address. What the old channel held is lost, so that the broker is told everything again.
void ActiveController::reconnect(BrokerId id) {
  channels_[id] = channel_factory_.open(*context_.broker(id));
  std::vector<PartitionAndReplica> being_deleted = context_.replicas_on(id);
  std::erase_if(being_deleted,
                [&](const auto& r) { return context_.replica_state(r) != ReplicaState::deletion_started; });
  if (!being_deleted.empty()) deletion_.replicas_failed(being_deleted);
  brokers_started({id});
}

void ActiveController::brokers_started(const std::vector<BrokerId>& ids) {
  std::vector<BrokerId> others = context_.broker_ids();
  std::erase_if(others, [&](BrokerId id) { return contains(ids, id); });
  machines_.send_metadata(others, {});
  machines_.send_metadata(ids, context_.all_partitions());
  std::vector<PartitionAndReplica> replicas;
  for (const BrokerId id : ids) {
    context_.set_offline_dirs(id, {});
    const auto on_broker = context_.replicas_on(id);
    replicas.insert(replicas.end(), on_broker.begin(), on_broker.end());
  }
  std::vector<PartitionAndReplica> kept = replicas;
  std::erase_if(kept, [&](const auto& r) { return context_.is_queued_for_deletion(r.partition.topic); });
  machines_.move(kept, ReplicaState::online);
  machines_.bring_online(partitions_without_leader(context_), ElectionStrategy::offline);
  reassignment_.resume_for(ids);
  deletion_.resume_for(topics_of(replicas));
}

void ActiveController::brokers_failed(const std::vector<BrokerId>& ids) {
  std::vector<PartitionAndReplica> replicas;
  for (const BrokerId id : ids) {
    context_.set_offline_dirs(id, {});
    const auto on_broker = context_.replicas_on(id);
    replicas.insert(replicas.end(), on_broker.begin(), on_broker.end());
  }
  replicas_became_offline(replicas);
}

void ActiveController::replicas_became_offline(const std::vector<PartitionAndReplica>& replicas) {
  std::vector<PartitionAndReplica> being_deleted, others;
  for (const PartitionAndReplica& replica : replicas) {
    (context_.is_queued_for_deletion(replica.partition.topic) ? being_deleted : others).push_back(replica);
  }
  machines_.move(partitions_with_offline_leader(context_), PartitionState::offline);
  const std::size_t led = machines_.bring_online(partitions_without_leader(context_), ElectionStrategy::offline);
  machines_.take_offline(others);
  if (!being_deleted.empty()) deletion_.replicas_failed(being_deleted);
  // Otherwise nothing so far told the brokers who is alive.
  if (others.empty() && led == 0) machines_.send_metadata_to_all({});
}

void ActiveController::topics_changed() {
  const auto now = store_.children(path::topics, on_change([this] { topics_changed(); }));
  if (store_.read_failed()) return;
  std::set<std::string> added;
  for (const std::string& topic : now) {
    if (!context_.topic(topic)) added.insert(topic);
  }
  std::vector<std::string> gone;
  for (const auto& [topic, entry] : context_.topics()) {
    if (!now.contains(topic)) gone.push_back(topic);
  }
  for (const std::string& topic : gone) context_.remove_topic(topic);
  create_partitions(take_in(added));
}

void ActiveController::topic_changed(const std::string& topic) {
  if (!context_.topic(topic)) return;
  const auto assignment = store_.topic(topic, on_change([this, topic] { topic_changed(topic); }));
  if (!assignment) return;  // deleted meanwhile, or the session's end will tell
  std::vector<TopicPartition> added;
  for (const auto& [index, replicas] : assignment->partitions) {
    if (!context_.partition({topic, index})) added.push_back({topic, index});
  }
  if (added.empty()) return;
  if (context_.is_queued_for_deletion(topic)) {
    spdlog::warn("Controller: {} partition(s) added to {} are taken back, the topic is being deleted.", added.size(),
                 topic);
    TopicAssignment restored = *assignment;
    for (const TopicPartition& tp : added) restored.partitions.erase(tp.partition);
    store_.set_topics({{topic, restored}});
    return;
  }
  for (const TopicPartition& tp : added) context_.add_partition(tp, assignment->partitions.at(tp.partition));
  create_partitions(added);
}

void ActiveController::create_partitions(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return;
  const std::vector<PartitionAndReplica> replicas = context_.replicas_of(partitions);
  machines_.move(partitions, PartitionState::created);
  machines_.move(replicas, ReplicaState::created);
  machines_.bring_online(partitions, ElectionStrategy::offline);
  machines_.move(replicas, ReplicaState::online);
}

// Topics from before Kafka 2.8 get their ids here.
void ActiveController::add_topic_ids(std::map<std::string, TopicAssignment>& topics) {
  std::map<std::string, TopicAssignment> changed;
  for (auto& [topic, assignment] : topics) {
    if (!assignment.topic_id) {
      assignment.topic_id = make_topic_id(mix(next_seed_++));
      changed.emplace(topic, assignment);
    }
    context_.set_topic_id(topic, *assignment.topic_id);
  }
  if (!changed.empty()) store_.set_topics(changed);
}

void ActiveController::deletions_changed() {
  const auto marked = store_.children(path::delete_topics, on_change([this] { deletions_changed(); }));
  if (store_.read_failed()) return;
  std::set<std::string> known, unknown;
  for (const std::string& topic : marked) (context_.topic(topic) ? known : unknown).insert(topic);
  if (!options_.delete_topics) unknown = marked;
  store_.remove_deletion_marks(unknown);
  std::set<std::string> fresh;
  for (const std::string& topic : known) {
    if (!context_.is_queued_for_deletion(topic)) fresh.insert(topic);
  }
  if (!fresh.empty()) deletion_.enqueue(fresh);
}

void ActiveController::log_dirs_failed() {
  const auto events = store_.children(path::log_dir_events, on_change([this] { log_dirs_failed(); }));
  std::set<BrokerId> brokers;
  for (const std::string& event : events) {
    if (const auto broker = store_.log_dir_event(event)) brokers.insert(*broker);
  }
  // The broker is asked to take its partitions again; its answer tells which of them it can't.
  for (const BrokerId broker : brokers) {
    std::vector<PartitionAndReplica> replicas = context_.replicas_on(broker);
    std::erase_if(replicas, [&](const auto& r) { return context_.is_queued_for_deletion(r.partition.topic); });
    machines_.move(replicas, ReplicaState::online);
  }
  store_.remove_children(path::log_dir_events, events);
}

void ActiveController::send(RequestBatch& batch) {
  if (batch.empty()) return;
  auto requests = batch.take(context_, options_.broker_id, options_.inter_broker_listener);
  if (store_.deposed()) return;  // another controller speaks now
  for (auto& [broker, request] : requests.leader_and_isr) {
    channels_.at(broker)->leader_and_isr(
        std::move(request), [this, post = post_, id = broker](const protocol::LeaderAndIsrResponse& response) {
          post([this, id, answers = answers_of(id, response)] { answered(id, answers); });
        });
  }
  for (auto& [broker, request] : requests.update_metadata) {
    channels_.at(broker)->update_metadata(
        std::move(request), [id = broker](const protocol::UpdateMetadataResponse& response) {
          if (response.error_code != ErrorCode::none) {
            spdlog::error("Controller: broker {} answered UpdateMetadata with {}.", id, name(response.error_code));
          }
        });
  }
  for (auto& [broker, request] : requests.stop_replica) {
    std::vector<TopicPartition> deleted;
    for (const auto& topic : request.topic_states) {
      for (const auto& partition : topic.partition_states) {
        if (partition.delete_partition) deleted.push_back({topic.topic_name.str(), partition.partition_index});
      }
    }
    channels_.at(broker)->stop_replica(
        std::move(request),
        [this, post = post_, id = broker, deleted = std::move(deleted)](const protocol::StopReplicaResponse& response) {
          const std::set<TopicPartition> in_error = errors_of(response);
          std::vector<PartitionAndReplica> done, failed;
          for (const TopicPartition& tp : deleted) {
            const bool ok = response.error_code == ErrorCode::none && !in_error.contains(tp);
            (ok ? done : failed).push_back({tp, id});
          }
          post([this, done = std::move(done), failed = std::move(failed)] {
            if (!failed.empty()) deletion_.replicas_failed(failed);
            if (!done.empty()) deletion_.replicas_deleted(done);
          });
        });
  }
}

void ActiveController::answered(BrokerId broker, const std::vector<ReplicaAnswer>& answers) {
  std::set<TopicPartition> offline = context_.offline_dirs(broker);
  std::vector<PartitionAndReplica> fresh;
  for (const ReplicaAnswer& answer : answers) {
    const std::string* topic_name = context_.topic_name(answer.topic_id);
    if (!topic_name) continue;
    const TopicPartition tp{*topic_name, answer.partition};
    if (answer.error == ErrorCode::none) {
      offline.erase(tp);
    } else if (answer.error == ErrorCode::kafka_storage_error) {
      if (offline.insert(tp).second) fresh.push_back({tp, broker});
    } else {
      spdlog::warn("Controller: broker {} answered LeaderAndIsr for {} with {}.", broker, tp.text(),
                   name(answer.error));
    }
  }
  context_.set_offline_dirs(broker, std::move(offline));
  if (!fresh.empty()) {
    spdlog::warn("Controller: {} replica(s) on broker {} are on offline log directories.", fresh.size(), broker);
    replicas_became_offline(fresh);
  }
}

}  // namespace coordination::cluster
