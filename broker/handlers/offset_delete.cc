// OffsetDelete (API key 47, v0; KIP-496).
// Follows KafkaApis.handleOffsetDeleteRequest of Kafka 3.9.
#include "broker/handlers/offset_delete.h"

#include <utility>
#include <vector>

#include "broker/group_coordinator.h"
#include "broker/metadata_cache.h"

namespace broker {

namespace group = coordination::group;
using protocol::ErrorCode;

namespace {

// The answer with the errors that need no coordinator; none where the coordinator decides.
protocol::OffsetDeleteResponse check_partitions(const protocol::OffsetDeleteRequest& request,
                                                const MetadataSnapshot& metadata) {
  protocol::OffsetDeleteResponse response;
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& wanted : topic.partitions) {
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      const bool exists = metadata.partition(topic.name, wanted.partition_index) != nullptr;
      answer.error_code = exists ? ErrorCode::none : ErrorCode::unknown_topic_or_partition;
    }
  }
  return response;
}

}  // namespace

awaitable<protocol::OffsetDeleteResponse> OffsetDeleteHandler::handle(RequestContext& context,
                                                                      const Request& request) const {
  const MetadataCache::Snapshot metadata = metadata_.snapshot();
  Response response = check_partitions(request, *metadata);
  std::vector<group::TopicPartitions> wanted;
  for (const auto& topic : response.topics) {
    auto& partitions = wanted.emplace_back(group::TopicPartitions{topic.name, {}}).partitions;
    for (const auto& answer : topic.partitions) {
      if (answer.error_code == ErrorCode::none) partitions.push_back(answer.partition_index);
    }
  }
  // Also without a partition left: the group's own error is part of the answer.
  const group::DeleteOffsetsResult result =
      co_await groups_.delete_offsets(context, request.group_id, std::move(wanted));
  if (result.error != ErrorCode::none) {
    Response refused;
    refused.error_code = result.error;
    co_return refused;
  }
  for (std::size_t t = 0; t < response.topics.size(); ++t) {
    std::size_t next = 0;
    for (auto& answer : response.topics[t].partitions) {
      if (answer.error_code == ErrorCode::none) answer.error_code = result.partitions[t][next++];
    }
  }
  co_return response;
}

}  // namespace broker
