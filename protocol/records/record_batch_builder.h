// Builds one batch: a v2 batch, or a v0/v1 message set (one outer message when compressed).
// As MemoryRecordsBuilder of Kafka 3.9. A builder belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/records/compression.h"
#include "protocol/records/record.h"
#include "protocol/records/record_batch.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace protocol {

struct BatchOptions {
  std::int8_t magic = magic_v2;
  Compression compression;  // zstd needs magic 2
  TimestampType timestamp_type = TimestampType::create_time;
  Offset base_offset = 0;
  TimestampMs log_append_time = no_timestamp;  // the batch's maximum timestamp when the type is log_append_time
  // v2 only from here.
  ProducerId producer_id = no_producer_id;
  ProducerEpoch producer_epoch = no_producer_epoch;
  std::int32_t base_sequence = no_sequence;
  bool transactional = false;
  bool control = false;
  LeaderEpoch partition_leader_epoch = no_leader_epoch;
  std::optional<TimestampMs> delete_horizon;
};

class RecordBatchBuilder {
 public:
  explicit RecordBatchBuilder(BatchOptions options);
  ~RecordBatchBuilder();
  RecordBatchBuilder(RecordBatchBuilder&&) noexcept;
  RecordBatchBuilder& operator=(RecordBatchBuilder&&) noexcept;

  // Appends at the offset after the last one (the first: the base offset). Headers are dropped below v2.
  void append(TimestampMs timestamp, std::optional<Bytes> key, std::optional<Bytes> value,
              std::span<const RecordHeader> headers = {});

  // Appends a record read from another batch with all it has, at an offset that must be beyond the last.
  void append_at(Offset offset, const RecordView& record);

  // The last offset that a v2 header shall claim: compaction keeps that of the original batch. At least the last
  // record's.
  void set_last_offset(Offset offset) { last_offset_override_ = offset; }

  std::int32_t record_count() const { return count_; }
  // Bytes so far before compression, the batch header included.
  std::size_t uncompressed_size() const;
  // What the batch will say: the largest so far, or the log append time.
  TimestampMs max_timestamp() const;
  // Of the last record appended; -1 before the first.
  Offset last_offset() const { return last_offset_; }

  // The finished batch; empty when no record was appended. Call once. Fails with invalid_record when an offset did not
  // grow or lies 2^31 beyond the base, message_too_large when the batch exceeds 2^31 - 1 bytes.
  Result<std::vector<std::byte>> build();

 private:
  struct Fields;
  void append_fields(Offset offset, const Fields& fields);
  void write_record(Offset offset, const Fields& fields);
  void write_message(Offset offset, const Fields& fields);
  bool accept(Offset offset);
  void flush_staging(bool all);
  void write_message_wrapper();
  std::size_t batch_header_size() const;
  // Where encoded records go: to the batch itself, or to the compressor's waiting room.
  std::vector<std::byte>& target() { return compressor_ ? staging_ : *buffer_; }

  BatchOptions options_;
  std::unique_ptr<std::vector<std::byte>> buffer_;  // the batch; behind a pointer for the compressor that appends to it
  std::optional<Compressor> compressor_;
  std::vector<std::byte> staging_;  // encoded records not yet compressed: codecs like larger pieces than one record
  TimestampMs base_timestamp_ = no_timestamp;
  TimestampMs max_timestamp_ = no_timestamp;
  Offset last_offset_ = -1;
  std::optional<Offset> last_offset_override_;
  std::int32_t count_ = 0;
  std::size_t uncompressed_ = 0;
  Error error_{ErrorCode::none};
};

// The 61 bytes of a v2 header without records, as compaction leaves it to remember a producer's last sequence.
std::vector<std::byte> build_empty_batch(const BatchHeader& original);

// Fills in the header of a v2 batch for the encoded (perhaps compressed) records that follow it, with the CRC over
// both.
void write_batch_header(std::span<std::byte, batch_v2::header_size> header, const BatchOptions& options,
                        TimestampMs base_timestamp, TimestampMs max_timestamp, std::int32_t last_offset_delta,
                        std::int32_t record_count, Bytes records);

}  // namespace protocol
