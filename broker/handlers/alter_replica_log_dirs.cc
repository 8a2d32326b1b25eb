// AlterReplicaLogDirs (API key 34, v0-v2; KIP-113). Follows KafkaApis.handleAlterReplicaLogDirsRequest of Kafka 3.9:
// the answer says that a move has begun, DescribeLogDirs how far it is.
#include "broker/handlers/alter_replica_log_dirs.h"

#include <spdlog/spdlog.h>

#include <map>
#include <string>

#include "broker/background.h"
#include "broker/replication/replica_manager.h"

namespace broker {

using protocol::PartitionIndex;

protocol::AlterReplicaLogDirsResponse AlterReplicaLogDirsHandler::alter(const Request& request) const {
  // A partition that is named twice goes where it shall go last, and is answered once.
  std::map<std::string, std::map<PartitionIndex, std::string>> directories;
  for (const auto& dir : request.dirs) {
    for (const auto& topic : dir.topics) {
      for (const PartitionIndex index : topic.partitions) directories[topic.name.str()][index] = dir.path.str();
    }
  }
  Response response;
  for (const auto& [topic, partitions] : directories) {
    auto& answers = response.results.emplace_back();
    answers.topic_name = topic;
    for (const auto& [index, log_dir] : partitions) {
      const auto begun = replicas_.move_log({topic, index}, log_dir);
      answers.partitions.push_back({.partition_index = index, .error_code = begun.code()});
      if (!begun) {
        spdlog::debug("{}-{} can't be moved to {}: {}", topic, index, log_dir, begun.error().text());
      }
    }
  }
  return response;
}

awaitable<protocol::AlterReplicaLogDirsResponse> AlterReplicaLogDirsHandler::handle(RequestContext&,
                                                                                    const Request& request) const {
  const auto begin = [&] { return alter(request); };
  Response response = co_await background_.run(begin);
  co_return response;
}

}  // namespace broker
