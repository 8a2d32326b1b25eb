// The small values that the storage layer's interfaces pass around. Plain values, no synchronisation.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/records/validation.h"
#include "protocol/records_field.h"
#include "protocol/types.h"

namespace storage {

using protocol::AppendOrigin;
using protocol::LeaderEpoch;
using protocol::Offset;
using protocol::ProducerEpoch;
using protocol::ProducerId;
using protocol::RecordError;
using protocol::TimestampMs;
using protocol::TimestampType;
using protocol::TopicPartition;
using protocol::Uuid;

// An offset and where it lies on disk. segment_base -1: only the offset is known.
struct OffsetMetadata {
  Offset offset = 0;
  Offset segment_base = -1;
  std::int64_t position = -1;  // byte position in that segment

  bool offset_only() const { return segment_base < 0; }
  bool on_older_segment_than(const OffsetMetadata& other) const {
    return !offset_only() && !other.offset_only() && segment_base < other.segment_base;
  }
  bool on_same_segment_as(const OffsetMetadata& other) const {
    return !offset_only() && segment_base == other.segment_base;
  }
  bool operator==(const OffsetMetadata&) const = default;
};

struct OffsetAndEpoch {
  Offset offset = -1;
  LeaderEpoch epoch = protocol::no_leader_epoch;
  bool operator==(const OffsetAndEpoch&) const = default;
};

// The answer of a search by time. epoch -1: not known.
struct TimestampAndOffset {
  TimestampMs timestamp = protocol::no_timestamp;
  Offset offset = -1;
  LeaderEpoch epoch = protocol::no_leader_epoch;
  bool operator==(const TimestampAndOffset&) const = default;
};

// What the log knew about its bounds at one moment; without the positions that it would have to look up.
struct OffsetSnapshot {
  Offset log_start_offset = 0;
  OffsetMetadata log_end_offset;
  OffsetMetadata high_watermark;
  OffsetMetadata last_stable_offset;
};

// A transaction that a read_committed consumer must skip: records of producer_id from first_offset to its abort marker.
struct AbortedTransaction {
  ProducerId producer_id = -1;
  Offset first_offset = -1;
  bool operator==(const AbortedTransaction&) const = default;
};

// How far a read may see: replicas to the end, consumers to the high watermark, read_committed to the last stable
// offset.
enum class FetchIsolation : std::uint8_t { log_end, high_watermark, txn_committed };

struct ReadOptions {
  Offset start_offset = 0;
  std::int32_t max_bytes = 0;
  FetchIsolation isolation = FetchIsolation::high_watermark;
  bool min_one_message = true;  // return the first batch whole even if it is larger than max_bytes
  bool cached_only = false;     // answer needs_disk instead of waiting for the disk
};

// What a read found. `records` is a file range that keeps its file open, so it may be sent after the log has dropped
// the segment; it begins with the batch that contains the wanted offset and may end within a batch.
struct FetchSlice {
  OffsetMetadata start;
  protocol::Records records;
  bool first_entry_incomplete = false;  // the first batch alone is larger than max_bytes (only without min_one_message)
  bool needs_disk = false;              // with cached_only: nothing was read, ask again on a thread that may wait
  std::vector<AbortedTransaction> aborted_transactions;  // with txn_committed
  Offset log_start_offset = 0;
  Offset log_end_offset = 0;
  Offset high_watermark = 0;
  Offset last_stable_offset = 0;
};

// A producer as DescribeProducers shows it.
struct ProducerSummary {
  ProducerId producer_id = -1;
  ProducerEpoch producer_epoch = -1;
  std::int32_t last_sequence = -1;
  TimestampMs last_timestamp = -1;
  std::int32_t coordinator_epoch = -1;
  Offset current_txn_start_offset = -1;
};

// Proof that the transaction coordinator confirmed a producer's partition (KIP-890). 0: none.
using VerificationGuard = std::uint64_t;
inline constexpr VerificationGuard no_verification_guard = 0;

struct AppendInfo {
  Offset first_offset = -1;  // for a duplicate: of the original append
  Offset last_offset = -1;
  TimestampMs max_timestamp = protocol::no_timestamp;
  TimestampMs log_append_time =
      protocol::no_timestamp;  // set with message.timestamp.type=LogAppendTime, or a duplicate
  Offset log_start_offset = -1;
  LeaderEpoch last_leader_epoch = protocol::no_leader_epoch;  // of the last batch
  std::int64_t bytes = 0;                                     // written; 0 for a duplicate or an empty append
  bool duplicate = false;
  bool flush_due = false;  // flush.messages: call Log::flush(), where waiting is allowed, before acknowledging
};

}  // namespace storage
