// OffsetFetch (API key 9, v0-v10).
//   v0 from the metadata store, /consumers/…   v2 all topics, group-level error   v5 leader epoch (KIP-320)
//   v7 require stable (KIP-447)   v8 several groups (KIP-709)   v10 topic ids (KIP-848)
// Member ids and epochs (v9) belong to the newer group protocol; classic groups ignore them, as in Kafka.
// Follows KafkaApis.handleOffsetFetchRequest of Kafka 3.9, v10 as in 4.x.
#include "broker/handlers/offset_fetch.h"

#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/background.h"
#include "broker/group_coordinator.h"
#include "broker/groups/store_offsets.h"
#include "broker/handlers/repeated_answers.h"
#include "broker/metadata_cache.h"

namespace broker {

namespace group = coordination::group;
using protocol::ErrorCode;

namespace {

constexpr protocol::ApiVersion first_from_group = 1, first_with_group_error = 2, first_with_several_groups = 8,
                               first_with_topic_ids = 10;

template <typename Answer>
void fill(Answer& answer, const group::FetchedOffset& offset) {
  answer.partition_index = offset.partition;
  answer.committed_offset = offset.offset;
  answer.committed_leader_epoch = offset.leader_epoch;
  answer.metadata = protocol::String(offset.metadata);
  answer.error_code = offset.error;
}

// Every partition of a topic with the same error.
template <typename Topic>
void refuse(Topic& answers, const std::vector<std::int32_t>& partitions, ErrorCode error) {
  for (const std::int32_t partition : partitions) {
    fill(answers.partitions.emplace_back(), {.partition = partition, .error = error});
  }
}

std::size_t size_of(const protocol::OffsetFetchResponse::OffsetFetchResponseGroup& group) {
  std::size_t bytes = sizeof(group);
  for (const auto& topic : group.topics) {
    bytes += sizeof(topic) + topic.name.size();
    for (const auto& partition : topic.partitions) {
      bytes += sizeof(partition) + (partition.metadata ? partition.metadata->size() : 0);
    }
  }
  return bytes;
}

}  // namespace

awaitable<protocol::OffsetFetchResponse> OffsetFetchHandler::fetch_from_store(const Request& request) const {
  const MetadataCache::Snapshot metadata = metadata_.snapshot();
  Response response;
  const auto fetch = [&] {
    std::map<std::string_view, std::size_t> answered;  // topics, each once as in Kafka, and so are partitions
    std::set<std::pair<std::size_t, std::int32_t>> partitions;
    for (const auto& topic : *request.topics) {
      if (topic.partition_indexes.empty()) continue;
      const auto [known, is_new] = answered.try_emplace(topic.name, response.topics.size());
      if (is_new) response.topics.emplace_back().name = topic.name;
      auto& answers = response.topics[known->second];
      for (const std::int32_t partition : topic.partition_indexes) {
        if (!partitions.emplace(known->second, partition).second) continue;
        auto& answer = answers.partitions.emplace_back();
        group::FetchedOffset found{.partition = partition, .error = ErrorCode::unknown_topic_or_partition};
        if (metadata->partition(topic.name, partition) != nullptr) {
          const auto stored = get_offset(store_, {request.group_id, topic.name, partition});
          if (!stored) found.error = stored.error().code;
          if (stored && *stored) found = {.partition = partition, .offset = **stored};
        }
        fill(answer, found);
      }
    }
  };
  if (request.topics) co_await background_.run(fetch);
  co_return response;
}

awaitable<protocol::OffsetFetchResponse> OffsetFetchHandler::fetch_one_group(RequestContext& context,
                                                                             const Request& request) const {
  group::FetchOffsetsCall call{.group_id = request.group_id, .require_stable = request.require_stable};
  if (request.topics) {
    call.topics.emplace();
    for (const auto& topic : *request.topics) call.topics->push_back({topic.name, topic.partition_indexes});
  }
  const group::FetchOffsetsResult result = co_await groups_.fetch_offsets(context, std::move(call));
  Response response;
  response.error_code = result.error;
  if (result.error != ErrorCode::none && context.api_version() < first_with_group_error && request.topics) {
    for (const auto& topic : *request.topics) {
      auto& answers = response.topics.emplace_back();
      answers.name = topic.name;
      refuse(answers, topic.partition_indexes, result.error);
    }
  }
  for (const group::FetchedTopic& topic : result.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = protocol::String(topic.topic);
    for (const auto& offset : topic.partitions) fill(answers.partitions.emplace_back(), offset);
  }
  co_return response;
}

// With `ids`, topics are named by their ids; those that the broker doesn't know are answered without the coordinator.
awaitable<protocol::OffsetFetchResponse::OffsetFetchResponseGroup> OffsetFetchHandler::fetch_group(
    RequestContext& context, const Request::OffsetFetchRequestGroup& wanted, bool require_stable,
    const MetadataSnapshot* ids) const {
  Response::OffsetFetchResponseGroup answer;
  answer.group_id = wanted.group_id;
  std::vector<Response::OffsetFetchResponseTopics> unknown;
  group::FetchOffsetsCall call{.group_id = wanted.group_id, .require_stable = require_stable};
  if (wanted.topics) {
    call.topics.emplace();
    for (const auto& topic : *wanted.topics) {
      const TopicMetadata* known = ids == nullptr ? nullptr : ids->topic(topic.topic_id);
      if (ids == nullptr || known != nullptr) {
        const std::string_view name = known == nullptr ? topic.name.view() : std::string_view(known->name);
        call.topics->push_back({name, topic.partition_indexes});
      } else {
        auto& refused = unknown.emplace_back();
        refused.topic_id = topic.topic_id;
        refuse(refused, topic.partition_indexes, ErrorCode::unknown_topic_id);
      }
    }
  }
  const group::FetchOffsetsResult result = co_await groups_.fetch_offsets(context, std::move(call));
  answer.error_code = result.error;
  if (result.error != ErrorCode::none) co_return answer;
  for (const group::FetchedTopic& topic : result.topics) {
    const protocol::Uuid id = ids == nullptr ? protocol::Uuid() : ids->topic_id(topic.topic);
    // A deleted topic can't be named any more.
    if (ids != nullptr && id.is_zero()) continue;
    auto& answers = answer.topics.emplace_back();
    answers.name = protocol::String(topic.topic);
    answers.topic_id = id;
    for (const auto& offset : topic.partitions) fill(answers.partitions.emplace_back(), offset);
  }
  for (auto& refused : unknown) answer.topics.push_back(std::move(refused));
  co_return answer;
}

awaitable<protocol::OffsetFetchResponse> OffsetFetchHandler::handle(RequestContext& context,
                                                                    const Request& request) const {
  const protocol::ApiVersion version = context.api_version();
  if (version < first_from_group) {
    Response response = co_await fetch_from_store(request);
    co_return response;
  }
  if (version < first_with_several_groups) {
    Response response = co_await fetch_one_group(context, request);
    co_return response;
  }
  const MetadataCache::Snapshot metadata = version >= first_with_topic_ids ? metadata_.snapshot() : nullptr;
  Response response;
  RepeatedAnswers repeated;
  for (const auto& wanted : request.groups) {
    auto answer = co_await fetch_group(context, wanted, request.require_stable, metadata.get());
    if (!repeated.allow(wanted.group_id.str(), size_of(answer))) {
      context.refuse_to_answer();
      co_return Response();
    }
    response.groups.push_back(std::move(answer));
  }
  co_return response;
}

}  // namespace broker
