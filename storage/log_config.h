// The settings of one partition's log: what Kafka calls topic configs, as far as the storage layer acts on them.
// Plain values with Kafka 3.9's defaults; the broker's configuration fills them. Shared as immutable
// std::shared_ptr<const LogConfig> between the partitions of a topic.
#pragma once

#include <cstdint>
#include <limits>

#include "storage/types.h"

namespace storage {

// compression.type of a topic. producer keeps what the client chose.
enum class TopicCompression : std::uint8_t { producer, uncompressed, gzip, snappy, lz4, zstd };

struct LogConfig {
  static constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

  std::int32_t segment_bytes = 1 << 30;                       // segment.bytes
  std::int64_t segment_ms = 7LL * 24 * 3600 * 1000;           // segment.ms
  std::int64_t segment_jitter_ms = 0;                         // segment.jitter.ms
  std::int32_t segment_index_bytes = 10 * 1024 * 1024;        // segment.index.bytes
  std::int32_t index_interval_bytes = 4096;                   // index.interval.bytes
  std::int64_t flush_messages = unlimited;                    // flush.messages
  std::int64_t flush_ms = unlimited;                          // flush.ms
  std::int64_t retention_bytes = -1;                          // retention.bytes, -1: no limit
  std::int64_t retention_ms = 7LL * 24 * 3600 * 1000;         // retention.ms, -1: no limit
  std::int32_t max_message_bytes = 1048588;                   // max.message.bytes
  std::int64_t file_delete_delay_ms = 60'000;                 // file.delete.delay.ms
  std::int64_t delete_retention_ms = 24LL * 3600 * 1000;      // delete.retention.ms
  std::int64_t min_compaction_lag_ms = 0;                     // min.compaction.lag.ms
  std::int64_t max_compaction_lag_ms = unlimited;             // max.compaction.lag.ms
  double min_cleanable_dirty_ratio = 0.5;                     // min.cleanable.dirty.ratio
  bool cleanup_delete = true;                                 // cleanup.policy contains delete
  bool cleanup_compact = false;                               // cleanup.policy contains compact
  bool unclean_leader_election = false;                       // unclean.leader.election.enable
  std::int32_t min_insync_replicas = 1;                       // min.insync.replicas
  TopicCompression compression = TopicCompression::producer;  // compression.type
  std::int32_t gzip_level = -1;                               // compression.gzip.level
  std::int32_t lz4_level = 9;                                 // compression.lz4.level
  std::int32_t zstd_level = 3;                                // compression.zstd.level
  bool preallocate = false;                                   // preallocate
  TimestampType timestamp_type = TimestampType::create_time;  // message.timestamp.type
  std::int64_t timestamp_before_max_ms = unlimited;           // message.timestamp.before.max.ms
  std::int64_t timestamp_after_max_ms = unlimited;            // message.timestamp.after.max.ms
  bool message_downconversion = true;                         // message.downconversion.enable

  // The longest a segment may stay active: segment.ms, and for compacted topics at most max.compaction.lag.ms.
  std::int64_t max_segment_ms() const {
    return cleanup_compact && max_compaction_lag_ms < segment_ms ? max_compaction_lag_ms : segment_ms;
  }

  bool operator==(const LogConfig&) const = default;
};

}  // namespace storage
