// OffsetForLeaderEpoch (API key 23, v0-v4; KIP-101, fenced from v2 on by KIP-320).
// Follows ReplicaManager.lastOffsetForLeaderEpoch of Kafka 3.9.
#include "broker/handlers/offset_for_leader_epoch.h"

#include "broker/background.h"
#include "broker/replication/replica_manager.h"
#include "broker/replication/wait.h"

namespace broker {

namespace {

using Answer = protocol::OffsetForLeaderEpochResponse::EpochEndOffset;

Answer to_answer(protocol::PartitionIndex index, const protocol::Result<storage::OffsetAndEpoch>& end) {
  Answer answer{.error_code = end.code(), .partition = index};
  if (end) {
    answer.leader_epoch = end->epoch;
    answer.end_offset = end->offset;
  }
  return answer;
}

}  // namespace

awaitable<protocol::OffsetForLeaderEpochResponse> OffsetForLeaderEpochHandler::handle(RequestContext&,
                                                                                      const Request& request) const {
  Response response;
  response.topics.reserve(request.topics.size());
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.topic = topic.topic;
    for (const auto& wanted : topic.partitions) {
      const auto partition = replicas_.find(topic.topic, wanted.partition);
      if (!partition) {
        answers.partitions.push_back({.error_code = partition.code(), .partition = wanted.partition});
        continue;
      }
      const protocol::Result<void> opened = co_await open_on_background(*partition, background_);
      if (!opened) {
        answers.partitions.push_back({.error_code = opened.code(), .partition = wanted.partition});
        continue;
      }
      const auto end = (*partition)->end_offset_for_epoch(wanted.current_leader_epoch, wanted.leader_epoch, true);
      answers.partitions.push_back(to_answer(wanted.partition, end));
    }
  }
  co_return response;
}

}  // namespace broker
