// The part of RecordReader that reads messages of magic 0 and 1, single ones and compressed sets.
#include <algorithm>

#include "protocol/records/crc32c.h"
#include "protocol/records/record.h"
#include "protocol/records/wrapping.h"

namespace protocol {
namespace {

constexpr std::string_view bad_structure = "Found invalid record structure";

// Reads an i32 length and as many bytes at `position` of a v0/v1 message and moves the position behind them.
bool read_sized(Bytes bytes, std::size_t& position, std::optional<Bytes>& field) {
  if (bytes.size() < position + sizeof(std::int32_t)) return false;
  const auto size = load_be<std::int32_t>(bytes.data() + position);
  position += sizeof(std::int32_t);
  field.reset();
  if (size < 0) return true;
  if (bytes.size() - position < static_cast<std::size_t>(size)) return false;
  field = bytes.subspan(position, static_cast<std::size_t>(size));
  position += static_cast<std::size_t>(size);
  return true;
}

// Key and value of a v0/v1 message, `message` starting at its offset field.
bool read_key_and_value(Bytes message, std::int8_t magic, std::optional<Bytes>& key, std::optional<Bytes>& value) {
  std::size_t position = magic == magic_v0 ? message::key_size_v0 : message::key_size_v1;
  return read_sized(message, position, key) && read_sized(message, position, value);
}

void clear_for_message(RecordView& record) {
  record.sequence = no_sequence;
  record.headers = {};
  record.crc_matches = true;
}

}  // namespace

bool RecordReader::next_outer_message(RecordView& record) {
  if (records_left_ == 0) return false;
  records_left_ = 0;
  clear_for_message(record);
  record.offset = batch_.base_offset();
  record.timestamp = batch_.max_timestamp();
  record.magic = batch_.magic();
  record.size_in_bytes = static_cast<std::int32_t>(batch_.size());
  if (read_key_and_value(batch_.bytes(), batch_.magic(), record.key, record.value)) return true;
  return fail_with(ErrorCode::invalid_record, bad_structure);
}

// Decompresses the message set and finds its last inner offset, to which the offsets of magic 1 are relative.
void RecordReader::open_message_set() {
  inner_messages_ = true;
  std::optional<Bytes> key, value;
  if (batch_.compression() == CompressionType::zstd) {
    fail_with(ErrorCode::invalid_record, "Invalid wrapper compressionType found in legacy deep record iterator");
    return;
  }
  if (!read_key_and_value(batch_.bytes(), batch_.magic(), key, value) || !value) {
    fail_with(ErrorCode::invalid_record, "Found invalid compressed record set with null value");
    return;
  }
  start_decompressing(*value);
  if (error_.code == ErrorCode::none && fill(limits_.max_record_size)) {
    fail_with(ErrorCode::message_too_large, "The decompressed records exceed the limit");
  }
  streaming_ = false;
  // Where the bytes are damaged, a wrong length before that is what a reader meets first.
  if (error_.code != ErrorCode::none && !decompression_failed_) return;

  bool any = false;
  Offset last_inner_offset = 0;
  const std::byte* at = position_;
  while (static_cast<std::size_t>(end_ - at) >= batch_length_overhead) {
    const auto size = load_be<std::int32_t>(at + message::size);
    if (size < static_cast<std::int32_t>(message::overhead_v0 - batch_length_overhead)) {
      decompression_failed_ = false;
      error_ = Error(ErrorCode::corrupt_message, "Record size is less than the minimum record overhead (14)");
      return;
    }
    if (static_cast<std::size_t>(end_ - at) < batch_length_overhead + static_cast<std::size_t>(size)) break;
    any = true;
    last_inner_offset = load_be<Offset>(at);
    at += batch_length_overhead + static_cast<std::size_t>(size);
  }
  if (decompression_failed_) return;
  end_ = at;  // a message cut off at the end is ignored
  const Offset wrapper_offset = batch_.last_offset();
  if (!any) {
    fail_with(ErrorCode::invalid_record, "Found invalid compressed record set with no inner records");
  } else if (batch_.magic() == magic_v1 && wrapper_offset != 0) {  // 0: some versions of librdkafka
    if (wrapper_offset < last_inner_offset) {
      fail_with(ErrorCode::invalid_record, "Found invalid wrapper offset in compressed v1 message set");
    }
    inner_base_offset_ = wrapping_subtract(wrapper_offset, last_inner_offset);
  }
}

bool RecordReader::next_inner_message(RecordView& record) {
  if (position_ == end_) return false;
  const auto size = static_cast<std::size_t>(load_be<std::int32_t>(position_ + message::size));
  const Bytes bytes(position_, batch_length_overhead + size);
  position_ += bytes.size();
  clear_for_message(record);
  record.offset = wrapping_add(load_be<Offset>(bytes.data()), batch_.magic() == magic_v1 ? inner_base_offset_ : 0);
  record.magic = load_be<std::int8_t>(bytes.data() + message::magic);
  record.size_in_bytes = static_cast<std::int32_t>(bytes.size());
  record.crc_matches = crc32(bytes.subspan(message::magic)) == load_be<std::uint32_t>(bytes.data() + message::crc);
  const auto attributes = load_be<std::int8_t>(bytes.data() + message::attributes);
  if ((attributes & message::compression_mask) != 0) {
    return fail_with(ErrorCode::invalid_record, "Inner messages must not be compressed");
  }
  record.timestamp = no_timestamp;
  if (record.magic != magic_v0 && bytes.size() >= message::overhead_v1) {
    record.timestamp = batch_.timestamp_type() == TimestampType::log_append_time
                           ? batch_.max_timestamp()
                           : load_be<TimestampMs>(bytes.data() + message::timestamp_v1);
  }
  const bool whole = read_key_and_value(bytes, record.magic, record.key, record.value);
  if (whole || !record.crc_matches) return true;  // a wrong checksum is the more telling error: the caller's to report
  return fail_with(ErrorCode::invalid_record, bad_structure);
}

Result<Offset> first_offset(const RecordBatchView& batch, RecordScratch& scratch) {
  if (batch.magic() >= magic_v2 || !batch.is_compressed()) return batch.base_offset();
  RecordReader reader(batch, scratch, RecordReader::Wanted::metadata);
  RecordView record;
  if (reader.next(record)) return record.offset;
  return std::unexpected(reader.finish().error());
}

}  // namespace protocol
