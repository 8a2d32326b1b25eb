// Records inside a batch: the view of one, and the reader that walks over them, decompressing as it goes.
//
// Uncompressed batches are read where they lie. Compressed v2 batches stream through one bounded buffer; records keep
// views into it until the next call. Compressed v0/v1 message sets are decompressed whole first (their offsets are
// relative to the last), under the same limit. Views borrow; readers belong to one thread at a time. Follows
// DefaultRecord and AbstractLegacyRecordBatch of Kafka 3.9; stricter in one place: a compressed record whose length
// does not match its fields is refused even when keys and values are skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/records/compression.h"
#include "protocol/records/record_batch.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace protocol {

struct RecordHeader {
  std::string_view key;
  std::optional<Bytes> value;  // nothing: null

  // Same key and same bytes.
  friend bool operator==(const RecordHeader& a, const RecordHeader& b);
};

// The headers of a record as they lie in it, already checked. Iterating allocates nothing.
class RecordHeaders {
 public:
  RecordHeaders() = default;
  RecordHeaders(Bytes encoded, std::int32_t count) : encoded_(encoded), count_(count) {}

  std::int32_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  // The encoded headers without their count, byte for byte as in the record.
  Bytes encoded() const { return encoded_; }

  class Iterator {
   public:
    using value_type = RecordHeader;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(Bytes rest, std::int32_t left) : rest_(rest), left_(left) { read(); }
    const RecordHeader& operator*() const { return header_; }
    const RecordHeader* operator->() const { return &header_; }
    Iterator& operator++() {
      --left_;
      read();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    void read();
    Bytes rest_;
    std::int32_t left_ = 0;
    RecordHeader header_;
  };
  Iterator begin() const { return {encoded_, count_}; }
  Iterator end() const { return {}; }

 private:
  Bytes encoded_;
  std::int32_t count_ = 0;
};

struct RecordView {
  Offset offset = 0;
  TimestampMs timestamp = no_timestamp;  // the batch's for LogAppendTime
  std::int32_t sequence = no_sequence;
  std::int32_t size_in_bytes = 0;  // as stored, its length field included (v0/v1: offset and size fields, too)
  std::optional<Bytes> key;        // nothing: null
  std::optional<Bytes> value;      // nothing: null, a tombstone in compacted topics
  RecordHeaders headers;           // v2 only
  std::int8_t magic = magic_v2;    // of the record; a damaged v0/v1 set may mix them
  bool crc_matches = true;         // checked for inner v0/v1 messages only

  bool has_key() const { return key.has_value(); }
  bool has_value() const { return value.has_value(); }
};

// What a reader may use at most, whatever the bytes claim.
struct RecordLimits {
  std::size_t max_record_size = std::size_t{256} << 20;         // one decompressed record held in memory
  std::size_t max_decompressed_size = std::size_t{1024} << 20;  // of one batch, in all
};

// Buffers that readers of one thread share, one after the other, so that reading a batch allocates nothing.
struct RecordScratch {
  Decompressor decompressor;
  std::vector<std::byte> buffer;
};

//   RecordReader reader(batch, scratch);
//   RecordView record;
//   while (reader.next(record)) …
//   if (auto read = reader.finish(); !read) return …
class RecordReader {
 public:
  enum class Wanted : std::uint8_t {
    all,
    // Large compressed records stream past: their key and value are then empty views that only say null or not.
    // Small ones may be complete all the same.
    metadata,
  };

  // batch and scratch must outlive the reader.
  RecordReader(const RecordBatchView& batch, RecordScratch& scratch, Wanted wanted = Wanted::all,
               RecordLimits limits = {});

  // The next record, or false at the end and on an error. The record's views hold until the next call; in an
  // uncompressed batch as long as the batch's bytes.
  bool next(RecordView& record);

  // How the walk ended. invalid_record: the structure is wrong (a length, a count, bytes left over);
  // corrupt_message: the bytes cannot be decompressed; message_too_large: a limit was reached.
  Result<void> finish() const;

  // Whether finish() fails because the compressed bytes themselves are damaged, not what was in them.
  bool decompression_failed() const { return decompression_failed_; }

 private:
  bool fail_with(ErrorCode code, std::string_view why);
  void decompression_error(const Error& error);
  void start_decompressing(Bytes compressed);
  void open_message_set();
  bool next_v2(RecordView& record);
  bool next_outer_message(RecordView& record);
  bool next_inner_message(RecordView& record);
  bool end_of_batch();

  // The window holds bytes of the records that are not parsed yet; a decompressor may feed it.
  std::size_t window_size() const { return static_cast<std::size_t>(end_ - position_); }
  // Makes at least `needed` bytes contiguous; false when the stream ends or fails before.
  bool fill(std::size_t needed);
  // Puts more decompressed bytes at `to`; 0 at the end or on failure.
  std::size_t decompress_some(std::span<std::byte> to);

  // Reads a record that is larger than the buffer field by field and forgets its bytes.
  bool stream_past(std::int32_t body_size, RecordView& record);
  bool take_byte(std::uint8_t& byte);
  bool take_varint(std::int32_t& value);
  bool take_varlong(std::int64_t& value);
  bool skip(std::int32_t count);

  // What a record takes over from its batch.
  void place_in_batch(RecordView& record, std::int64_t timestamp_delta, std::int32_t offset_delta) const;
  // Parses all between a v2 record's length field and `end`. Returns why it can't, or nothing.
  std::string_view parse_body(const std::byte* at, const std::byte* end, RecordView& record) const;

  const RecordBatchView batch_;
  // Header fields that every record needs, decoded once.
  const Offset base_offset_;
  const TimestampMs base_timestamp_;
  const std::int32_t base_sequence_;
  const std::optional<TimestampMs> append_time_;
  RecordScratch& scratch_;
  const Wanted wanted_;
  const RecordLimits limits_;

  const std::byte* position_ = nullptr;
  const std::byte* end_ = nullptr;
  bool streaming_ = false;          // window bytes are in scratch_.buffer, more may come
  bool inner_messages_ = false;     // the window is a decompressed v0/v1 message set
  std::size_t decompressed_ = 0;    // bytes so far
  std::int64_t streamed_past_ = 0;  // bytes of the record that stream_past() reads
  std::int32_t records_left_ = 0;
  Offset inner_base_offset_ = 0;  // what to add to a relative offset of a v1 message set
  Error error_{ErrorCode::none};
  bool decompression_failed_ = false;
};

// The first offset of a batch; decompresses a compressed v0/v1 message to find it.
Result<Offset> first_offset(const RecordBatchView& batch, RecordScratch& scratch);

}  // namespace protocol
