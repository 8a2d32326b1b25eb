#include "broker/replication/replica_manager.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "broker/metadata_cache.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"
#include "storage/log.h"
#include "storage/log_manager.h"

namespace broker {

using protocol::ErrorCode, protocol::fail, protocol::LeaderEpoch, protocol::MutexLock, protocol::PartitionIndex,
    protocol::ReaderLock, protocol::Result, protocol::TopicPartition, protocol::Uuid, protocol::WriterLock;

namespace {

// Leader epochs that StopReplica carries instead of a real one: the topic is being deleted, or an old controller.
constexpr LeaderEpoch epoch_during_delete = -2;
constexpr LeaderEpoch no_epoch = -1;

using WireState = protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState;

PartitionState to_state(const WireState& wire) {
  return {.controller_epoch = wire.controller_epoch,
          .leader = wire.leader,
          .leader_epoch = wire.leader_epoch,
          .partition_epoch = wire.partition_epoch,
          .isr = wire.isr,
          .replicas = wire.replicas,
          .adding_replicas = wire.adding_replicas,
          .removing_replicas = wire.removing_replicas,
          .is_new = wire.is_new};
}

std::optional<Uuid> known_id(const Uuid& id) {
  if (id.is_zero()) return std::nullopt;
  return id;
}

}  // namespace

ReplicaManager::ReplicaManager(ReplicaManagerOptions options, storage::LogManager& logs, MetadataCache& metadata,
                               const protocol::Clock& clock)
    : options_(std::move(options)), logs_(logs), metadata_(metadata), clock_(clock) {
  environment_.local_broker = options_.broker_id;
  environment_.replica_lag_time_max_ms = options_.replica_lag_time_max_ms;
  environment_.metrics = options_.metrics;
  environment_.clock = &clock_;
  environment_.logs = &logs_;
  environment_.is_alive = [this](protocol::BrokerId id) { return metadata_.snapshot()->broker(id) != nullptr; };
  environment_.open_log = [this](const TopicPartition& id,
                                 std::optional<Uuid> topic_id) -> Result<std::shared_ptr<storage::Log>> {
    auto log = logs_.get_or_create(id, topic_id, clock_.now_ms());
    if (log) {
      (*log)->update_high_watermark(logs_.checkpointed_high_watermark(id).value_or(0));
      (*log)->prepare_appends();
    }
    return log;
  };
}

ReplicaManager::~ReplicaManager() = default;

void ReplicaManager::add_listener(LeadershipListener& listener) { listeners_.push_back(&listener); }

void ReplicaManager::add_deletion_listener(DeletionListener listener) {
  deletion_listeners_.push_back(std::move(listener));
}

// ---- LeaderAndIsr

protocol::LeaderAndIsrResponse ReplicaManager::become_leader_or_follower(const protocol::LeaderAndIsrRequest& request,
                                                                         protocol::ApiVersion version) {
  using Response = protocol::LeaderAndIsrResponse;
  constexpr protocol::ApiVersion first_with_topics = 2, first_answer_by_id = 5;
  Response response;
  MutexLock lock(state_change_mutex_);
  if (stopped_) {
    response.error_code = ErrorCode::broker_not_available;
    return response;
  }
  if (request.controller_epoch < controller_epoch_) {
    spdlog::warn("LeaderAndIsr of controller {} ignored: its epoch {} is older than {}", request.controller_id,
                 request.controller_epoch, controller_epoch_);
    response.error_code = ErrorCode::stale_controller_epoch;
    return response;
  }
  controller_epoch_ = request.controller_epoch;
  populated_ = true;

