#include "protocol/records/record.h"

#include <algorithm>
#include <cstring>

#include "protocol/records/varint.h"
#include "protocol/records/wrapping.h"

namespace protocol {
namespace {

constexpr std::size_t standard_buffer_size = std::size_t{64} << 10;
constexpr std::size_t buffer_kept_for_reuse = std::size_t{1} << 20;

constexpr std::string_view bad_structure = "Found invalid record structure";
constexpr std::string_view premature_end = "Incorrect declared batch size, premature EOF reached";

// Reads a length and as many bytes; a negative length is null. Returns where the next thing starts, null when it ends
// early.
const std::byte* read_nullable(const std::byte* at, const std::byte* end, std::optional<Bytes>& bytes) {
  std::int32_t size = 0;
  at = read_varint(at, end, size);
  if (at == nullptr) return nullptr;
  if (size < 0) {
    bytes.reset();
    return at;
  }
  if (end - at < size) return nullptr;
  bytes.emplace(at, static_cast<std::size_t>(size));
  return at + size;
}

// Steps over the headers to check them.
const std::byte* check_headers(const std::byte* at, const std::byte* end, std::int32_t count) {
  for (std::int32_t i = 0; i < count; ++i) {
    std::int32_t key_size = 0;
    at = read_varint(at, end, key_size);
    if (at == nullptr || key_size < 0 || end - at < key_size) return nullptr;
    std::optional<Bytes> value;
    at = read_nullable(at + key_size, end, value);
    if (at == nullptr) return nullptr;
  }
  return at;
}

}  // namespace

bool operator==(const RecordHeader& a, const RecordHeader& b) {
  return a.key == b.key && a.value.has_value() == b.value.has_value() &&
         (!a.value || std::ranges::equal(*a.value, *b.value));
}

void RecordHeaders::Iterator::read() {
  if (left_ <= 0) return;
  const std::byte* const end = rest_.data() + rest_.size();
  std::int32_t key_size = 0;
  const std::byte* at = read_varint(rest_.data(), end, key_size);
  header_.key = as_text(Bytes(at, static_cast<std::size_t>(key_size)));
  at = read_nullable(at + key_size, end, header_.value);
  rest_ = Bytes(at, end);
}

RecordReader::RecordReader(const RecordBatchView& batch, RecordScratch& scratch, Wanted wanted, RecordLimits limits)
    : batch_(batch),
      base_offset_(batch.base_offset()),
      base_timestamp_(batch.base_timestamp()),
      base_sequence_(batch.base_sequence()),
      append_time_(batch.timestamp_type() == TimestampType::log_append_time ? std::optional(batch.max_timestamp())
                                                                            : std::nullopt),
      scratch_(scratch),
      wanted_(wanted),
      limits_(limits) {
  if (batch_.magic() < magic_v2) {
    records_left_ = 1;
    if (batch_.is_compressed()) open_message_set();
    return;
  }
  records_left_ = batch_.record_count();
  if (records_left_ < 0) {
    fail_with(ErrorCode::invalid_record, "Found invalid record count in magic v2 batch");
    return;
  }
  const Bytes records = batch_.records();
  if (!batch_.is_compressed()) {
    position_ = records.data();
    end_ = position_ + records.size();
    return;
  }
  if (records_left_ == 0) return;
  start_decompressing(records);
}

void RecordReader::start_decompressing(Bytes compressed) {
  auto& buffer = scratch_.buffer;
  if (buffer.size() < standard_buffer_size || buffer.size() > buffer_kept_for_reuse) {
    buffer.resize(standard_buffer_size);
    buffer.shrink_to_fit();
  }
  position_ = end_ = buffer.data();
  streaming_ = true;
  auto started = scratch_.decompressor.start(batch_.compression(), batch_.magic(), compressed);
  if (!started) decompression_error(started.error());
}

void RecordReader::decompression_error(const Error& error) {
  decompression_failed_ = true;
  if (error_.code == ErrorCode::none) error_ = error;
}

bool RecordReader::fail_with(ErrorCode code, std::string_view why) {
  if (error_.code == ErrorCode::none) error_ = Error(code, std::string(why));
  return false;
}

Result<void> RecordReader::finish() const {
  if (error_.code != ErrorCode::none) return std::unexpected(error_);
  return {};
}

bool RecordReader::next(RecordView& record) {
  if (error_.code != ErrorCode::none) return false;
  if (batch_.magic() >= magic_v2) return next_v2(record);
  return inner_messages_ ? next_inner_message(record) : next_outer_message(record);
}

// ---- v2

inline void RecordReader::place_in_batch(RecordView& record, std::int64_t timestamp_delta,
                                         std::int32_t offset_delta) const {
  record.offset = wrapping_add(base_offset_, offset_delta);
  record.timestamp = append_time_ ? *append_time_ : wrapping_add(base_timestamp_, timestamp_delta);
  record.sequence = base_sequence_ >= 0 ? increment_sequence(base_sequence_, offset_delta) : no_sequence;
  record.magic = magic_v2;
  record.crc_matches = true;
}

inline std::string_view RecordReader::parse_body(const std::byte* at, const std::byte* end, RecordView& record) const {
  if (at == end) return bad_structure;
  ++at;  // attributes: none are in use
  std::int64_t timestamp_delta = 0;
  at = read_varlong(at, end, timestamp_delta);
  if (at == nullptr) return bad_structure;
  std::int32_t offset_delta = 0;
  at = read_varint(at, end, offset_delta);
  if (at == nullptr) return bad_structure;
  at = read_nullable(at, end, record.key);
  if (at == nullptr) return bad_structure;
  at = read_nullable(at, end, record.value);
  if (at == nullptr) return bad_structure;
  std::int32_t header_count = 0;
  at = read_varint(at, end, header_count);
  if (at == nullptr) return bad_structure;
  if (header_count < 0 || header_count > end - at) return "Found invalid number of record headers";
  const std::byte* const headers = at;
  if (header_count > 0) {
    at = check_headers(at, end, header_count);
    if (at == nullptr) return bad_structure;
  }
  if (at != end) return "Invalid record size: the record is longer than its fields";
  record.headers = RecordHeaders(Bytes(headers, end), header_count);
  place_in_batch(record, timestamp_delta, offset_delta);
  return {};
}

bool RecordReader::next_v2(RecordView& record) {
  if (records_left_ == 0) return false;
  std::int32_t body_size = 0;
  const std::byte* body = read_varint(position_, end_, body_size);
  if (body == nullptr) {
    if (!streaming_) return fail_with(ErrorCode::invalid_record, premature_end);
    fill(max_varint_size);
    body = read_varint(position_, end_, body_size);
    if (body == nullptr) return fail_with(ErrorCode::invalid_record, premature_end);
  }
  if (body_size < 0) return fail_with(ErrorCode::invalid_record, "Invalid record size: negative");
  const auto prefix_size = static_cast<std::size_t>(body - position_);
  const std::size_t total_size = prefix_size + static_cast<std::size_t>(body_size);
  if (window_size() < total_size) {
    if (!streaming_) return fail_with(ErrorCode::invalid_record, premature_end);
    if (wanted_ == Wanted::metadata && total_size > scratch_.buffer.size()) {
      position_ = body;
      return stream_past(body_size, record);
    }
    if (total_size > limits_.max_record_size) {
      return fail_with(ErrorCode::message_too_large, "A decompressed record exceeds the limit");
    }
    if (!fill(total_size)) {
      return fail_with(ErrorCode::invalid_record, "Invalid record size: the record payload reached EOF");
    }
    body = position_ + prefix_size;
  }
  const std::byte* const body_end = position_ + total_size;
  const std::string_view problem = parse_body(body, body_end, record);
  if (!problem.empty()) return fail_with(ErrorCode::invalid_record, problem);
  record.size_in_bytes = static_cast<std::int32_t>(total_size);
  position_ = body_end;
  return --records_left_ > 0 || end_of_batch();
}

bool RecordReader::end_of_batch() {
  std::byte extra;
  if (position_ == end_ && (!streaming_ || decompress_some({&extra, 1}) == 0)) return error_.code == ErrorCode::none;
  return fail_with(ErrorCode::invalid_record, "Incorrect declared batch size, records still remaining in file");
}

std::size_t RecordReader::decompress_some(std::span<std::byte> to) {
  auto count = scratch_.decompressor.read(to);
  if (!count) {
    decompression_error(count.error());
    return 0;
  }
  decompressed_ += *count;
  if (decompressed_ > limits_.max_decompressed_size) {
    fail_with(ErrorCode::message_too_large, "The decompressed records exceed the limit");
    return 0;
  }
  return *count;
}

bool RecordReader::fill(std::size_t needed) {
  auto& buffer = scratch_.buffer;
  std::size_t have = window_size();
  if (have > 0 && position_ != buffer.data()) std::memmove(buffer.data(), position_, have);
  while (have < needed) {
    // Grows with what really comes, not with what the length field claims.
    if (have == buffer.size()) buffer.resize(buffer.size() * 2);
    const std::size_t count = decompress_some(std::span(buffer).subspan(have));
    if (count == 0) break;
    have += count;
  }
  position_ = buffer.data();
  end_ = position_ + have;
  return have >= needed;
}

// ---- v2 records that are too large for the buffer

bool RecordReader::take_byte(std::uint8_t& byte) {
  if (position_ == end_ && !fill(1)) return fail_with(ErrorCode::invalid_record, premature_end);
  byte = static_cast<std::uint8_t>(*position_++);
  ++streamed_past_;
  return true;
}

bool RecordReader::take_varlong(std::int64_t& value) {
  std::array<std::byte, max_varlong_size> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::uint8_t byte = 0;
    if (!take_byte(byte)) return false;
    bytes[i] = static_cast<std::byte>(byte);
    if (byte < 0x80) {
      read_varlong(bytes.data(), bytes.data() + i + 1, value);
      return true;
    }
  }
  return fail_with(ErrorCode::invalid_record, bad_structure);
}

