#include "tools/consumer.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "protocol/records/record_batch.h"
#include "tools/cluster_session.h"
#include "tools/offsets.h"
#include "tools/text.h"

namespace tools {

using protocol::BrokerId, protocol::Bytes, protocol::ErrorCode, protocol::fail, protocol::FetchRequest,
    protocol::Offset, protocol::PartitionIndex, protocol::RecordView, protocol::Result, protocol::TimestampMs;

namespace {

// The newest version that names topics instead of giving their ids.
constexpr protocol::ApiVersion newest_fetch_with_names = 12;
constexpr std::int32_t max_response_bytes = 50 << 20;
constexpr int retry_pause_ms = 200;
constexpr BrokerId no_replica = -1;  // an ordinary consumer

bool leader_moved(ErrorCode code) {
  return code == ErrorCode::not_leader_or_follower || code == ErrorCode::fenced_leader_epoch ||
         code == ErrorCode::unknown_leader_epoch || code == ErrorCode::leader_not_available ||
         code == ErrorCode::unknown_topic_or_partition || code == ErrorCode::replica_not_available;
}

}  // namespace

std::optional<StartPoint> StartPoint::parse(std::string_view text) {
  if (text == "beginning") return StartPoint{.time = earliest};
  if (text == "end") return StartPoint{.time = latest};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) {
    if (number < 0) return StartPoint{.last_records = -number};
    return StartPoint{.offset = number};
  }
  if (const auto time = parse_time(text)) return StartPoint{.time = *time};
  return std::nullopt;
}

Result<Consumer> Consumer::open(broker::client::Cluster& cluster, ConsumerOptions options) {
  Consumer consumer(cluster, std::move(options));
  for (const PartitionIndex partition : consumer.options_.partitions) consumer.positions_[partition];
  if (auto found = consumer.find_leaders(); !found) return std::unexpected(found.error());
  if (auto found = consumer.find_start(); !found) return std::unexpected(found.error());
  return consumer;
}

Result<void> Consumer::find_leaders() {
  const auto metadata = cluster_.topic_with_leaders(options_.topic, false);
  if (!metadata) return std::unexpected(metadata.error());
  for (auto& [index, position] : positions_) position.leader = -1;
  for (const auto& partition : (*metadata)->topics.front().partitions) {
    if (options_.partitions.empty() || positions_.contains(partition.partition_index)) {
      positions_[partition.partition_index].leader = partition.leader_id;
    }
  }
  for (const auto& [index, position] : positions_) {
    if (position.leader >= 0) continue;
    return fail(ErrorCode::unknown_topic_or_partition, fmt::format("{} has no partition {}", options_.topic, index));
  }
  leaders_moved_ = false;
  return {};
}

Result<std::map<PartitionIndex, Offset>> Consumer::offsets_at(TimestampMs time) {
  Leaders leaders;
  for (const auto& [index, position] : positions_) leaders[{options_.topic, index}] = position.leader;
  std::map<PartitionIndex, Offset> offsets;
  for (const auto& [partition, offset] : tools::find_offsets(cluster_, leaders, time)) {
    if (!offset) return std::unexpected(offset.error());
    offsets[partition.partition] = *offset;
  }
  return offsets;
}

Result<void> Consumer::find_start() {
  auto ends = offsets_at(StartPoint::latest);
  if (!ends) return std::unexpected(ends.error());
  for (auto& [index, position] : positions_) position.first_end = (*ends)[index];
  const StartPoint& start = options_.start;
  // The log's start is needed to keep within the log, and a time's offset may be none.
  auto starts = offsets_at(StartPoint::earliest);
  if (!starts) return std::unexpected(starts.error());
  auto at_time = offsets_at(start.time);
  if (!at_time) return std::unexpected(at_time.error());
  for (auto& [index, position] : positions_) {
    if (start.offset) {
      position.next = *start.offset;
      if (position.next < (*starts)[index] || position.next > position.first_end) {
        return fail(ErrorCode::offset_out_of_range,
                    fmt::format("{}-{} has the offsets {} to {}, not {}", options_.topic, index, (*starts)[index],
                                position.first_end, position.next));
      }
    } else if (start.last_records > 0) {
      position.next = std::max((*starts)[index], position.first_end - start.last_records);
    } else {
      const Offset found = (*at_time)[index];
      position.next = found >= 0 ? found : position.first_end;
    }
  }
  return {};
}

