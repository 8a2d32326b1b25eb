#include "protocol/records/record_batch_builder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "protocol/records/crc32c.h"
#include "protocol/records/varint.h"
#include "protocol/records/wrapping.h"

namespace protocol {
namespace {

constexpr std::size_t staging_size = std::size_t{16} << 10;
constexpr std::size_t max_batch_size = std::numeric_limits<std::int32_t>::max();

std::int16_t attributes_of(const BatchOptions& options) {
  auto attributes = static_cast<std::int16_t>(options.compression.type);
  if (options.timestamp_type == TimestampType::log_append_time) attributes |= batch_v2::log_append_time_flag;
  if (options.transactional) attributes |= batch_v2::transactional_flag;
  if (options.control) attributes |= batch_v2::control_flag;
  if (options.delete_horizon) attributes |= batch_v2::delete_horizon_flag;
  return attributes;
}

// Room for `size` more bytes; returns where they start.
std::byte* grow(std::vector<std::byte>& bytes, std::size_t size) {
  const std::size_t at = bytes.size();
  bytes.resize(at + size);
  return bytes.data() + at;
}

std::byte* put(std::byte* to, Bytes bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

std::size_t nullable_size(const std::optional<Bytes>& field) {
  return field ? varint_size(static_cast<std::int32_t>(field->size())) + field->size() : 1;
}

std::byte* put_nullable(std::byte* to, const std::optional<Bytes>& field) {
  to = write_varint(to, field ? static_cast<std::int32_t>(field->size()) : -1);
  return field ? put(to, *field) : to;
}

std::byte* put_message_field(std::byte* to, const std::optional<Bytes>& field) {
  store_be(to, field ? static_cast<std::int32_t>(field->size()) : -1);
  to += sizeof(std::int32_t);
  return field ? put(to, *field) : to;
}

// Headers as they stand in a record, without their count.
std::vector<std::byte> encode_headers(std::span<const RecordHeader> headers) {
  std::vector<std::byte> encoded;
  for (const RecordHeader& header : headers) {
    const Bytes key = as_bytes(header.key);
    std::byte* to = grow(encoded, nullable_size(key) + nullable_size(header.value));
    put_nullable(put_nullable(to, key), header.value);
  }
  return encoded;
}

// Space for the record's length fields and the bytes around its key and value; more than enough.
constexpr std::size_t record_overhead = 64;

}  // namespace

// One record to append. Headers are encoded already.
struct RecordBatchBuilder::Fields {
  TimestampMs timestamp = no_timestamp;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  Bytes headers;
  std::int32_t header_count = 0;

