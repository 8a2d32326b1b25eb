// How a ReplicaManager moves logs between log directories. Follows ReplicaManager.alterReplicaLogDirs of Kafka 3.9.
#include <spdlog/spdlog.h>

#include "broker/replication/replica_manager.h"
#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/log_manager.h"
#include "storage/partition_files.h"

namespace broker {

using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::Result, protocol::TopicPartition;

Result<void> ReplicaManager::move_log(const TopicPartition& id, const std::string& log_dir) {
  constexpr std::string_view any_unique_id = "00000000000000000000000000000000";
  MutexLock lock(state_change_mutex_);
  if (stopped_) return fail(ErrorCode::replica_not_available);
  if (!storage::future_directory_name(id, any_unique_id)) {
    return fail(ErrorCode::invalid_topic_exception, "The topic name is too long.");
  }
  if (auto usable = logs_.check_directory(log_dir); !usable) return usable;
  const auto known = hosted(id.topic, id.partition);
  if (known && known->offline) return fail(ErrorCode::kafka_storage_error, "its log directory is offline");
  if (known) return begin_move(known->partition, log_dir);
  logs_.prefer_directory(id, log_dir);
  auto found = find(id);
  return fail(found.code() == ErrorCode::unknown_topic_or_partition ? found.code() : ErrorCode::replica_not_available);
}

Result<void> ReplicaManager::begin_move(const std::shared_ptr<Partition>& partition, const std::string& log_dir) {
  const TopicPartition& id = partition->id();
  if (const auto under_way = partition->future_log(); under_way && under_way->directory().path() != log_dir) {
    if (auto ended = partition->end_move(Partition::FutureFiles::remove); !ended) return ended;
  }
  if (logs_.has_future(id) && !partition->future_log()) {  // one that the last start couldn't open
    if (auto deleted = logs_.delete_future(id, clock_.now_ms()); !deleted) return deleted;
  }
  const auto log = partition->log();
  if (!log) return std::unexpected(log.error());
  if ((*log)->directory().path() == log_dir || partition->future_log()) return {};
  auto future = logs_.create_future(id, log_dir, clock_.now_ms());
  if (!future) return std::unexpected(future.error());
  partition->begin_move(std::move(*future));
  if (move_listener_) move_listener_(partition);
  return {};
}

// A move that the last stop interrupted goes on.
void ReplicaManager::resume_move(const std::shared_ptr<Partition>& partition) {
  const TopicPartition& id = partition->id();
  if (!logs_.has_future(id) || partition->future_log()) return;
  auto future = logs_.future(id, clock_.now_ms());
  const auto log = future && *future ? partition->log() : Result<std::shared_ptr<storage::Log>>(nullptr);
  if (!future || !log) {
    spdlog::error("{} can't be moved on: {}", id.text(), (future ? log.error() : future.error()).text());
    return;
  }
  if (*future == nullptr) return;
  // Of a topic of the same name, deleted while that directory was offline; or put there by hand.
  const auto of_topic = (*future)->topic_id();
  const bool of_another = of_topic && partition->topic_id() && *of_topic != *partition->topic_id();
  if (of_another || (*log)->directory().path() == (*future)->directory().path()) {
    if (const auto ended = partition->end_move(Partition::FutureFiles::remove); !ended) {
      spdlog::error("What is left of a move of {} can't be deleted: {}", id.text(), ended.error().text());
    }
    return;
  }
  spdlog::info("{} goes on moving from {} to {}", id.text(), (*log)->directory().path(), (*future)->directory().path());
  partition->begin_move(std::move(*future));
  if (move_listener_) move_listener_(partition);
}

// Current logs are not concerned: they stay where they are.
void ReplicaManager::end_moves_to(const std::string& log_dir) {
  for (const TopicPartition& id : logs_.partitions_with_future()) {
    const auto place = online_partition(id.topic, id.partition);
    const auto future = place ? place->future_log() : nullptr;
    if (!future || future->directory().path() != log_dir) continue;
    (void)place->end_move(Partition::FutureFiles::keep);
    spdlog::warn("{} stays where it is: the directory that it was to move to is offline", id.text());
  }
}

}  // namespace broker
