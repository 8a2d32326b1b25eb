// Sends records to a topic: gathers them into one batch per partition, sends a batch when it is full or asked to, and
// tries again where Kafka says that it helps. Blocking; belongs to one thread. For `barnabas produce`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/client/cluster.h"
#include "protocol/records/compression.h"
#include "protocol/records/record_batch_builder.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace tools {

struct ProducerOptions {
  std::string topic;
  std::optional<protocol::PartitionIndex> partition;  // none: by key, or batch by batch in turn
  protocol::Compression compression;
  std::int16_t acks = -1;
  bool create_topic = true;
  int timeout_ms = 30'000;
  std::size_t batch_bytes = std::size_t{512} << 10;  // before compression
};

class Producer {
 public:
  // Fails when the topic is not there, or has not this partition.
  static protocol::Result<Producer> open(broker::client::Cluster& cluster, ProducerOptions options);

  protocol::Result<void> append(protocol::TimestampMs timestamp, std::optional<protocol::Bytes> key,
                                std::optional<protocol::Bytes> value, std::span<const protocol::RecordHeader> headers);
  // Sends all that waits. Acknowledged (as far as `acks` asks) when it returns.
  protocol::Result<void> flush();

  struct Sent {
    std::int64_t records = 0;
    std::uint64_t bytes = 0;  // as sent
    protocol::Offset first_offset = -1, last_offset = -1;
  };
  // What was acknowledged so far, by partition.
  const std::map<protocol::PartitionIndex, Sent>& sent() const { return sent_; }

 private:
  Producer(broker::client::Cluster& cluster, ProducerOptions options)
      : cluster_(cluster), options_(std::move(options)) {}
  protocol::Result<void> find_leaders();
  protocol::PartitionIndex choose(std::optional<protocol::Bytes> key) const;
  protocol::Result<void> send(protocol::PartitionIndex partition);
  protocol::Result<protocol::Offset> send_once(protocol::PartitionIndex partition, const std::vector<std::byte>& batch);

  broker::client::Cluster& cluster_;
  ProducerOptions options_;
  std::vector<protocol::BrokerId> leaders_;  // by partition
  std::map<protocol::PartitionIndex, protocol::RecordBatchBuilder> waiting_;
  protocol::PartitionIndex turn_ = 0;  // where records without a key go until the next send
  std::map<protocol::PartitionIndex, Sent> sent_;
};

}  // namespace tools