bool Consumer::reached_first_end() const {
  return std::ranges::all_of(positions_, [](const auto& entry) { return entry.second.next >= entry.second.first_end; });
}

Result<void> Consumer::poll(const Visit& visit) {
  if (leaders_moved_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(retry_pause_ms));
    if (auto found = find_leaders(); !found) return found;
  }
  std::set<BrokerId> leaders;
  for (const auto& [index, position] : positions_) leaders.insert(position.leader);
  // With several brokers a quiet one must not hold up the records of the others.
  const int max_wait_ms = options_.max_wait_ms / static_cast<int>(leaders.size());
  for (const BrokerId leader : leaders) {
    if (stopped_) break;
    if (auto fetched = fetch(leader, max_wait_ms, visit); !fetched) return fetched;
  }
  return {};
}

Result<void> Consumer::fetch(BrokerId leader, int max_wait_ms, const Visit& visit) {
  FetchRequest request{
      .replica_id = no_replica, .max_wait_ms = max_wait_ms, .min_bytes = 1, .max_bytes = max_response_bytes};
  auto& topic = request.topics.emplace_back();
  topic.topic = std::string_view(options_.topic);
  for (const auto& [index, position] : positions_) {
    if (position.leader != leader) continue;
    topic.partitions.push_back(
        {.partition = index, .fetch_offset = position.next, .partition_max_bytes = options_.max_partition_bytes});
  }
  const auto reply = cluster_.call_broker(leader, request, newest_fetch_with_names);
  if (!reply) return std::unexpected(reply.error());
  if ((*reply)->error_code != ErrorCode::none) {
    return fail((*reply)->error_code, describe((*reply)->error_code));
  }
  for (const auto& response : (*reply)->responses) {
    for (const auto& data : response.partitions) {
      if (stopped_) return {};
      if (auto taken = take(data, visit); !taken) return taken;
    }
  }
  return {};
}

Result<void> Consumer::take(const protocol::FetchResponse::PartitionData& data, const Visit& visit) {
  const auto position = positions_.find(data.partition_index);
  if (position == positions_.end()) return {};
  if (leader_moved(data.error_code)) {
    leaders_moved_ = true;
    return {};
  }
  if (data.error_code != ErrorCode::none) {
    return fail(data.error_code, fmt::format("{}-{} at offset {}: {}", options_.topic, data.partition_index,
                                             position->second.next, describe(data.error_code)));
  }
  if (!data.records) return {};
  return read_batches(data.partition_index, position->second, data.records->bytes(), visit);
}

Result<void> Consumer::read_batches(PartitionIndex partition, Position& position, Bytes batches, const Visit& visit) {
  protocol::BatchReader reader(batches);
  protocol::RecordBatchView batch;
  while (!stopped_ && reader.next(batch) == protocol::BatchStatus::ok) {
    const auto where = [&] {
      return fmt::format("{}-{} at offset {}", options_.topic, partition, batch.base_offset());
    };
    if (!batch.crc_matches()) return fail(ErrorCode::corrupt_message, where() + ": the checksum is wrong");
    if (!batch.is_control()) {
      protocol::RecordReader records(batch, scratch_);
      RecordView record;
      while (!stopped_ && records.next(record)) {
        if (record.offset < position.next) continue;  // a batch may begin before the offset that was asked for
        position.next = record.offset + 1;
        stopped_ = !visit(partition, record);
      }
      if (auto finished = records.finish(); !stopped_ && !finished) {
        return fail(finished.error().code, fmt::format("{}: {}", where(), finished.error().text()));
      }
    }
    if (!stopped_) position.next = std::max(position.next, batch.next_offset());
  }
  if (!stopped_ && reader.status() == protocol::BatchStatus::corrupt) {
    return fail(ErrorCode::corrupt_message, fmt::format("{}-{}: {}", options_.topic, partition, reader.reason()));
  }
  return {};
}

}  // namespace tools