bool RecordReader::take_varint(std::int32_t& value) {
  std::array<std::byte, max_varint_size> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::uint8_t byte = 0;
    if (!take_byte(byte)) return false;
    bytes[i] = static_cast<std::byte>(byte);
    if (byte < 0x80) {
      read_varint(bytes.data(), bytes.data() + i + 1, value);
      return true;
    }
  }
  return fail_with(ErrorCode::invalid_record, bad_structure);
}

bool RecordReader::skip(std::int32_t count) {
  streamed_past_ += std::max(count, 0);
  while (count > 0) {
    if (position_ == end_ && !fill(1)) return fail_with(ErrorCode::invalid_record, premature_end);
    const auto step = std::min(static_cast<std::size_t>(count), window_size());
    position_ += step;
    count -= static_cast<std::int32_t>(step);
  }
  return true;
}

bool RecordReader::stream_past(std::int32_t body_size, RecordView& record) {
  streamed_past_ = 0;
  std::uint8_t attributes = 0;
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0, key_size = 0, value_size = 0, header_count = 0;
  if (!take_byte(attributes) || !take_varlong(timestamp_delta) || !take_varint(offset_delta)) return false;
  if (!take_varint(key_size) || !skip(key_size) || !take_varint(value_size) || !skip(value_size)) return false;
  if (!take_varint(header_count)) return false;
  if (header_count < 0 || header_count > body_size) {
    return fail_with(ErrorCode::invalid_record, "Found invalid number of record headers");
  }
  for (std::int32_t i = 0; i < header_count; ++i) {
    std::int32_t name_size = 0, content_size = 0;
    if (!take_varint(name_size)) return false;
    if (name_size < 0) return fail_with(ErrorCode::invalid_record, bad_structure);
    if (!skip(name_size) || !take_varint(content_size) || !skip(content_size)) return false;
  }
  if (streamed_past_ != body_size) {
    return fail_with(ErrorCode::invalid_record, "Invalid record size: it does not match the record's fields");
  }
  record.key = key_size < 0 ? std::nullopt : std::optional<Bytes>(Bytes());
  record.value = value_size < 0 ? std::nullopt : std::optional<Bytes>(Bytes());
  record.headers = {};
  place_in_batch(record, timestamp_delta, offset_delta);
  record.size_in_bytes = static_cast<std::int32_t>(varint_size(body_size)) + body_size;
  return --records_left_ > 0 || end_of_batch();
}

}  // namespace protocol
