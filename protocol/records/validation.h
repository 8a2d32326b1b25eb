// What a partition's leader does with records before it writes them: check them, decide whether the batch can be kept
// as it is, and assign offsets. As UnifiedLog.analyzeAndValidateRecords and LogValidator of Kafka 3.9 with target
// magic 2.
//
//   analyze_records    walks the batches: lengths, sizes, CRCs, offsets. No record is looked at. Also for followers.
//   prepare_append     walks the records of what shall be appended by a leader; converts or recompresses if it must.
//   PreparedBatch      assign() gives it its offset: patches a copy of the 61-byte header, nothing else. Cheap: the
//   only
//                      part that belongs under the partition's lock.
//
// Everything is a pure function of its arguments; objects belong to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/records/compression.h"
#include "protocol/records/record.h"
#include "protocol/records/record_batch.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace protocol {

// Who appends: decides which checks apply.
enum class AppendOrigin : std::uint8_t {
  client,       // a produce request
  coordinator,  // the group or transaction coordinator of this broker
  replication,  // a follower's fetch
};

struct AnalyzeOptions {
  AppendOrigin origin = AppendOrigin::client;
  // max.message.bytes; nothing: sizes were the leader's to check.
  std::optional<std::size_t> max_message_bytes;
  bool require_monotonic_offsets = false;  // followers: offsets are taken as they come, so they must grow
  std::string_view partition;              // "topic-3", for messages
};

struct RecordsSummary {
  std::size_t valid_bytes = 0;  // of whole batches; an incomplete one after them is ignored
  std::int32_t batch_count = 0;
  std::int8_t first_magic = magic_v2;
  Offset first_offset = -1;  // -1 when the first batch has magic 0 or 1
  Offset last_offset = -1;
  Offset last_offset_of_first_batch = -1;
  LeaderEpoch last_leader_epoch = no_leader_epoch;
  TimestampMs max_timestamp = no_timestamp;
  Offset offset_of_max_timestamp = -1;                  // last offset of the first batch that has it
  CompressionType compression = CompressionType::none;  // of the last compressed batch
  bool offsets_monotonic = true;

  // Kafka compares this with the log end offset before a follower's append.
  Offset first_or_last_offset_of_first_batch() const {
    return first_offset >= 0 ? first_offset : last_offset_of_first_batch;
  }
};

// Errors: invalid_record (a client's v2 base offset is not 0), message_too_large, corrupt_message (length, magic, CRC),
// offsets not monotonic: unknown_server_error as Kafka has no code for it.
Result<RecordsSummary> analyze_records(Bytes records, const AnalyzeOptions& options);

struct PrepareOptions {
  AppendOrigin origin = AppendOrigin::client;
  std::optional<Compression> compression;  // the topic's compression.type; nothing: "producer", keep the batch's own
  std::optional<std::size_t> max_message_bytes;  // checked again when the size has changed
  bool compacted = false;                        // the topic is compacted: keys are compulsory
  TimestampType timestamp_type = TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = std::numeric_limits<std::int64_t>::max();
  TimestampMs now = 0;
  std::string_view partition;  // "topic-3", for messages
  RecordLimits limits;
};

// A record that made its batch fail; goes into the produce response from v8.
struct RecordError {
  std::int32_t batch_index = 0;
  std::string message;
};

struct PrepareFailure {
  Error error;
  std::vector<RecordError> record_errors;  // may be empty
};

// One v2 batch, checked, that only lacks its offset. Kept in place: its body is the caller's bytes, which must outlive
// it.
class PreparedBatch {
 public:
  // Gives the batch its offset and leader epoch. May be called again.
  void assign(Offset base_offset, LeaderEpoch leader_epoch);

  // The two pieces to write, in this order: the patched header and the records.
  Bytes header() const { return header_; }
  Bytes body() const { return rebuilt_.empty() ? kept_ : Bytes(rebuilt_).subspan(batch_v2::header_size); }
  std::size_t size() const { return header().size() + body().size(); }

  // The header's fields, e.g. producer id and sequences for the producer state. Valid as long as this object stays put.
  BatchHeader fields() const;

  Offset base_offset() const { return fields().base_offset(); }
  Offset last_offset() const { return fields().last_offset(); }
  std::int32_t record_count() const { return fields().record_count(); }
  // What the time index shall learn: the largest timestamp, at last_offset() unless it is none.
  TimestampMs max_timestamp() const { return fields().max_timestamp(); }
  // now for LogAppendTime topics; none otherwise.
  TimestampMs log_append_time() const { return log_append_time_; }
  // The records were converted or recompressed, not kept in place.
  bool was_rebuilt() const { return !rebuilt_.empty(); }

 private:
  friend class AppendPreparer;
  std::array<std::byte, batch_v2::header_size> header_{};
  Bytes kept_;
  std::vector<std::byte> rebuilt_;  // a whole batch, header included
  TimestampMs log_append_time_ = no_timestamp;
};

// Record errors beyond this number are not listed: they all say the same, and a request must not cost unbounded memory.
inline constexpr std::size_t max_record_errors = 10'000;

// Checks `records` (whole batches as analyze_records found them: the first valid_bytes) and prepares the one batch to
// write. Errors as in Kafka: invalid_record, invalid_timestamp, corrupt_message (inner CRC), message_too_large,
// unsupported_for_message_format never (the target is always v2), unknown_server_error when bytes can't be
// decompressed.
std::expected<PreparedBatch, PrepareFailure> prepare_append(Bytes records, const RecordsSummary& summary,
                                                            const PrepareOptions& options, RecordScratch& scratch);

}  // namespace protocol