  std::size_t size_bound() const {
    return record_overhead + (key ? key->size() : 0) + (value ? value->size() : 0) + headers.size();
  }
};

void write_batch_header(std::span<std::byte, batch_v2::header_size> header, const BatchOptions& options,
                        TimestampMs base_timestamp, TimestampMs max_timestamp, std::int32_t last_offset_delta,
                        std::int32_t record_count, Bytes records) {
  std::byte* const to = header.data();
  const std::size_t length = batch_v2::header_size + records.size() - batch_length_overhead;
  store_be(to + batch_v2::base_offset, options.base_offset);
  store_be(to + batch_v2::length, static_cast<std::int32_t>(length));
  store_be(to + batch_v2::partition_leader_epoch, options.partition_leader_epoch);
  store_be(to + batch_v2::magic, magic_v2);
  store_be(to + batch_v2::attributes, attributes_of(options));
  store_be(to + batch_v2::last_offset_delta, last_offset_delta);
  store_be(to + batch_v2::base_timestamp, base_timestamp);
  store_be(to + batch_v2::max_timestamp, max_timestamp);
  store_be(to + batch_v2::producer_id, options.producer_id);
  store_be(to + batch_v2::producer_epoch, options.producer_epoch);
  store_be(to + batch_v2::base_sequence, options.base_sequence);
  store_be(to + batch_v2::record_count, record_count);
  store_be(to + batch_v2::crc, crc32c(records, crc32c(header.subspan(batch_v2::attributes))));
}

std::vector<std::byte> build_empty_batch(const BatchHeader& original) {
  const BatchOptions options{.timestamp_type = original.timestamp_type(),
                             .base_offset = original.base_offset(),
                             .producer_id = original.producer_id(),
                             .producer_epoch = original.producer_epoch(),
                             .base_sequence = original.base_sequence(),
                             .transactional = original.is_transactional(),
                             .control = original.is_control(),
                             .partition_leader_epoch = original.partition_leader_epoch()};
  std::vector<std::byte> batch(batch_v2::header_size);
  write_batch_header(std::span<std::byte, batch_v2::header_size>(batch), options, no_timestamp,
                     original.max_timestamp(), original.last_offset_delta(), 0, {});
  return batch;
}

RecordBatchBuilder::RecordBatchBuilder(BatchOptions options)
    : options_(options), buffer_(std::make_unique<std::vector<std::byte>>(batch_header_size())) {
  if (options_.compression.type != CompressionType::none) {
    compressor_.emplace(options_.compression, options_.magic, buffer_.get());
  }
  if (options_.delete_horizon) base_timestamp_ = *options_.delete_horizon;
}

RecordBatchBuilder::~RecordBatchBuilder() = default;
RecordBatchBuilder::RecordBatchBuilder(RecordBatchBuilder&&) noexcept = default;
RecordBatchBuilder& RecordBatchBuilder::operator=(RecordBatchBuilder&&) noexcept = default;

std::size_t RecordBatchBuilder::batch_header_size() const {
  if (options_.magic >= magic_v2) return batch_v2::header_size;
  if (options_.compression.type == CompressionType::none) return 0;
  return options_.magic == magic_v0 ? message::overhead_v0 : message::overhead_v1;
}

std::size_t RecordBatchBuilder::uncompressed_size() const { return batch_header_size() + uncompressed_; }

TimestampMs RecordBatchBuilder::max_timestamp() const {
  return options_.timestamp_type == TimestampType::log_append_time ? options_.log_append_time : max_timestamp_;
}

void RecordBatchBuilder::append(TimestampMs timestamp, std::optional<Bytes> key, std::optional<Bytes> value,
                                std::span<const RecordHeader> headers) {
  const std::vector<std::byte> encoded = encode_headers(headers);
  append_fields(count_ == 0 ? options_.base_offset : last_offset_ + 1,
                {.timestamp = timestamp,
                 .key = key,
                 .value = value,
                 .headers = encoded,
                 .header_count = static_cast<std::int32_t>(headers.size())});
}

void RecordBatchBuilder::append_at(Offset offset, const RecordView& record) {
  append_fields(offset, {.timestamp = record.timestamp,
                         .key = record.key,
                         .value = record.value,
                         .headers = record.headers.encoded(),
                         .header_count = record.headers.size()});
}

void RecordBatchBuilder::append_fields(Offset offset, const Fields& fields) {
  if (!accept(offset)) return;
  if (uncompressed_size() + fields.size_bound() > max_batch_size) {
    error_ = Error(ErrorCode::message_too_large, "A record batch would exceed 2 GiB");
    return;
  }
  if (count_ == 0 && !options_.delete_horizon) base_timestamp_ = fields.timestamp;
  const std::size_t before = target().size();
  TimestampMs timestamp = fields.timestamp;
  if (options_.magic >= magic_v2) {
    write_record(offset, fields);
  } else {
    write_message(offset, fields);
    if (options_.timestamp_type == TimestampType::log_append_time) timestamp = options_.log_append_time;
  }
  uncompressed_ += target().size() - before;
  if (options_.magic > magic_v0) max_timestamp_ = std::max(max_timestamp_, timestamp);
  last_offset_ = offset;
  ++count_;
  flush_staging(false);
}

bool RecordBatchBuilder::accept(Offset offset) {
  if (error_.code != ErrorCode::none) return false;
  const bool grows = count_ == 0 ? offset >= options_.base_offset : offset > last_offset_;
  // Unsigned, because two wild offsets may lie further apart than a signed number can tell.
  const auto delta = static_cast<std::uint64_t>(offset) - static_cast<std::uint64_t>(options_.base_offset);
  if (grows && delta <= static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max())) return true;
  error_ = Error(ErrorCode::invalid_record, "The offsets of a batch must grow, within 2^31 of its first");
  return false;
}

void RecordBatchBuilder::write_record(Offset offset, const Fields& fields) {
  const auto offset_delta = static_cast<std::int32_t>(offset - options_.base_offset);
  const std::int64_t timestamp_delta = wrapping_subtract(fields.timestamp, base_timestamp_);
  const std::size_t body_size = 1 + varlong_size(timestamp_delta) + varint_size(offset_delta) +
                                nullable_size(fields.key) + nullable_size(fields.value) +
                                varint_size(fields.header_count) + fields.headers.size();
  const auto length = static_cast<std::int32_t>(body_size);
  std::byte* to = grow(target(), varint_size(length) + body_size);
  to = write_varint(to, length);
  *to++ = std::byte{0};  // attributes: none are in use
  to = write_varlong(to, timestamp_delta);
  to = write_varint(to, offset_delta);
  to = put_nullable(to, fields.key);
  to = put_nullable(to, fields.value);
  to = write_varint(to, fields.header_count);
  put(to, fields.headers);
}

void RecordBatchBuilder::write_message(Offset offset, const Fields& fields) {
  const bool has_timestamp = options_.magic == magic_v1;
  const bool relative = has_timestamp && compressor_.has_value();
  const bool append_time = options_.timestamp_type == TimestampType::log_append_time;
  const std::size_t size = (has_timestamp ? message::overhead_v1 : message::overhead_v0) +
                           (fields.key ? fields.key->size() : 0) + (fields.value ? fields.value->size() : 0);
  std::byte* const start = grow(target(), size);
  store_be(start + message::offset, relative ? offset - options_.base_offset : offset);
  store_be(start + message::size, static_cast<std::int32_t>(size - batch_length_overhead));
  store_be(start + message::magic, options_.magic);
  store_be(start + message::attributes, has_timestamp && append_time ? message::log_append_time_flag : std::int8_t{0});
  if (has_timestamp) {
    store_be(start + message::timestamp_v1, append_time ? options_.log_append_time : fields.timestamp);
  }
  std::byte* to = start + (has_timestamp ? message::key_size_v1 : message::key_size_v0);
  to = put_message_field(to, fields.key);
  to = put_message_field(to, fields.value);
  store_be(start + message::crc, crc32(Bytes(start + message::magic, to)));
}

void RecordBatchBuilder::flush_staging(bool all) {
  if (!compressor_ || (!all && staging_.size() < staging_size)) return;
  compressor_->write(staging_);
  staging_.clear();
  if (all) compressor_->finish();
}

Result<std::vector<std::byte>> RecordBatchBuilder::build() {
  if (error_.code != ErrorCode::none) return std::unexpected(error_);
  if (count_ == 0) return std::vector<std::byte>();
  flush_staging(true);
  if (buffer_->size() > max_batch_size) return fail(ErrorCode::message_too_large, "A record batch would exceed 2 GiB");
  if (options_.magic >= magic_v2) {
    const Offset last_offset = last_offset_override_.value_or(last_offset_);
    write_batch_header(std::span<std::byte, batch_v2::header_size>(buffer_->data(), batch_v2::header_size), options_,
                       base_timestamp_, max_timestamp(), static_cast<std::int32_t>(last_offset - options_.base_offset),
                       count_, Bytes(*buffer_).subspan(batch_v2::header_size));
  } else if (compressor_) {
    write_message_wrapper();
  }
  return std::move(*buffer_);
}

// The outer message of a compressed set: no key, and the set as its value.
void RecordBatchBuilder::write_message_wrapper() {
  std::byte* const start = buffer_->data();
  const bool has_timestamp = options_.magic == magic_v1;
  auto attributes = static_cast<std::int8_t>(options_.compression.type);
  if (has_timestamp && options_.timestamp_type == TimestampType::log_append_time) {
    attributes |= message::log_append_time_flag;
  }
  store_be(start + message::offset, last_offset_);
  store_be(start + message::size, static_cast<std::int32_t>(buffer_->size() - batch_length_overhead));
  store_be(start + message::magic, options_.magic);
  store_be(start + message::attributes, attributes);
  if (has_timestamp) store_be(start + message::timestamp_v1, max_timestamp());
  std::byte* to = start + (has_timestamp ? message::key_size_v1 : message::key_size_v0);
  store_be(to, std::int32_t{-1});
  store_be(to + sizeof(std::int32_t), static_cast<std::int32_t>(buffer_->size() - batch_header_size()));
  store_be(start + message::crc, crc32(Bytes(*buffer_).subspan(message::magic)));
}

}  // namespace protocol
