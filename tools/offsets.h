// Where partitions begin and end, and which offset lies at a time: ListOffsets for many partitions at once. Blocking;
// for one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/client/cluster.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace tools {

// What ListOffsets takes for a time besides timestamps.
inline constexpr protocol::TimestampMs latest_offset = -1, earliest_offset = -2;

using Leaders = std::map<protocol::TopicPartition, protocol::BrokerId>;  // -1: none now

// The partitions of the topics; of all that aren't internal when none are given. Errors: the first topic's that isn't
// there.
protocol::Result<Leaders> find_leaders(broker::client::Cluster& cluster,
                                       const std::optional<std::vector<std::string>>& topics);

using OffsetAt = std::map<protocol::TopicPartition, protocol::Result<protocol::Offset>>;

// For each partition the first offset whose record is not older than `time`, -1 where there is none. A partition's own
// error is in its place; an unreachable broker fails the partitions that it leads.
OffsetAt find_offsets(broker::client::Cluster& cluster, const Leaders& leaders, protocol::TimestampMs time);

// The entry for `topic` at the end of a request's topics, made when it isn't there: for partitions that come sorted by
// topic. `topic` outlives the request.
template <typename Topics>
auto& entry_of(Topics& topics, std::string_view topic) {
  if (topics.empty() || topics.back().name.view() != topic) topics.emplace_back().name = topic;
  return topics.back();
}

// "orders", "orders:0" or "orders:0,2" as a user writes it; no partitions: all. Errors: a sentence that names the text.
struct TopicSelection {
  std::string topic;
  std::vector<protocol::PartitionIndex> partitions;
  bool operator==(const TopicSelection&) const = default;
};
protocol::Result<TopicSelection> parse_topic_selection(const std::string& text);

// The selected ones of `known`. Errors: unknown_topic_or_partition, naming the first that isn't there.
protocol::Result<Leaders> select(const Leaders& known, const std::vector<TopicSelection>& selections);

// All steps for command-line arguments: parses them and asks the cluster for the topics that they name.
protocol::Result<Leaders> find_selected(broker::client::Cluster& cluster, const std::vector<std::string>& texts);

}  // namespace tools
