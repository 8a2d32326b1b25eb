// DescribeTopicPartitions (API key 75, v0; KIP-966): topics in the order of their names, at most so many partitions an
// answer, with a cursor to where the next one starts. Eligible leader replicas don't exist outside KRaft and are empty.
// Follows DescribeTopicPartitionsRequestHandler and KRaftMetadataCache of Kafka 3.9.
#include "broker/handlers/describe_topic_partitions.h"

#include <algorithm>
#include <set>

#include "broker/config/dynamic_config.h"
#include "broker/handlers/broker_address.h"
#include "protocol/topic_name.h"

namespace broker {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;
using protocol::ErrorCode;

namespace {

using Topic = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;

// The names to describe, sorted, from the cursor's on.
std::set<std::string> wanted_names(const DescribeTopicPartitionsRequest& request, const MetadataSnapshot& now) {
  const std::string_view first = request.cursor ? request.cursor->topic_name.view() : std::string_view();
  std::set<std::string> names;
  if (request.topics.empty()) {
    now.for_each_topic([&](const TopicMetadata& topic) {
      if (topic.name >= first) names.insert(topic.name);
    });
  }
  for (const auto& topic : request.topics) {
    if (topic.name.view() >= first) names.insert(topic.name.str());
  }
  return names;
}

// The cursor must name one of the topics asked for, and a partition.
bool is_malformed(const DescribeTopicPartitionsRequest& request) {
  if (!request.cursor) return false;
  if (request.cursor->partition_index < 0) return true;
  return !request.topics.empty() && std::ranges::none_of(request.topics, [&](const auto& topic) {
    return topic.name == request.cursor->topic_name;
  });
}

Topic start_topic(const std::string& name, ErrorCode error, Uuid id = {}) {
  Topic topic;
  topic.error_code = error;
  topic.name = protocol::String(name);
  topic.topic_id = id;
  topic.is_internal = is_internal_topic(name);
  topic.topic_authorized_operations = all_topic_operations;
  return topic;
}

DescribeTopicPartitionsResponse refuse(const DescribeTopicPartitionsRequest& request) {
  DescribeTopicPartitionsResponse response;
  for (const auto& topic : request.topics) {
    Topic& refused = response.topics.emplace_back();
    refused.error_code = ErrorCode::invalid_request;
    refused.name = protocol::String(topic.name.str());
  }
  return response;
}

void set_cursor(DescribeTopicPartitionsResponse& response, const std::string& topic, std::int32_t partition) {
  response.next_cursor.emplace();
  response.next_cursor->topic_name = topic;
  response.next_cursor->partition_index = partition;
}

void add_partition(Topic& topic, const PartitionMetadata& known, bool has_leader) {
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = known.index;
  partition.leader_id = has_leader ? known.leader : -1;
  partition.leader_epoch = known.leader_epoch;
  partition.replica_nodes = known.replicas;
  partition.isr_nodes = known.isr;
  partition.eligible_leader_replicas.emplace();
  partition.last_known_elr.emplace();
  partition.offline_replicas = known.offline_replicas;
}

}  // namespace

DescribeTopicPartitionsResponse DescribeTopicPartitionsHandler::handle(RequestContext& context,
                                                                       const Request& request) const {
  if (is_malformed(request)) return refuse(request);
  const MetadataCache::Snapshot now = metadata_.snapshot();
  const auto has_leader = [&](const PartitionMetadata& partition) {
    const BrokerMetadata* leader = now->broker(partition.leader);
    return leader && leader->endpoint(context.listener_name());
  };
  const std::int32_t limit = config_.snapshot()->max_request_partition_size_limit;
  std::int32_t remaining = std::max(std::min(limit, request.response_partition_limit), 1);
  Response response;
  for (const std::string& name : wanted_names(request, *now)) {
    if (remaining == 0) {
      set_cursor(response, name, 0);
      break;
    }
    const TopicMetadata* known = now->topic(name);
    if (!known) {
      if (request.topics.empty()) continue;
      const bool valid = protocol::check_topic_name(name).has_value();
      response.topics.push_back(
          start_topic(name, valid ? ErrorCode::unknown_topic_or_partition : ErrorCode::invalid_topic_exception));
      continue;
    }
    const bool at_cursor = request.cursor && request.cursor->topic_name == std::string_view(name);
    const std::int32_t first = at_cursor ? request.cursor->partition_index : 0;
    Topic& topic = response.topics.emplace_back(start_topic(name, ErrorCode::none, known->id));
    auto partition = std::ranges::lower_bound(known->partitions, first, {}, &PartitionMetadata::index);
    for (; partition != known->partitions.end() && remaining > 0; ++partition, --remaining) {
      add_partition(topic, *partition, has_leader(*partition));
    }
    if (partition != known->partitions.end()) {
      set_cursor(response, name, partition->index);
      break;
    }
  }
  return response;
}

}  // namespace broker
