// DescribeLogDirs (API key 35, v0-v5).
//   v3 top-level error    v4 total and usable bytes of the volume (KIP-827)    v5 cordoned (KIP-1066: never, here)
// Follows ReplicaManager.describeLogDirs of Kafka 3.9. A log that moves to another directory is shown in both, in the
// new one as a future log.
#include "broker/handlers/describe_log_dirs.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/background.h"
#include "broker/replication/replica_manager.h"
#include "storage/log.h"
#include "storage/log_manager.h"

namespace broker {

using protocol::ErrorCode, protocol::TopicPartition;

namespace {

using PartitionAnswer = protocol::DescribeLogDirsResponse::DescribeLogDirsPartition;
using TopicsOfDir = std::map<std::string, std::vector<PartitionAnswer>>;

std::set<TopicPartition> wanted_of(const protocol::DescribeLogDirsRequest& request) {
  std::set<TopicPartition> wanted;
  for (const auto& topic : *request.topics) {
    for (const protocol::PartitionIndex index : topic.partitions) wanted.insert({topic.topic.str(), index});
  }
  return wanted;
}

// How far the log is behind the high watermark; -1 for a log that no partition uses. One that nobody opened yet is at
// it.
std::int64_t offset_lag(const ReplicaManager& replicas, const TopicPartition& id, const storage::Log* log) {
  if (replicas.online_partition(id.topic, id.partition) == nullptr) return -1;
  return log == nullptr ? 0 : std::max<std::int64_t>(log->high_watermark() - log->log_end_offset(), 0);
}

// How many offsets the current log has that the future one hasn't yet.
std::int64_t future_lag(const ReplicaManager& replicas, const TopicPartition& id, const storage::Log* future) {
  const auto partition = replicas.online_partition(id.topic, id.partition);
  const auto current = partition == nullptr ? nullptr : partition->open_log();
  return current == nullptr || future == nullptr ? -1 : current->log_end_offset() - future->log_end_offset();
}

}  // namespace

std::vector<TopicPartition> DescribeLogDirsHandler::partitions_of(const Request& request) const {
  std::vector<TopicPartition> partitions;
  if (request.topics) {
    for (const TopicPartition& id : wanted_of(request)) {
      if (logs_.contains(id) || logs_.has_future(id)) partitions.push_back(id);
    }
    return partitions;
  }
  partitions = logs_.partitions();
  for (TopicPartition& id : logs_.partitions_with_future()) {
    if (!logs_.contains(id)) partitions.push_back(std::move(id));
  }
  return partitions;
}

protocol::DescribeLogDirsResponse DescribeLogDirsHandler::describe(const Request& request) const {
  std::map<std::string, TopicsOfDir> by_dir;
  for (const TopicPartition& id : partitions_of(request)) {
    // Where there is none, its directory answers for it.
    if (const auto place = logs_.place_of(id)) {
      by_dir[place->log_dir][id.topic].push_back({.partition_index = id.partition,
                                                  .partition_size = place->size,
                                                  .offset_lag = offset_lag(replicas_, id, place->open.get())});
    }
    if (const auto place = logs_.place_of_future(id)) {
      by_dir[place->log_dir][id.topic].push_back({.partition_index = id.partition,
                                                  .partition_size = place->size,
                                                  .offset_lag = future_lag(replicas_, id, place->open.get()),
                                                  .is_future_key = true});
    }
  }

  Response response;
  for (const storage::LogDirStatus& dir : logs_.directories()) {
    auto& result = response.results.emplace_back();
    result.log_dir = dir.path;
    if (!dir.online) {
      result.error_code = ErrorCode::kafka_storage_error;
      continue;
    }
    result.total_bytes = dir.total_bytes;
    result.usable_bytes = dir.usable_bytes;
    for (auto& [topic, answers] : by_dir[dir.path]) {
      auto& entry = result.topics.emplace_back();
      entry.name = topic;
      entry.partitions = std::move(answers);
    }
  }
  return response;
}

// Sizes and volumes are asked of the file system, which may wait.
awaitable<protocol::DescribeLogDirsResponse> DescribeLogDirsHandler::handle(RequestContext&,
                                                                            const Request& request) const {
  const auto look = [&] { return describe(request); };
  Response response = co_await background_.run(look);
  co_return response;
}

}  // namespace broker
