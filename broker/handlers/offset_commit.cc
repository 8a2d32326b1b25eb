// OffsetCommit (API key 8, v0-v10).
//   v0 into the metadata store, /consumers/…   v1 into the group; own commit timestamp (v1 only)
//   v2-v4 own retention     v6 leader epoch (KIP-320)     v7 static members (KIP-345)    v10 topic ids (KIP-848)
// Follows KafkaApis.handleOffsetCommitRequest of Kafka 3.9, v10 as in 4.x.
#include "broker/handlers/offset_commit.h"

#include <spdlog/spdlog.h>

#include <limits>
#include <utility>

#include "broker/background.h"
#include "broker/group_coordinator.h"
#include "broker/groups/store_offsets.h"
#include "broker/handlers/group_fields.h"
#include "broker/metadata_cache.h"
#include "protocol/java_string.h"

namespace broker {

namespace group = coordination::group;
using protocol::ErrorCode;

namespace {

constexpr protocol::ApiVersion first_into_group = 1, first_with_topic_ids = 10;

// The answer with the errors that need no coordinator; none where the commit is to be tried. Topics by id get their
// name, which the coordinator stores.
protocol::OffsetCommitResponse check_partitions(const protocol::OffsetCommitRequest& request, bool by_id,
                                                const MetadataSnapshot& metadata) {
  protocol::OffsetCommitResponse response;
  response.topics.reserve(request.topics.size());
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    const TopicMetadata* known = by_id ? metadata.topic(topic.topic_id) : metadata.topic(topic.name.view());
    answers.topic_id = topic.topic_id;
    answers.name = topic.name;
    if (by_id && known != nullptr) answers.name = protocol::String(known->name);
    const ErrorCode unknown_topic = by_id ? ErrorCode::unknown_topic_id : ErrorCode::unknown_topic_or_partition;
    answers.partitions.reserve(topic.partitions.size());
    for (const auto& partition : topic.partitions) {
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      if (known == nullptr) {
        answer.error_code = unknown_topic;
      } else if (known->partition(partition.partition_index) == nullptr) {
        answer.error_code = ErrorCode::unknown_topic_or_partition;
      }
    }
  }
  return response;
}

// As in Kafka the answer leaves out topics that exist and of which no partition was named.
void leave_out_empty(protocol::OffsetCommitResponse& response, bool by_id, const MetadataSnapshot& metadata) {
  std::erase_if(response.topics, [&](const auto& topic) {
    return topic.partitions.empty() &&
           (by_id ? metadata.topic(topic.topic_id) : metadata.topic(topic.name.view())) != nullptr;
  });
}

// `now` and that much more; what lies beyond the end of time is its end.
protocol::TimestampMs later(protocol::TimestampMs now, std::int64_t by_ms) {
  constexpr auto end = std::numeric_limits<protocol::TimestampMs>::max();
  return by_ms > end - now ? end : now + by_ms;
}

template <typename F>
void for_each_accepted(const protocol::OffsetCommitRequest& request, protocol::OffsetCommitResponse& response, F f) {
  for (std::size_t t = 0; t < response.topics.size(); ++t) {
    auto& answers = response.topics[t];
    for (std::size_t p = 0; p < answers.partitions.size(); ++p) {
      auto& answer = answers.partitions[p];
      if (answer.error_code == ErrorCode::none) f(answers.name.view(), request.topics[t].partitions[p], answer);
    }
  }
}

}  // namespace

awaitable<void> OffsetCommitHandler::commit_all_to_store(const Request& request, Response& response) const {
  const auto commit = [&] {
    for_each_accepted(request, response, [&](std::string_view topic, const auto& partition, auto& answer) {
      answer.error_code = commit_to_store(request.group_id, topic, partition);
    });
  };
  co_await background_.run(commit);
}

ErrorCode OffsetCommitHandler::commit_to_store(std::string_view group_id, std::string_view topic,
                                               const Request::OffsetCommitRequestPartition& partition) const {
  const auto max_length = static_cast<std::size_t>(options_.metadata_max_length);
  if (partition.committed_metadata && protocol::java_length(*partition.committed_metadata) > max_length) {
    return ErrorCode::offset_metadata_too_large;
  }
  return put_offset(store_, {group_id, topic, partition.partition_index}, partition.committed_offset);
}

group::CommitCall OffsetCommitHandler::to_call(const Request& request, const Response& response) const {
  const protocol::TimestampMs now = clock_.now_ms();
  group::CommitCall call{.group_id = request.group_id,
                         .member_id = request.member_id,
                         .instance_id = viewed(request.group_instance_id),
                         .generation = request.generation_id_or_member_epoch};
  Response accepted = response;
  for_each_accepted(request, accepted, [&](std::string_view topic, const auto& partition, auto&) {
    auto& offset = call.offsets.emplace_back();
    offset.topic = topic;
    offset.partition = partition.partition_index;
    offset.value.offset = partition.committed_offset;
    offset.value.leader_epoch = partition.committed_leader_epoch;
    if (partition.committed_metadata) offset.value.metadata = partition.committed_metadata->str();
    offset.value.commit_timestamp_ms = partition.commit_timestamp == -1 ? now : partition.commit_timestamp;
    if (request.retention_time_ms != -1) offset.value.expire_timestamp_ms = later(now, request.retention_time_ms);
  });
  return call;
}

awaitable<protocol::OffsetCommitResponse> OffsetCommitHandler::handle(RequestContext& context,
                                                                      const Request& request) const {
  const bool by_id = context.api_version() >= first_with_topic_ids;
  const MetadataCache::Snapshot metadata = metadata_.snapshot();
  Response response = check_partitions(request, by_id, *metadata);
  if (context.api_version() < first_into_group) {
    co_await commit_all_to_store(request, response);
    leave_out_empty(response, by_id, *metadata);
    co_return response;
  }
  group::CommitCall call = to_call(request, response);
  if (call.offsets.empty()) {
    leave_out_empty(response, by_id, *metadata);
    co_return response;
  }
  const group::CommitResult result = co_await groups_.commit(context, std::move(call));
  std::size_t next = 0;
  for_each_accepted(request, response,
                    [&](std::string_view, const auto&, auto& answer) { answer.error_code = result.errors[next++]; });
  leave_out_empty(response, by_id, *metadata);
  co_return response;
}

}  // namespace broker
