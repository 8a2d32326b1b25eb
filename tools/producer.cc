#include "tools/producer.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "protocol/messages/produce.h"
#include "tools/cluster_session.h"
#include "tools/partitioner.h"

namespace tools {

using protocol::Bytes, protocol::ErrorCode, protocol::fail, protocol::Offset, protocol::PartitionIndex,
    protocol::ProduceRequest, protocol::RecordBatchBuilder, protocol::Result;

namespace {

constexpr int attempts = 20;
constexpr int retry_pause_ms = 200;
// The newest version that names topics instead of giving their ids.
constexpr protocol::ApiVersion newest_with_names = 12;

bool is_worth_a_retry(ErrorCode code) { return code == ErrorCode::network_exception || protocol::is_retriable(code); }

}  // namespace

Result<Producer> Producer::open(broker::client::Cluster& cluster, ProducerOptions options) {
  Producer producer(cluster, std::move(options));
  if (auto found = producer.find_leaders(); !found) return std::unexpected(found.error());
  const auto count = static_cast<PartitionIndex>(producer.leaders_.size());
  const auto wanted = producer.options_.partition;
  if (wanted && (*wanted < 0 || *wanted >= count)) {
    return fail(ErrorCode::unknown_topic_or_partition,
                fmt::format("{} has partitions 0 to {}, not {}", producer.options_.topic, count - 1, *wanted));
  }
  return producer;
}

Result<void> Producer::find_leaders() {
  const auto metadata = cluster_.topic_with_leaders(options_.topic, options_.create_topic);
  if (!metadata) return std::unexpected(metadata.error());
  const auto& topic = (*metadata)->topics.front();
  leaders_.assign(topic.partitions.size(), -1);
  for (const auto& partition : topic.partitions) {
    const auto index = static_cast<std::size_t>(partition.partition_index);
    if (index < leaders_.size()) leaders_[index] = partition.leader_id;
  }
  return {};
}

PartitionIndex Producer::choose(std::optional<Bytes> key) const {
  if (options_.partition) return *options_.partition;
  const auto count = static_cast<PartitionIndex>(leaders_.size());
  return key ? partition_of_key(*key, count) : turn_ % count;
}

Result<void> Producer::append(protocol::TimestampMs timestamp, std::optional<Bytes> key, std::optional<Bytes> value,
                              std::span<const protocol::RecordHeader> headers) {
  const PartitionIndex partition = choose(key);
  const auto [at, is_new] =
      waiting_.try_emplace(partition, protocol::BatchOptions{.compression = options_.compression});
  at->second.append(timestamp, key, value, headers);
  return at->second.uncompressed_size() >= options_.batch_bytes ? send(partition) : Result<void>();
}

Result<void> Producer::flush() {
  while (!waiting_.empty()) {
    if (auto result = send(waiting_.begin()->first); !result) return result;
  }
  return {};
}

Result<void> Producer::send(PartitionIndex partition) {
  auto node = waiting_.extract(partition);
  RecordBatchBuilder& builder = node.mapped();
  const auto batch = builder.build();
  if (!batch) return std::unexpected(batch.error());
  if (partition == turn_ % static_cast<PartitionIndex>(leaders_.size())) ++turn_;
  Result<Offset> offset = fail(ErrorCode::request_timed_out);
  for (int attempt = 1;; ++attempt) {
    offset = send_once(partition, *batch);
    if (offset) break;
    if (!is_worth_a_retry(offset.error().code) || attempt == attempts) return std::unexpected(offset.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(retry_pause_ms));
    if (auto found = find_leaders(); !found) return found;
  }
  Sent& sent = sent_[partition];
  sent.records += builder.record_count();
  sent.bytes += batch->size();
  if (*offset >= 0) {
    if (sent.first_offset < 0) sent.first_offset = *offset;
    sent.last_offset = *offset + builder.record_count() - 1;
  }
  return {};
}

// The base offset that the broker gave the batch; -1 when it does not answer (acks=0).
Result<Offset> Producer::send_once(PartitionIndex partition, const std::vector<std::byte>& batch) {
  auto connection = cluster_.broker(leaders_[static_cast<std::size_t>(partition)]);
  if (!connection) return std::unexpected(connection.error());
  const auto version = (*connection)->pick(ProduceRequest::api_key, newest_with_names);
  if (!version) return std::unexpected(version.error());
  ProduceRequest request{.acks = options_.acks, .timeout_ms = options_.timeout_ms};
  auto& topic = request.topic_data.emplace_back();
  topic.name = std::string_view(options_.topic);
  topic.partition_data.push_back({.index = partition, .records = protocol::Records(Bytes(batch))});
  if (options_.acks == 0) {
    if (auto sent = (*connection)->send_without_answer(request, *version); !sent) return std::unexpected(sent.error());
    return Offset{-1};
  }
  const auto reply = (*connection)->call(request, *version);
  if (!reply) return std::unexpected(reply.error());
  if ((*reply)->responses.empty() || (*reply)->responses.front().partition_responses.empty()) {
    return fail(ErrorCode::unknown_server_error, "The broker's answer lacks the partition");
  }
  const auto& result = (*reply)->responses.front().partition_responses.front();
  if (result.error_code == ErrorCode::none) return result.base_offset;
  return fail(result.error_code,
              fmt::format("{}-{}: {}", options_.topic, partition, describe(result.error_code, result.error_message)));
}

}  // namespace tools
