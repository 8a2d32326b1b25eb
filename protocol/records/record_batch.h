// Record batches as they lie in memory and in segment files: the constants of the format, views of a batch's header and
// of a whole batch, and the walk over the batches of a byte range.
//
// One view serves all formats: a v2 batch, or an outer message of a v0/v1 message set (a "batch" of one record, or of
// the message set inside it when compressed). Format: docs of org.apache.kafka.common.record.DefaultRecordBatch and
// LegacyRecord (Kafka 3.9). Views borrow the bytes and are values; they are as thread-safe as the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/bytes.h"
#include "protocol/records/big_endian.h"
#include "protocol/records/compression.h"
#include "protocol/records/wrapping.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace protocol {

// none: magic 0, which has no timestamps.
enum class TimestampType : std::int8_t { none = -1, create_time = 0, log_append_time = 1 };

inline constexpr std::int8_t magic_v0 = 0, magic_v1 = 1, magic_v2 = 2;
inline constexpr std::int32_t no_sequence = -1;

// Every format starts with i64 offset, i32 length of what follows.
inline constexpr std::size_t batch_length_overhead = 12;
// With the magic byte: what tells the format and the size.
inline constexpr std::size_t batch_prefix_size = 17;
// Enough bytes for the header of every format.
inline constexpr std::size_t max_batch_header_size = 61;

// Positions in a v2 batch.
namespace batch_v2 {
inline constexpr std::size_t base_offset = 0, length = 8, partition_leader_epoch = 12, magic = 16, crc = 17,
                             attributes = 21, last_offset_delta = 23, base_timestamp = 27, max_timestamp = 35,
                             producer_id = 43, producer_epoch = 51, base_sequence = 53, record_count = 57, records = 61;
inline constexpr std::size_t header_size = 61;

inline constexpr std::int16_t compression_mask = 0x07, log_append_time_flag = 0x08, transactional_flag = 0x10,
                              control_flag = 0x20, delete_horizon_flag = 0x40;
}  // namespace batch_v2

// Positions in an outer message of magic 0 or 1; what follows the attributes is [v1: i64 timestamp,] key, value, each
// with an i32 length (-1: null).
namespace message {
inline constexpr std::size_t offset = 0, size = 8, crc = 12, magic = 16, attributes = 17, timestamp_v1 = 18,
                             key_size_v0 = 18, key_size_v1 = 26;
inline constexpr std::size_t overhead_v0 = 26, overhead_v1 = 34;  // of a message with null key and value
inline constexpr std::int8_t compression_mask = 0x07, log_append_time_flag = 0x08;
}  // namespace message

enum class BatchStatus : std::uint8_t {
  ok,
  end,         // no bytes left
  incomplete,  // fewer bytes than the batch says it has: a torn tail, or the cut-off end of a fetch
  corrupt,     // impossible length or magic: nothing after this point can be trusted
};

// sequence + increment, wrapping from 2^31 - 1 to 0 as producers do.
constexpr std::int32_t increment_sequence(std::int32_t sequence, std::int32_t increment) {
  constexpr std::int64_t top = 2147483647;
  const std::int64_t sum = std::int64_t{sequence} + increment;
  return static_cast<std::int32_t>(sum > top ? sum - top - 1 : sum);
}

// The header of a batch. Only header bytes need be there, so a scan of a file can read 61 bytes per batch.
// Made by parse_batch_header or as a part of RecordBatchView; the getters of a default-constructed one must not be
// called.
class BatchHeader {
 public:
  BatchHeader() = default;

  std::int8_t magic() const { return load_be<std::int8_t>(data_ + batch_v2::magic); }
  // Bytes of the whole batch in the log, the header included.
  std::size_t size() const { return size_; }

  // Offset of the first record. Magic 0 and 1: the message's own, which for a compressed one is the last inner
  // message's, because the first is known only after decompression (see RecordReader).
  Offset base_offset() const { return load_be<Offset>(data_); }
  Offset last_offset() const { return is_v2() ? wrapping_add(base_offset(), last_offset_delta()) : base_offset(); }
  // The offset that follows this batch.
  Offset next_offset() const { return wrapping_add(last_offset(), 1); }

  // The checksum as stored: CRC32C for v2, CRC-32 for v0 and v1.
  std::uint32_t stored_crc() const { return load_be<std::uint32_t>(data_ + (is_v2() ? batch_v2::crc : message::crc)); }

  CompressionType compression() const {
    return static_cast<CompressionType>(attribute_byte() & batch_v2::compression_mask);
  }
  bool is_compressed() const { return compression() != CompressionType::none; }
  TimestampType timestamp_type() const {
    if (magic() == magic_v0) return TimestampType::none;
    return has(batch_v2::log_append_time_flag) ? TimestampType::log_append_time : TimestampType::create_time;
  }
  // Largest timestamp of the batch; magic 0: none; magic 1: the message's timestamp.
  TimestampMs max_timestamp() const {
    if (is_v2()) return load_be<TimestampMs>(data_ + batch_v2::max_timestamp);
    return magic() == magic_v1 ? load_be<TimestampMs>(data_ + message::timestamp_v1) : no_timestamp;
  }

