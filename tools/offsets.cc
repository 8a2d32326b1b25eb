#include "tools/offsets.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "protocol/messages/list_offsets.h"
#include "tools/cluster_session.h"

namespace tools {
namespace {

using broker::client::Cluster;
using protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::ListOffsetsRequest,
    protocol::ListOffsetsResponse, protocol::PartitionIndex, protocol::Result, protocol::TimestampMs,
    protocol::TopicPartition;

constexpr BrokerId ordinary_consumer = -1;

void take(const ListOffsetsResponse& response, OffsetAt& found) {
  for (const auto& topic : response.topics) {
    for (const auto& result : topic.partitions) {
      const TopicPartition partition{topic.name.str(), result.partition_index};
      if (result.error_code != ErrorCode::none) {
        found[partition] =
            fail(result.error_code, fmt::format("{}: {}", partition.text(), describe(result.error_code)));
      } else {
        // Version 0 answers with a list.
        found[partition] = result.old_style_offsets.empty() ? result.offset : result.old_style_offsets.front();
      }
    }
  }
}

}  // namespace

Result<Leaders> find_leaders(Cluster& cluster, const std::optional<std::vector<std::string>>& topics) {
  const auto metadata = cluster.metadata(topics);
  if (!metadata) return std::unexpected(metadata.error());
  Leaders leaders;
  for (const auto& topic : (*metadata)->topics) {
    const std::string name = topic.name ? topic.name->str() : std::string();
    if (topic.error_code != ErrorCode::none && topic.error_code != ErrorCode::leader_not_available) {
      return fail(topic.error_code, fmt::format("{}: {}", name, describe(topic.error_code)));
    }
    if (!topics && topic.is_internal) continue;
    for (const auto& partition : topic.partitions) leaders[{name, partition.partition_index}] = partition.leader_id;
  }
  return leaders;
}

OffsetAt find_offsets(Cluster& cluster, const Leaders& leaders, TimestampMs time) {
  std::map<BrokerId, ListOffsetsRequest> requests;
  OffsetAt found;
  for (const auto& [partition, leader] : leaders) {
    found[partition] = fail(ErrorCode::leader_not_available, partition.text() + " has no leader now");
    if (leader < 0) continue;
    ListOffsetsRequest& request = requests[leader];
    request.replica_id = ordinary_consumer;
    entry_of(request.topics, partition.topic)
        .partitions.push_back({.partition_index = partition.partition, .timestamp = time});
  }
  for (const auto& [leader, request] : requests) {
    const auto reply = cluster.call_broker(leader, request);
    if (reply) {
      take(**reply, found);
      continue;
    }
    for (const auto& [partition, its_leader] : leaders) {
      if (its_leader == leader) found[partition] = std::unexpected(reply.error());
    }
  }
  return found;
}

Result<TopicSelection> parse_topic_selection(const std::string& text) {
  const auto colon = text.find(':');
  TopicSelection selection{.topic = text.substr(0, colon), .partitions = {}};
  const auto wrong = [&] { return fail(ErrorCode::invalid_request, fmt::format("'{}' is not TOPIC[:0,1,…]", text)); };
  if (selection.topic.empty()) return wrong();
  if (colon == std::string::npos) return selection;
  const char* at = text.data() + colon;
  const char* const end = text.data() + text.size();
  do {
    PartitionIndex index = 0;
    const auto [rest, error] = std::from_chars(at + 1, end, index);
    if (error != std::errc() || index < 0) return wrong();
    selection.partitions.push_back(index);
    at = rest;
  } while (at != end && *at == ',');
  if (at != end) return wrong();
  return selection;
}

Result<Leaders> select(const Leaders& known, const std::vector<TopicSelection>& selections) {
  Leaders selected;
  for (const TopicSelection& selection : selections) {
    if (selection.partitions.empty()) {
      const auto is_of_topic = [&](const auto& entry) { return entry.first.topic == selection.topic; };
      std::ranges::copy_if(known, std::inserter(selected, selected.end()), is_of_topic);
      continue;
    }
    for (const PartitionIndex index : selection.partitions) {
      const auto at = known.find({selection.topic, index});
      if (at == known.end()) {
        return fail(ErrorCode::unknown_topic_or_partition,
                    fmt::format("{} has no partition {}", selection.topic, index));
      }
      selected.insert(*at);
    }
  }
  return selected;
}

Result<Leaders> find_selected(Cluster& cluster, const std::vector<std::string>& texts) {
  std::vector<TopicSelection> selections;
  std::vector<std::string> topics;
  for (const std::string& text : texts) {
    auto selection = parse_topic_selection(text);
    if (!selection) return std::unexpected(selection.error());
    if (std::ranges::find(topics, selection->topic) == topics.end()) topics.push_back(selection->topic);
    selections.push_back(std::move(*selection));
  }
  auto known = find_leaders(cluster, topics);
  if (!known) return std::unexpected(known.error());
  return select(*known, selections);
}

}  // namespace tools
