#include "broker/handlers/produce_request.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "broker/replication/replica_manager.h"
#include "protocol/records/record_batch.h"

namespace broker {

using protocol::ApiVersion, protocol::BatchStatus, protocol::Bytes, protocol::CompressionType, protocol::ErrorCode,
    protocol::fail, protocol::ProduceRequest, protocol::Result;

namespace {

using TopicProduceData = ProduceRequest::TopicProduceData;
using PartitionProduceData = ProduceRequest::PartitionProduceData;

constexpr ApiVersion first_v2_only = 3, first_zstd = 7;
// A batch of magic 2 that ends before this has no producer id, which Kafka looks for.
constexpr std::size_t producer_id_end = protocol::batch_v2::producer_epoch;

// A batch, which may be shorter than its header.
struct BatchOutline {
  std::size_t size = 0;
  std::int8_t magic = protocol::magic_v2;
  std::int8_t attributes = 0;

  CompressionType compression() const {
    return static_cast<CompressionType>(attributes & protocol::batch_v2::compression_mask);
  }
  bool is_transactional() const {
    return magic == protocol::magic_v2 && (attributes & protocol::batch_v2::transactional_flag) != 0;
  }
  bool is_short() const { return magic == protocol::magic_v2 && size < producer_id_end; }
};

// The batch at the front. `why`: Kafka's sentence about bytes that are none.
BatchStatus read_outline(Bytes bytes, BatchOutline& batch, std::string& why) {
  constexpr auto smallest_length =
      static_cast<std::int32_t>(protocol::message::overhead_v0 - protocol::batch_length_overhead);
  if (bytes.size() < protocol::batch_length_overhead) return BatchStatus::end;
  const auto length = protocol::load_be<std::int32_t>(bytes.data() + protocol::batch_v2::length);
  if (length < smallest_length) {
    why = fmt::format("Record size {} is less than the minimum record overhead ({})", length, smallest_length);
    return BatchStatus::corrupt;
  }
  if (bytes.size() < protocol::batch_prefix_size) return BatchStatus::end;
  batch.magic = protocol::load_be<std::int8_t>(bytes.data() + protocol::batch_v2::magic);
  if (batch.magic < protocol::magic_v0 || batch.magic > protocol::magic_v2) {
    why = fmt::format("Invalid magic found in record: {}", batch.magic);
    return BatchStatus::corrupt;
  }
  batch.size = protocol::batch_length_overhead + static_cast<std::size_t>(length);
  if (bytes.size() < batch.size) return BatchStatus::incomplete;
  batch.attributes = protocol::load_be<std::int8_t>(bytes.data() + (batch.magic == protocol::magic_v2
                                                                        ? protocol::batch_v2::attributes + 1
                                                                        : protocol::message::attributes));
  return BatchStatus::ok;
}

// Of every partition only the first batch counts here, also of those that don't exist.
Result<void> check_first_batches(const ProduceRequest& request) {
  BatchOutline batch;
  std::string why;
  for (const TopicProduceData& topic : request.topic_data) {
    for (const PartitionProduceData& partition : topic.partition_data) {
      const BatchStatus status = read_outline(bytes_of(partition), batch, why);
      if (status == BatchStatus::corrupt) return fail(ErrorCode::corrupt_message, std::move(why));
      if (status != BatchStatus::ok || !batch.is_transactional()) continue;
      if (!request.transactional_id) return fail(ErrorCode::transactional_id_authorization_failed);
      return {};
    }
  }
  return {};
}

bool exists(const ReplicaManager& replicas, const TopicProduceData& topic, const PartitionProduceData& partition) {
  return replicas.find(topic.name, partition.index).code() != ErrorCode::unknown_topic_or_partition;
}

// Before zstd was known Kafka asks each batch for its codec, and stumbles over those that nobody knows.
Result<void> check_codecs(const ProduceRequest& request, ApiVersion version, const ReplicaManager& replicas) {
  if (version < first_v2_only || version >= first_zstd) return {};
  for (const TopicProduceData& topic : request.topic_data) {
    for (const PartitionProduceData& partition : topic.partition_data) {
      if (check_format(bytes_of(partition), version).code() != ErrorCode::unknown_server_error) continue;
      if (exists(replicas, topic, partition)) return fail(ErrorCode::unknown_server_error);
    }
  }
  return {};
}

// In what would be appended Kafka looks for producer ids, in all batches.
Result<void> check_batches(Bytes records) {
  BatchOutline batch;
  std::string why;
  BatchStatus status = read_outline(records, batch, why);
  while (status == BatchStatus::ok) {
    if (batch.is_short()) return fail(ErrorCode::unknown_server_error);
    records = records.subspan(batch.size);
    status = read_outline(records, batch, why);
  }
  if (status == BatchStatus::corrupt) return fail(ErrorCode::corrupt_message, std::move(why));
  return {};
}

auto key_of(const TopicProduceData& topic) { return std::pair(topic.name.view(), topic.topic_id); }

// Few are compared each with each: the usual request allocates nothing.
template <typename Item, typename KeyOf>
bool has_repetitions(const std::vector<Item>& items, const KeyOf& key_of_item) {
  constexpr std::size_t few = 16;
  if (items.size() <= few) {
    for (std::size_t i = 1; i < items.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (key_of_item(items[i]) == key_of_item(items[j])) return true;
      }
    }
    return false;
  }
  std::vector<decltype(key_of_item(items.front()))> keys;
  keys.reserve(items.size());
  for (const Item& item : items) keys.push_back(key_of_item(item));
  std::ranges::sort(keys);
  return std::ranges::adjacent_find(keys) != keys.end();
}

bool has_repetitions(const ProduceRequest& request) {
  const auto index_of = [](const PartitionProduceData& partition) { return partition.index; };
  for (const TopicProduceData& topic : request.topic_data) {
    if (has_repetitions(topic.partition_data, index_of)) return true;
  }
  return has_repetitions(request.topic_data, key_of);
}

}  // namespace