  // What follows exists in v2 only; older formats answer as Kafka does (none, false, -1).
  std::int16_t attributes() const {
    return is_v2() ? load_be<std::int16_t>(data_ + batch_v2::attributes) : attribute_byte();
  }
  bool is_transactional() const { return is_v2() && has(batch_v2::transactional_flag); }
  bool is_control() const { return is_v2() && has(batch_v2::control_flag); }
  // When set, the base timestamp is the time from which tombstones and markers in the batch may go (KIP-534).
  std::optional<TimestampMs> delete_horizon() const {
    if (!is_v2() || !has(batch_v2::delete_horizon_flag)) return std::nullopt;
    return base_timestamp();
  }
  LeaderEpoch partition_leader_epoch() const {
    return v2<LeaderEpoch>(batch_v2::partition_leader_epoch, no_leader_epoch);
  }
  std::int32_t last_offset_delta() const { return v2<std::int32_t>(batch_v2::last_offset_delta, 0); }
  TimestampMs base_timestamp() const { return v2<TimestampMs>(batch_v2::base_timestamp, no_timestamp); }
  ProducerId producer_id() const { return v2<ProducerId>(batch_v2::producer_id, no_producer_id); }
  bool has_producer_id() const { return producer_id() > no_producer_id; }
  ProducerEpoch producer_epoch() const { return v2<ProducerEpoch>(batch_v2::producer_epoch, no_producer_epoch); }
  std::int32_t base_sequence() const { return v2<std::int32_t>(batch_v2::base_sequence, no_sequence); }
  std::int32_t last_sequence() const {
    const std::int32_t base = base_sequence();
    return base == no_sequence ? no_sequence : increment_sequence(base, last_offset_delta());
  }
  // The number of records that the header declares; -1 for magic 0 and 1, which do not say.
  std::int32_t record_count() const { return v2<std::int32_t>(batch_v2::record_count, -1); }

 protected:
  friend BatchStatus parse_batch_header(Bytes, BatchHeader&, std::string_view*);
  BatchHeader(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

  bool is_v2() const { return magic() >= magic_v2; }
  std::int8_t attribute_byte() const {
    return load_be<std::int8_t>(data_ + (is_v2() ? batch_v2::attributes + 1 : message::attributes));
  }
  bool has(std::int16_t flag) const { return (attribute_byte() & flag) != 0; }
  template <typename T>
  T v2(std::size_t position, T otherwise) const {
    return is_v2() ? load_be<T>(data_ + position) : otherwise;
  }

  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Reads the header at the front of `bytes`, which may end right after the header (pass max_batch_header_size bytes or
// what the file has). Checks that length and magic are possible and that the length covers the format's header; not the
// CRC.
//   ok          `header` is set; header.size() may exceed bytes.size()
//   end         bytes is empty
//   incomplete  too few bytes for the header
//   corrupt     *reason (when given) says why; a static text
BatchStatus parse_batch_header(Bytes bytes, BatchHeader& header, std::string_view* reason = nullptr);

// A whole batch, all its bytes present and its length and magic checked. Its checksum and its inner lengths are not
// checked until crc_matches() or a RecordReader does.
class RecordBatchView : public BatchHeader {
 public:
  RecordBatchView() = default;

  // The batch at the front of `bytes`; status and reason as parse_batch_header, and incomplete when the body is cut
  // off.
  static BatchStatus parse(Bytes bytes, RecordBatchView& batch, std::string_view* reason = nullptr);

  Bytes bytes() const { return {data_, size_}; }
  // v2: what follows the 61-byte header (still compressed).
  Bytes records() const { return bytes().subspan(batch_v2::records); }

  std::uint32_t computed_crc() const;
  bool crc_matches() const { return stored_crc() == computed_crc(); }

 private:
  RecordBatchView(const BatchHeader& header) : BatchHeader(header) {}
};

// Walks over the batches of a byte range:
//   BatchReader reader(bytes);
//   RecordBatchView batch;
//   while (reader.next(batch) == BatchStatus::ok) …
//   if (reader.status() == BatchStatus::corrupt) … reader.reason() …
class BatchReader {
 public:
  explicit BatchReader(Bytes bytes) : bytes_(bytes) {}

  // The next batch, or why there is none; after anything but ok every further call says the same.
  BatchStatus next(RecordBatchView& batch);

  // Where the next batch would start: the number of bytes of the batches that next() returned.
  std::size_t position() const { return position_; }
  BatchStatus status() const { return status_; }
  // Why the bytes at position() are corrupt; a static text, empty otherwise.
  std::string_view reason() const { return reason_; }

 private:
  Bytes bytes_;
  std::size_t position_ = 0;
  BatchStatus status_ = BatchStatus::ok;
  std::string_view reason_;
};

}  // namespace protocol
