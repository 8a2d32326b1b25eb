// Reads records of a topic without a group: from given places, partition by partition, following leaders as they move.
// Blocking; belongs to one thread. For `barnabas consume`.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/client/cluster.h"
#include "protocol/messages/fetch.h"
#include "protocol/records/record.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace tools {

// Where to begin: an offset, or a time as ListOffsets takes it (earliest, latest, a timestamp).
struct StartPoint {
  static constexpr protocol::TimestampMs earliest = -2, latest = -1;
  std::optional<protocol::Offset> offset;
  protocol::TimestampMs time = latest;
  std::int64_t last_records = 0;  // this many before the end

  // "beginning", "end", an offset, "-5" (the last five), or a time as parse_time reads it with a date in it.
  static std::optional<StartPoint> parse(std::string_view text);
};

struct ConsumerOptions {
  std::string topic;
  std::vector<protocol::PartitionIndex> partitions;  // none: all
  StartPoint start;
  int max_wait_ms = 500;
  std::int32_t max_partition_bytes = 1 << 20;
};

class Consumer {
 public:
  static protocol::Result<Consumer> open(broker::client::Cluster& cluster, ConsumerOptions options);

  // Gets false when no more records are wanted.
  using Visit = std::function<bool(protocol::PartitionIndex, const protocol::RecordView&)>;

  // Asks each leader once and hands what comes to `visit`. The record's views hold during the call only.
  protocol::Result<void> poll(const Visit& visit);

  // Whether every partition was read up to the end that it had when this was opened.
  bool reached_first_end() const;

 private:
  struct Position {
    protocol::BrokerId leader = -1;
    protocol::Offset next = 0;
    protocol::Offset first_end = 0;
  };

  Consumer(broker::client::Cluster& cluster, ConsumerOptions options)
      : cluster_(cluster), options_(std::move(options)) {}
  protocol::Result<void> find_leaders();
  // The offset of each partition at `time`; -1 where there is none.
  protocol::Result<std::map<protocol::PartitionIndex, protocol::Offset>> offsets_at(protocol::TimestampMs time);
  protocol::Result<void> find_start();
  protocol::Result<void> fetch(protocol::BrokerId leader, int max_wait_ms, const Visit& visit);
  protocol::Result<void> take(const protocol::FetchResponse::PartitionData& data, const Visit& visit);
  protocol::Result<void> read_batches(protocol::PartitionIndex partition, Position& position, protocol::Bytes batches,
                                      const Visit& visit);

  broker::client::Cluster& cluster_;
  ConsumerOptions options_;
  std::map<protocol::PartitionIndex, Position> positions_;
  protocol::RecordScratch scratch_;
  bool leaders_moved_ = false;
  bool stopped_ = false;
};

}  // namespace tools
