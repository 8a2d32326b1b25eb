#include "broker/handlers/fetch_translation.h"

#include <algorithm>
#include <utility>

#include "broker/metadata_cache.h"

namespace broker {

using protocol::ApiVersion, protocol::ErrorCode;
using PartitionData = protocol::FetchResponse::PartitionData;

namespace {

constexpr ApiVersion last_without_storage_error = 5;

// Clients before v6 don't know kafka_storage_error; this one makes them look for the leader again.
ErrorCode error_for(ErrorCode code, ApiVersion version) {
  if (code == ErrorCode::kafka_storage_error && version <= last_without_storage_error) {
    return ErrorCode::not_leader_or_follower;
  }
  return code;
}

}  // namespace

std::vector<FetchTarget> targets_of(const protocol::FetchRequest& request, bool by_id,
                                    const MetadataSnapshot& metadata) {
  std::vector<FetchTarget> targets;
  std::size_t count = 0;
  for (const auto& topic : request.topics) count += topic.partitions.size();
  targets.reserve(count);
  for (const auto& topic : request.topics) {
    const TopicMetadata* known = by_id ? metadata.topic(topic.topic_id) : nullptr;
    for (const auto& partition : topic.partitions) {
      FetchTarget& target = targets.emplace_back();
      if (!by_id) target.topic = topic.topic.view();
      if (known != nullptr) target.topic = known->name;
      target.topic_id = topic.topic_id;
      target.partition = partition.partition;
      target.max_bytes = partition.partition_max_bytes;
      target.fetch_offset = partition.fetch_offset;
      target.follower_log_start = partition.log_start_offset;
      // Any negative epoch is none.
      target.current_leader_epoch = std::max(partition.current_leader_epoch, protocol::no_leader_epoch);
      target.last_fetched_epoch = std::max(partition.last_fetched_epoch, protocol::no_leader_epoch);
    }
  }
  return targets;
}

std::vector<FetchTarget> forgotten_of(const protocol::FetchRequest& request) {
  std::vector<FetchTarget> forgotten;
  for (const auto& topic : request.forgotten_topics_data) {
    for (const protocol::PartitionIndex partition : topic.partitions) {
      FetchTarget& target = forgotten.emplace_back();
      target.topic = topic.topic.view();
      target.topic_id = topic.topic_id;
      target.partition = partition;
    }
  }
  return forgotten;
}

PartitionData failed_partition(protocol::PartitionIndex index, ErrorCode error, ApiVersion version) {
  PartitionData data;
  data.partition_index = index;
  data.error_code = error_for(error, version);
  data.high_watermark = -1;
  data.records.emplace();
  // As Kafka's reading has it; what isn't known at all never gets that far.
  const bool was_read = error != ErrorCode::unknown_topic_or_partition && error != ErrorCode::unknown_topic_id;
  if (was_read) data.aborted_transactions.reset();
  return data;
}

protocol::FetchResponse refused_whole(const protocol::FetchRequest& request, ErrorCode error) {
  protocol::FetchResponse response;
  response.error_code = error;
  response.session_id = request.session_id;
  for (const auto& wanted : request.topics) {
    auto& topic = response.responses.emplace_back();
    topic.topic = wanted.topic;
    for (const auto& partition : wanted.partitions) {
      PartitionData& data = topic.partitions.emplace_back();
      data.partition_index = partition.partition;
      data.error_code = error;
      data.high_watermark = -1;
    }
  }
  return response;
}

PartitionData fetched_partition(protocol::PartitionIndex index, PartitionReadResult& result, bool read_committed) {
  PartitionData data;
  data.partition_index = index;
  data.high_watermark = result.slice.high_watermark;
  data.last_stable_offset = result.slice.last_stable_offset;
  data.log_start_offset = result.slice.log_start_offset;
  data.records = std::move(result.slice.records);
  if (result.diverging_epoch) {
    data.diverging_epoch.epoch = result.diverging_epoch->epoch;
    data.diverging_epoch.end_offset = result.diverging_epoch->offset;
  }
  // Of what wasn't read, or not handed out, Kafka lists none.
  if (!read_committed || result.diverging_epoch || result.slice.first_entry_incomplete) {
    data.aborted_transactions.reset();
    return data;
  }
  for (const storage::AbortedTransaction& aborted : result.slice.aborted_transactions) {
    auto& entry = data.aborted_transactions->emplace_back();
    entry.producer_id = aborted.producer_id;
    entry.first_offset = aborted.first_offset;
  }
  return data;
}

}  // namespace broker