  if (version < first_with_topics) {
    for (const WireState& wire : request.ungrouped_partition_states) {
      const ErrorCode code = apply({wire.topic_name.str(), wire.partition_index}, std::nullopt, to_state(wire));
      response.partition_errors.push_back(
          {.topic_name = wire.topic_name, .partition_index = wire.partition_index, .error_code = code});
    }
    return response;
  }
  for (const auto& topic : request.topic_states) {
    Response::LeaderAndIsrTopicError answers{.topic_id = topic.topic_id};
    for (const WireState& wire : topic.partition_states) {
      const TopicPartition id{topic.topic_name.str(), wire.partition_index};
      const ErrorCode code = apply(id, known_id(topic.topic_id), to_state(wire));
      auto& errors = version < first_answer_by_id ? response.partition_errors : answers.partition_errors;
      auto& answer = errors.emplace_back();
      if (version < first_answer_by_id) answer.topic_name = topic.topic_name;
      answer.partition_index = wire.partition_index;
      answer.error_code = code;
    }
    if (version >= first_answer_by_id) response.topics.push_back(std::move(answers));
  }
  return response;
}

ErrorCode ReplicaManager::apply(const TopicPartition& id, TopicId topic_id, const PartitionState& state) {
  const auto known = hosted(id.topic, id.partition);
  if (known && known->offline) return ErrorCode::kafka_storage_error;
  if (!known && logs_.is_offline(id)) {
    mark_offline(add(id, topic_id, state.is_new));
    return ErrorCode::kafka_storage_error;
  }
  const LeaderEpoch known_epoch = known ? known->partition->leader_epoch() : protocol::no_leader_epoch;
  if (known) {
    const TopicId known_topic_id = known->partition->topic_id();
    if (topic_id && known_topic_id && *topic_id != *known_topic_id) {
      spdlog::error("Topic id {} of {} in LeaderAndIsr does not match the known id {}", topic_id->to_string(),
                    id.text(), known_topic_id->to_string());
      return ErrorCode::inconsistent_topic_id;
    }
    if (state.leader_epoch == known_epoch) return adopt_topic_id(*known->partition, topic_id);
  }
  if (state.leader_epoch < known_epoch) {
    spdlog::warn("LeaderAndIsr for {} ignored: its leader epoch {} is older than {}", id.text(), state.leader_epoch,
                 known_epoch);
    return ErrorCode::stale_controller_epoch;
  }
  const auto& replicas = state.replicas;
  if (std::ranges::find(replicas, options_.broker_id) == replicas.end()) {
    spdlog::warn("LeaderAndIsr for {} ignored: this broker is not among its replicas", id.text());
    return ErrorCode::unknown_topic_or_partition;
  }
  return change_role(known ? known->partition : add(id, topic_id, state.is_new), state);
}

// An equal leader epoch is no change, save that an old topic may learn its first id this way.
ErrorCode ReplicaManager::adopt_topic_id(Partition& partition, TopicId topic_id) {
  const TopicId known = partition.topic_id();
  if (!topic_id) return known && !partition.is_leader() ? ErrorCode::none : ErrorCode::stale_controller_epoch;
  if (known) return ErrorCode::stale_controller_epoch;
  return partition.set_topic_id(*topic_id).code();
}

ErrorCode ReplicaManager::change_role(const std::shared_ptr<Partition>& partition, const PartitionState& state) {
  const auto changed = change_role_or_fail(partition, state);
  if (changed) return ErrorCode::none;
  spdlog::error("{} can't be taken over: {}", partition->id().text(), changed.error().text());
  if (changed.code() == ErrorCode::kafka_storage_error) mark_offline(partition);
  return changed.code();
}

Result<void> ReplicaManager::change_role_or_fail(const std::shared_ptr<Partition>& partition,
                                                 const PartitionState& state) {
  const TopicPartition& id = partition->id();
  const bool log_exists = logs_.contains(id);
  if (!log_exists && !state.is_new && logs_.online_directories().size() < logs_.directories().size()) {
    // The log may lie in the directory that is offline now; an empty one in its place would lose data.
    return fail(ErrorCode::kafka_storage_error, "its log may be in a log directory that is offline");
  }
  if (state.leader == options_.broker_id) {
    const auto became_leader = partition->make_leader(state);
    if (!became_leader) return std::unexpected(became_leader.error());
    // New logs are created now, existing ones are opened when they are used.
    if (!log_exists) {
      if (auto created = create_log(*partition); !created) return created;
    }
    if (*became_leader) {
      for (LeadershipListener* listener : listeners_) listener->became_leader(partition, state.leader_epoch);
    }
    resume_move(partition);
    return {};
  }
  bool follows = false;
  if (environment_.is_alive(state.leader)) {
    const auto became_follower = partition->make_follower(state);
    if (!became_follower) return std::unexpected(became_follower.error());
    follows = *became_follower;
  } else {
    spdlog::error("{} has broker {} as its new leader, which isn't alive as far as this broker knows", id.text(),
                  state.leader);
  }
  if (!log_exists) {
    if (auto created = create_log(*partition); !created) return created;
  }
  if (follows) {
    for (LeadershipListener* listener : listeners_) listener->resigned(id, state.leader_epoch);
  }
  resume_move(partition);
  return {};
}

// A full disk or a lack of descriptors passes, and nothing is lost with a log that holds nothing yet: whoever needs it
// tries again. A directory that failed over it stays offline.
Result<void> ReplicaManager::create_log(Partition& partition) {
  const std::size_t online = logs_.online_directories().size();
  auto created = partition.open();
  if (created || created.code() != ErrorCode::kafka_storage_error) return created;
  if (online == 0 || logs_.online_directories().size() < online) return created;
  spdlog::warn("The log of {} can't be made yet: {}", partition.id().text(), created.error().text());
  return {};
}

// ---- StopReplica

protocol::StopReplicaResponse ReplicaManager::stop_replicas(const protocol::StopReplicaRequest& request,
                                                            protocol::ApiVersion version) {
  protocol::StopReplicaResponse response;
  MutexLock lock(state_change_mutex_);
  if (stopped_) {
    response.error_code = ErrorCode::broker_not_available;
    return response;
  }
  if (request.controller_epoch < controller_epoch_) {
    spdlog::warn("StopReplica of controller {} ignored: its epoch {} is older than {}", request.controller_id,
                 request.controller_epoch, controller_epoch_);
    response.error_code = ErrorCode::stale_controller_epoch;
    return response;
  }
  controller_epoch_ = request.controller_epoch;
  const auto stop_one = [&](const protocol::String& topic, PartitionIndex index, LeaderEpoch epoch,
                            bool remove_log) REQUIRES(state_change_mutex_) {
    const ErrorCode code = stop({topic.str(), index}, epoch, remove_log);
    response.partition_errors.push_back({.topic_name = topic, .partition_index = index, .error_code = code});
  };
  if (version == 0) {
    for (const auto& partition : request.ungrouped_partitions) {
      stop_one(partition.topic_name, partition.partition_index, no_epoch, request.delete_partitions);
    }
  } else if (version < 3) {
    for (const auto& topic : request.topics) {
      for (const PartitionIndex index : topic.partition_indexes) {
        stop_one(topic.name, index, no_epoch, request.delete_partitions);
      }
    }
  } else {
    for (const auto& topic : request.topic_states) {
      for (const auto& state : topic.partition_states) {
        stop_one(topic.topic_name, state.partition_index, state.leader_epoch, state.delete_partition);
      }
    }
  }
  return response;
}

ErrorCode ReplicaManager::stop(const TopicPartition& id, LeaderEpoch epoch, bool remove_log) {
  const auto known = hosted(id.topic, id.partition);
  if (known && known->offline) return ErrorCode::kafka_storage_error;
  if (!known) return remove_log ? delete_log(id) : ErrorCode::none;

  const LeaderEpoch known_epoch = known->partition->leader_epoch();
  if (epoch != epoch_during_delete && epoch != no_epoch && epoch < known_epoch) {
    spdlog::warn("StopReplica for {} ignored: its leader epoch {} is older than {}", id.text(), epoch, known_epoch);
    return ErrorCode::fenced_leader_epoch;
  }
  if (!remove_log) {
    known->partition->wake_waiters();
    return ErrorCode::none;
  }
  remove(id);
  known->partition->close(ErrorCode::unknown_topic_or_partition);
  for (LeadershipListener* listener : listeners_) listener->resigned(id, known_epoch);
  return delete_log(id);
}

ErrorCode ReplicaManager::delete_log(const TopicPartition& id) {
  if (!logs_.contains(id) && !logs_.has_future(id)) return ErrorCode::none;
  const auto deleted = logs_.async_delete(id, clock_.now_ms());
  if (!deleted) spdlog::error("The log of {} can't be deleted: {}", id.text(), deleted.error().text());
  return deleted.code();
}

// ---- UpdateMetadata

Result<void> ReplicaManager::update_metadata(const protocol::UpdateMetadataRequest& request) {
  MutexLock lock(state_change_mutex_);
  if (stopped_) return fail(ErrorCode::broker_not_available);
  if (request.controller_epoch < controller_epoch_) {
    spdlog::warn("UpdateMetadata of controller {} ignored: its epoch {} is older than {}", request.controller_id,
                 request.controller_epoch, controller_epoch_);
    return fail(ErrorCode::stale_controller_epoch);
  }
  controller_epoch_ = request.controller_epoch;
  const std::vector<TopicPartition> gone = metadata_.update(request);
  if (gone.empty()) return {};
  for (const DeletionListener& listener : deletion_listeners_) listener(gone);
  return {};
}

// ---- Finding partitions

std::optional<ReplicaManager::Hosted> ReplicaManager::hosted(std::string_view topic, PartitionIndex partition) const {
  ReaderLock lock(mutex_);
  const auto found_topic = topics_.find(topic);
  if (found_topic == topics_.end()) return std::nullopt;
  const auto found = found_topic->second.partitions.find(partition);
  if (found == found_topic->second.partitions.end()) return std::nullopt;
  return found->second;
}

Result<std::shared_ptr<Partition>> ReplicaManager::find(std::string_view topic, PartitionIndex partition) const {
  if (auto found = hosted(topic, partition)) {
    if (found->offline) return fail(ErrorCode::kafka_storage_error);
    return std::move(found->partition);
  }
  // The topic has the partition, but no longer here: the client shall look for its new place.
  const bool exists = metadata_.snapshot()->partition(topic, partition) != nullptr;
  return fail(exists ? ErrorCode::not_leader_or_follower : ErrorCode::unknown_topic_or_partition);
}

Result<std::shared_ptr<Partition>> ReplicaManager::find(const Uuid& topic_id, PartitionIndex partition) const {
  const auto metadata = metadata_.snapshot();
  const TopicMetadata* topic = metadata->topic(topic_id);
  if (topic == nullptr) return fail(ErrorCode::unknown_topic_id);
  auto found = find(topic->name, partition);
  if (found && (*found)->topic_id().value_or(topic_id) != topic_id) return fail(ErrorCode::inconsistent_topic_id);
  return found;
}

std::shared_ptr<Partition> ReplicaManager::online_partition(std::string_view topic, PartitionIndex partition) const {
  auto found = hosted(topic, partition);
  if (!found || found->offline) return nullptr;
  return std::move(found->partition);
}

std::vector<std::shared_ptr<Partition>> ReplicaManager::online_partitions() const {
  std::vector<std::shared_ptr<Partition>> online;
  ReaderLock lock(mutex_);
  for (const auto& [name, topic] : topics_) {
    for (const auto& [index, entry] : topic.partitions) {
      if (!entry.offline) online.push_back(entry.partition);
    }
  }
  return online;
}

ReplicaManager::Counts ReplicaManager::counts() const {
  Counts counts;
  ReaderLock lock(mutex_);
  for (const auto& [name, topic] : topics_) {
    for (const auto& [index, entry] : topic.partitions) {
      ++counts.partitions;
      if (entry.offline) {
        ++counts.offline;
        continue;
      }
      const auto health = entry.partition->health();
      counts.leaders += health.leads ? 1 : 0;
      counts.under_replicated += health.under_replicated ? 1 : 0;
      counts.under_min_isr += health.under_min_isr ? 1 : 0;
    }
  }
  return counts;
}

std::shared_ptr<Partition> ReplicaManager::add(const TopicPartition& id, TopicId topic_id, bool is_new) {
  auto partition = std::make_shared<Partition>(id, topic_id, environment_);
  bool is_first = false;
  {
    WriterLock lock(mutex_);
    const auto [topic, added] = topics_.try_emplace(id.topic);
    topic->second.partitions.insert_or_assign(id.partition, Hosted{.partition = partition});
    is_first = added;
  }
  if (is_first && is_new && options_.topic_created) options_.topic_created(id.topic);
  return partition;
}

void ReplicaManager::remove(const TopicPartition& id) {
  {
    WriterLock lock(mutex_);
    const auto topic = topics_.find(id.topic);
    if (topic == topics_.end()) return;
    topic->second.partitions.erase(id.partition);
    if (!topic->second.partitions.empty()) return;
    topics_.erase(topic);
  }
  if (options_.metrics.forget) options_.metrics.forget(id.topic);
}

// ---- Upkeep

void ReplicaManager::mark_offline(const std::shared_ptr<Partition>& partition) {
  const LeaderEpoch epoch = partition->leader_epoch();
  {
    WriterLock lock(mutex_);
    topics_[partition->id().topic].partitions.insert_or_assign(partition->id().partition,
                                                               Hosted{.partition = partition, .offline = true});
  }
  partition->close(ErrorCode::kafka_storage_error);
  for (LeadershipListener* listener : listeners_) listener->resigned(partition->id(), epoch);
}

void ReplicaManager::take_directory_offline(const std::string& log_dir) {
  MutexLock lock(state_change_mutex_);
  if (stopped_) return;
  std::size_t taken = 0;
  for (const auto& partition : online_partitions()) {
    if (!logs_.is_offline(partition->id())) continue;
    mark_offline(partition);
    ++taken;
  }
  end_moves_to(log_dir);
  spdlog::error("Log directory {} is offline; {} partitions of this broker are unavailable", log_dir, taken);
}

void ReplicaManager::checkpoint_high_watermarks() {
  {
    // Before the first LeaderAndIsr nothing is known, and an empty checkpoint would replace a good one.
    MutexLock lock(state_change_mutex_);
    if (!populated_ || stopped_) return;
  }
  logs_.checkpoint_high_watermarks(clock_.now_ms());
}

void ReplicaManager::shutdown() {
  MutexLock lock(state_change_mutex_);
  stopped_ = true;
  for (const auto& partition : online_partitions()) partition->close(ErrorCode::not_leader_or_follower);
}

}  // namespace broker
