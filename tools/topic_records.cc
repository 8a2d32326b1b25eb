// `barnabas topics offsets` and `truncate`: what lies in the partitions.
#include <cstdio>

#include <fmt/format.h>

#include "protocol/messages/delete_records.h"
#include "tools/command.h"
#include "tools/offsets.h"
#include "tools/text.h"
#include "tools/topics.h"

namespace tools {
namespace {

using broker::client::Cluster;
using protocol::BrokerId, protocol::ErrorCode, protocol::Offset, protocol::Result, protocol::TopicPartition;

// DeleteRecords' word for "all there are".
constexpr Offset high_watermark = -1;

std::string shown(const OffsetAt& offsets, const TopicPartition& partition) {
  const auto found = offsets.find(partition);
  if (found == offsets.end() || !found->second || *found->second < 0) return "-";
  return std::to_string(*found->second);
}

void write(JsonWriter& json, std::string_view name, const OffsetAt& offsets, const TopicPartition& partition) {
  const auto found = offsets.find(partition);
  json.name(name);
  if (found == offsets.end() || !found->second || *found->second < 0) {
    json.null();
  } else {
    json.value(*found->second);
  }
}

// The partitions whose offsets couldn't be had, told on stderr.
std::size_t report_failures(const OffsetAt& offsets) {
  std::size_t failures = 0;
  for (const auto& [partition, offset] : offsets) {
    if (offset) continue;
    fmt::print(stderr, "barnabas: {}\n", offset.error().text());
    ++failures;
  }
  return failures;
}

// What to delete before, for each partition.
OffsetAt limits(Cluster& cluster, const Leaders& leaders, const DeleteRecords& wanted) {
  OffsetAt before;
  if (!wanted.offset && wanted.time) before = find_offsets(cluster, leaders, *wanted.time);
  for (const auto& [partition, leader] : leaders) {
    // Without a record from that time on, all are older.
    const auto [at, is_new] = before.try_emplace(partition, wanted.offset.value_or(high_watermark));
    if (!is_new && at->second && *at->second < 0) at->second = high_watermark;
  }
  return before;
}

}  // namespace

int show_offsets(const SessionOptions& session, const ShowOffsets& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const auto leaders =
      wanted.topics.empty() ? find_leaders(*cluster, std::nullopt) : find_selected(*cluster, wanted.topics);
  if (!leaders) return report(leaders.error());
  const OffsetAt starts = find_offsets(*cluster, *leaders, earliest_offset);
  const OffsetAt ends = find_offsets(*cluster, *leaders, latest_offset);
  const OffsetAt at_time = wanted.time ? find_offsets(*cluster, *leaders, *wanted.time) : OffsetAt();
  std::vector<std::string> titles = {"TOPIC", "PARTITION", "START", "END"};
  if (wanted.time) titles.emplace_back("AT TIME");
  Table table(titles);
  JsonWriter json;
  json.begin_array();
  for (const auto& [partition, leader] : *leaders) {
    std::vector<std::string> row = {partition.topic, std::to_string(partition.partition), shown(starts, partition),
                                    shown(ends, partition)};
    if (wanted.time) row.push_back(shown(at_time, partition));
    table.add(std::move(row));
    json.begin_object().field("topic", std::string_view(partition.topic)).field("partition", partition.partition);
    write(json, "start", starts, partition);
    write(json, "end", ends, partition);
    if (wanted.time) write(json, "at_time", at_time, partition);
    json.end_object();
  }
  fmt::print("{}", session.json ? json.end_array().text() + "\n" : table.text());
  const std::size_t failures = report_failures(ends);
  if (failures == 0) return exit_code::ok;
  return failures < ends.size() ? exit_code::partly : exit_code::failed;
}

int delete_records(const SessionOptions& session, const DeleteRecords& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const auto leaders = find_selected(*cluster, wanted.topics);
  if (!leaders) return report(leaders.error());
  std::map<BrokerId, protocol::DeleteRecordsRequest> requests;
  Outcomes outcomes(session, "partition", "truncated");
  for (const auto& [partition, before] : limits(*cluster, *leaders, wanted)) {
    const BrokerId leader = leaders->at(partition);
    if (!before || leader < 0) {
      outcomes.add(partition.text(), before ? ErrorCode::leader_not_available : before.error().code, std::nullopt);
      continue;
    }
    protocol::DeleteRecordsRequest& request = requests[leader];
    request.timeout_ms = session.timeout_s * 1000;
    entry_of(request.topics, partition.topic)
        .partitions.push_back({.partition_index = partition.partition, .offset = *before});
  }
  for (const auto& [leader, request] : requests) {
    const auto reply = cluster->call_broker(leader, request);
    if (!reply) return report(reply.error());
    for (const auto& topic : (*reply)->topics) {
      for (const auto& partition : topic.partitions) {
        const TopicPartition name{topic.name.str(), partition.partition_index};
        const bool good = partition.error_code == ErrorCode::none;
        outcomes.add(good && !session.json
                         ? fmt::format("{}, which starts at {} now", name.text(), partition.low_watermark)
                         : name.text(),
                     partition.error_code, std::nullopt);
      }
    }
  }
  return outcomes.finish();
}

}  // namespace tools