Bytes bytes_of(const PartitionProduceData& data) { return data.records ? data.records->bytes() : Bytes(); }

Result<void> check_format(Bytes records, ApiVersion version) {
  if (version < first_v2_only) return {};
  BatchOutline batch;
  std::string why;
  BatchStatus status = read_outline(records, batch, why);
  if (status == BatchStatus::corrupt) return fail(ErrorCode::corrupt_message);
  if (status != BatchStatus::ok || batch.magic != protocol::magic_v2) return fail(ErrorCode::invalid_record);
  if (version < first_zstd) {
    if (!is_known(batch.compression())) return fail(ErrorCode::unknown_server_error);
    if (batch.compression() == CompressionType::zstd) return fail(ErrorCode::unsupported_compression_type);
  }
  status = read_outline(records.subspan(batch.size), batch, why);
  if (status == BatchStatus::corrupt) return fail(ErrorCode::corrupt_message);
  if (status == BatchStatus::ok) return fail(ErrorCode::invalid_record);
  return {};
}

bool is_transactional(Bytes records) {
  protocol::RecordBatchView batch;
  return protocol::RecordBatchView::parse(records, batch) == BatchStatus::ok && batch.is_transactional() &&
         batch.has_producer_id();
}

std::optional<MergedRequest> merge_repeated(const ProduceRequest& request, ApiVersion version) {
  if (!has_repetitions(request)) return std::nullopt;
  MergedRequest merged;
  merged.request.transactional_id = request.transactional_id;
  merged.request.acks = request.acks;
  merged.request.timeout_ms = request.timeout_ms;

  struct Place {
    std::size_t topic = 0, partition = 0;
    ErrorCode refused = ErrorCode::none;
    bool has_good = false;
  };
  std::map<decltype(key_of(request.topic_data.front())), std::size_t> topics;
  std::map<std::pair<std::size_t, std::int32_t>, Place> places;
  for (const TopicProduceData& topic : request.topic_data) {
    if (topic.partition_data.empty()) continue;
    const auto [found, new_topic] = topics.try_emplace(key_of(topic), merged.request.topic_data.size());
    if (new_topic) {
      auto& made = merged.request.topic_data.emplace_back();
      made.name = topic.name;
      made.topic_id = topic.topic_id;
    }
    auto& partitions = merged.request.topic_data[found->second].partition_data;
    for (const PartitionProduceData& partition : topic.partition_data) {
      const auto [at, is_new] = places.try_emplace({found->second, partition.index},
                                                   Place{.topic = found->second, .partition = partitions.size()});
      if (is_new) partitions.emplace_back().index = partition.index;
      Place& place = at->second;
      const ErrorCode code = check_format(bytes_of(partition), version).code();
      if (code != ErrorCode::none) place.refused = code;
      if (code != ErrorCode::none && place.has_good) continue;
      place.has_good = code == ErrorCode::none;
      partitions[place.partition].records = protocol::Records(bytes_of(partition));
    }
  }
  for (const auto& [key, place] : places) {
    if (place.refused == ErrorCode::none) continue;
    merged.refused.push_back({.topic = place.topic, .partition = place.partition, .code = place.refused});
  }
  return merged;
}

Result<void> check_request(const ProduceRequest& sent, const ProduceRequest& merged, ApiVersion version,
                           const ReplicaManager& replicas) {
  if (auto checked = check_first_batches(sent); !checked) return checked;
  if (auto checked = check_codecs(sent, version, replicas); !checked) return checked;
  BatchOutline batch;
  std::string why;
  for (const TopicProduceData& topic : merged.topic_data) {
    for (const PartitionProduceData& partition : topic.partition_data) {
      const Bytes records = bytes_of(partition);
      const bool may_have_more = version < first_v2_only && !records.empty();
      if (!may_have_more && (read_outline(records, batch, why) != BatchStatus::ok || !batch.is_short())) continue;
      if (!check_format(records, version) || !exists(replicas, topic, partition)) continue;
      if (auto checked = check_batches(records); !checked) return checked;
    }
  }
  return {};
}

}  // namespace broker
