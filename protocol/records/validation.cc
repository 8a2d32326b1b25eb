#include "protocol/records/validation.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "protocol/records/crc32c.h"
#include "protocol/records/record_batch_builder.h"
#include "protocol/records/wrapping.h"

namespace protocol {
namespace {

Result<void> check_prefix(std::int8_t magic, Offset base_offset, std::size_t size, const AnalyzeOptions& options) {
  if (magic >= magic_v2 && options.origin == AppendOrigin::client && base_offset != 0) {
    return fail(ErrorCode::invalid_record, fmt::format("The base offset of a batch sent to {} must be 0, but it is {}",
                                                       options.partition, base_offset));
  }
  if (options.max_message_bytes && size > *options.max_message_bytes) {
    return fail(ErrorCode::message_too_large, fmt::format("A batch sent to {} has {} bytes, more than the allowed {}",
                                                          options.partition, size, *options.max_message_bytes));
  }
  return {};
}

// Of bytes that BatchReader calls corrupt: how long the batch is that they claim to be; nothing when they can't be one.
std::optional<std::size_t> claimed_size(Bytes bytes) {
  constexpr auto smallest_length = static_cast<std::int32_t>(message::overhead_v0 - batch_length_overhead);
  if (bytes.size() < batch_prefix_size) return std::nullopt;
  const auto length = load_be<std::int32_t>(bytes.data() + batch_v2::length);
  const auto magic = load_be<std::int8_t>(bytes.data() + batch_v2::magic);
  if (length < smallest_length || magic < magic_v0 || magic > magic_v2) return std::nullopt;
  return batch_length_overhead + static_cast<std::size_t>(length);
}

// A batch that is shorter than its format's header is corrupt, but what can be read of it counts before that; one that
// is cut off, too, isn't there.
Result<void> check_corrupt(Bytes bytes, std::string_view reason, const AnalyzeOptions& options) {
  if (const auto size = claimed_size(bytes)) {
    if (*size > bytes.size()) return {};
    const auto magic = load_be<std::int8_t>(bytes.data() + batch_v2::magic);
    if (auto checked = check_prefix(magic, load_be<Offset>(bytes.data()), *size, options); !checked) return checked;
  }
  return fail(ErrorCode::corrupt_message, fmt::format("A batch sent to {} is corrupt: {}", options.partition, reason));
}

Result<void> check_batch_bytes(const RecordBatchView& batch, const AnalyzeOptions& options) {
  if (auto checked = check_prefix(batch.magic(), batch.base_offset(), batch.size(), options); !checked) return checked;
  if (!batch.crc_matches()) {
    return fail(ErrorCode::corrupt_message, fmt::format("A batch sent to {} has a wrong checksum", options.partition));
  }
  if (!is_known(batch.compression())) {
    return fail(ErrorCode::unknown_server_error, fmt::format("A batch sent to {} has the unknown compression type {}",
                                                             options.partition, static_cast<int>(batch.compression())));
  }
  return {};
}

void add_to_summary(const RecordBatchView& batch, RecordsSummary& summary) {
  const Offset last_offset = batch.last_offset();
  if (summary.batch_count == 0) {
    summary.first_magic = batch.magic();
    if (batch.magic() >= magic_v2) summary.first_offset = batch.base_offset();
    summary.last_offset_of_first_batch = last_offset;
  }
  if (summary.last_offset >= last_offset) summary.offsets_monotonic = false;
  summary.last_offset = last_offset;
  summary.last_leader_epoch = batch.partition_leader_epoch();
  if (batch.max_timestamp() > summary.max_timestamp) {
    summary.max_timestamp = batch.max_timestamp();
    summary.offset_of_max_timestamp = last_offset;
  }
  if (batch.is_compressed()) summary.compression = batch.compression();
  ++summary.batch_count;
}

}  // namespace

Result<RecordsSummary> analyze_records(Bytes records, const AnalyzeOptions& options) {
  RecordsSummary summary;
  BatchReader batches(records);
  RecordBatchView batch;
  while (batches.next(batch) == BatchStatus::ok) {
    if (auto checked = check_batch_bytes(batch, options); !checked) return std::unexpected(checked.error());
    add_to_summary(batch, summary);
  }
  if (batches.status() == BatchStatus::corrupt) {
    auto checked = check_corrupt(records.subspan(batches.position()), batches.reason(), options);
    if (!checked) return std::unexpected(checked.error());
  }
  if (options.require_monotonic_offsets && !summary.offsets_monotonic) {
    return fail(ErrorCode::unknown_server_error,
                fmt::format("The offsets of the batches for {} do not grow", options.partition));
  }
  summary.valid_bytes = batches.position();
  return summary;
}

void PreparedBatch::assign(Offset base_offset, LeaderEpoch leader_epoch) {
  // The last record gets the last offset even where a coordinator's batch claims a longer range than it has records.
  const Offset last_offset = base_offset + record_count() - 1;
  store_be(header_.data() + batch_v2::base_offset, last_offset - fields().last_offset_delta());
  store_be(header_.data() + batch_v2::partition_leader_epoch, leader_epoch);
}

BatchHeader PreparedBatch::fields() const {
  BatchHeader header;
  parse_batch_header(header_, header);
  return header;
}

// The walk over the records of one append.
class AppendPreparer {
 public:
  AppendPreparer(Bytes records, const RecordsSummary& summary, const PrepareOptions& options, RecordScratch& scratch)
      : records_(records.first(std::min(records.size(), summary.valid_bytes))),
        source_(summary.compression),
        target_(options.compression.value_or(Compression::of(summary.compression))),
        options_(options),
        scratch_(scratch) {}

  std::expected<PreparedBatch, PrepareFailure> prepare() {
    if (!find_first_batch()) return std::unexpected(std::move(failure_));
    if (!can_keep()) return rebuild();
    if (!walk(nullptr)) return std::unexpected(std::move(failure_));
    if (!inner_offsets_ok_) {
      fail_with(ErrorCode::invalid_record,
                fmt::format("The offsets inside a compressed batch for {} are not 0, 1, 2 …", options_.partition));
      return std::unexpected(std::move(failure_));
    }
    return keep_in_place();
  }

 private:
  bool fail_with(ErrorCode code, std::string message) {
    failure_.record_errors.clear();  // the batch as a whole is to blame
    failure_.error = Error(code, std::move(message));
    return false;
  }

  // A v2 or compressed append must be exactly one batch; uncompressed messages of magic 0 and 1 may be many.
  bool find_first_batch() {
    BatchReader batches(records_);
    if (batches.next(first_) != BatchStatus::ok) {
      return fail_with(ErrorCode::invalid_record, "The records hold no batch at all");
    }
    RecordBatchView second;
    const bool alone = first_.magic() >= magic_v2 || source_ != CompressionType::none;
    if (alone && batches.next(second) == BatchStatus::ok) {
      return fail_with(ErrorCode::invalid_record, "The records hold more than one batch");
    }
    return true;
  }

  bool can_keep() const {
    if (source_ == CompressionType::none && first_.is_control()) return true;  // never compressed by the broker
    return first_.magic() >= magic_v2 && source_ == target_.type;
  }

  bool walk(RecordBatchBuilder* builder) {
    BatchReader batches(records_);
    RecordBatchView batch;
    while (batches.next(batch) == BatchStatus::ok) {
      if (!check_batch(batch) || !walk_batch(batch, builder) || !report_record_errors()) return false;
    }
    return true;
  }

  bool check_batch(const RecordBatchView& batch) {
    if (batch.magic() != first_.magic()) {
      return fail_with(ErrorCode::invalid_record,
                       fmt::format("The batches for {} have different magic numbers: {} and {}", options_.partition,
                                   first_.magic(), batch.magic()));
    }
    if (batch.magic() >= magic_v2 && batch.record_count() <= 0) {
      return fail_with(ErrorCode::invalid_record,
                       fmt::format("A batch for {} declares {} records", options_.partition, batch.record_count()));
    }
    if (options_.origin != AppendOrigin::client) return true;
    if (batch.magic() >= magic_v2 && batch.last_offset_delta() != batch.record_count() - 1) {
      return fail_with(ErrorCode::invalid_record,
                       fmt::format("A batch for {} spans offsets 0 to {} but declares {} records", options_.partition,
                                   batch.last_offset_delta(), batch.record_count()));
    }
    if (batch.is_control()) {
      return fail_with(ErrorCode::invalid_record,
                       fmt::format("Clients may not write control records, as was tried to {}", options_.partition));
    }
    if (batch.has_producer_id() && batch.base_sequence() < 0) {
      return fail_with(ErrorCode::invalid_record,
                       fmt::format("A batch of producer {} for {} has the invalid sequence number {}",
                                   batch.producer_id(), options_.partition, batch.base_sequence()));
    }
    return true;
  }

  bool walk_batch(const RecordBatchView& batch, RecordBatchBuilder* builder) {
    RecordReader reader(batch, scratch_,
                        builder == nullptr ? RecordReader::Wanted::metadata : RecordReader::Wanted::all,
                        options_.limits);
    RecordView record;
    for (std::int32_t index = 0; reader.next(record); ++index) {
      const Offset expected_offset = record_count_++;
      if (!is_fine(batch, record) && !check_record(batch, record, index)) return false;
      if (batch.magic() > magic_v0 && record.timestamp > max_timestamp_) max_timestamp_ = record.timestamp;
      if (source_ != CompressionType::none && record.offset != expected_offset) inner_offsets_ok_ = false;
      if (builder == nullptr || record_error_count_ > 0) continue;
      if (record.timestamp < no_timestamp) {
        return fail_with(ErrorCode::invalid_timestamp, fmt::format("A record for {} has the negative timestamp {}",
                                                                   options_.partition, record.timestamp));
      }
      builder->append_at(expected_offset, record);
    }
    const auto read = reader.finish();
    if (read) return true;
    const auto code = reader.decompression_failed() ? ErrorCode::unknown_server_error : read.error().code;
    return fail_with(code, fmt::format("A batch for {} cannot be read: {}", options_.partition, read.error().text()));
  }

  // What nearly every record is; check_record finds out and says what is wrong with the others.
  bool is_fine(const RecordBatchView& batch, const RecordView& record) const {
    if (record.magic != batch.magic() || !record.crc_matches) return false;
    if (options_.compacted && !record.has_key()) return false;
    if (options_.timestamp_type == TimestampType::create_time && record.timestamp != no_timestamp) {
      return is_in_range(record.timestamp);
    }
    return batch.timestamp_type() != TimestampType::log_append_time;
  }

  bool is_in_range(TimestampMs timestamp) const {
    const std::int64_t age = wrapping_subtract(options_.now, timestamp);
    return age <= options_.timestamp_before_max_ms && wrapping_subtract(0, age) <= options_.timestamp_after_max_ms;
  }

  // False only when the walk must stop; what is wrong with a single record is collected.
  bool check_record(const RecordBatchView& batch, const RecordView& record, std::int32_t index) {
    if (record.magic != batch.magic()) {
      add_record_error(index, fmt::format("Its magic {} is not the {} of its batch", record.magic, batch.magic()));
      return true;
    }
    if (!record.crc_matches) {
      return fail_with(ErrorCode::corrupt_message,
                       fmt::format("A message in a compressed set for {} has a wrong checksum", options_.partition));
    }
    if (options_.compacted && !record.has_key()) {
      add_record_error(index, fmt::format("Compacted topic cannot accept message without key in topic partition {}",
                                          options_.partition));
      return true;
    }
    check_timestamp(batch, record, index);
    return true;
  }

  void check_timestamp(const RecordBatchView& batch, const RecordView& record, std::int32_t index) {
    if (options_.timestamp_type == TimestampType::create_time && record.timestamp != no_timestamp) {
      if (is_in_range(record.timestamp)) return;
      add_timestamp_error(
          index, fmt::format(
                     "Timestamp {} of message with offset {} is out of range. The timestamp should be within [{}, {}]",
                     record.timestamp, record.offset, wrapping_subtract(options_.now, options_.timestamp_before_max_ms),
                     wrapping_subtract(options_.now, -options_.timestamp_after_max_ms)));
    } else if (batch.timestamp_type() == TimestampType::log_append_time) {
      add_timestamp_error(
          index, fmt::format("Invalid timestamp type in message DefaultRecord(offset={}, timestamp={}, key={} bytes, "
                             "value={} bytes). Producer should not set timestamp type to LogAppendTime.",
                             record.offset, record.timestamp, record.key ? record.key->size() : 0,
                             record.value ? record.value->size() : 0));
    }
  }

  void add_record_error(std::int32_t index, std::string message) {
    ++record_error_count_;
    if (failure_.record_errors.size() < max_record_errors)
      failure_.record_errors.push_back({index, std::move(message)});
  }
  void add_timestamp_error(std::int32_t index, std::string message) {
    timestamp_errors_ = true;
    add_record_error(index, std::move(message));
  }

  bool report_record_errors() {
    if (record_error_count_ == 0) return true;
    if (timestamp_errors_) {
      failure_.error =
          Error(ErrorCode::invalid_timestamp, "One or more records have been rejected due to invalid timestamp");
    } else {
      failure_.error = Error(ErrorCode::invalid_record, rejection());
    }
    return false;
  }

  // Producers show it to people: Kafka's sentence, the way it prints a list included.
  std::string rejection() const {
    std::string shown;
    for (std::size_t i = 0; i < std::min<std::size_t>(failure_.record_errors.size(), 3); ++i) {
      const RecordError& error = failure_.record_errors[i];
      shown += fmt::format("{}RecordError(batchIndex={}, message='{}')", i == 0 ? "" : ", ", error.batch_index,
                           error.message);
    }
    return fmt::format(
        "One or more records have been rejected due to {} record errors in total, and only showing the "
        "first three errors at most: [{}]",
        record_error_count_, shown);
  }

  bool is_append_time() const { return options_.timestamp_type == TimestampType::log_append_time; }

  // The records stay as they are; of the header change at most the timestamp type, the largest timestamp and the CRC.
  PreparedBatch keep_in_place() {
    PreparedBatch batch;
    std::memcpy(batch.header_.data(), first_.bytes().data(), batch.header_.size());
    batch.kept_ = first_.records();
    if (is_append_time()) batch.log_append_time_ = options_.now;
    const TimestampMs max_timestamp = is_append_time() ? options_.now : max_timestamp_;
    if (first_.timestamp_type() == options_.timestamp_type && first_.max_timestamp() == max_timestamp) return batch;

    constexpr std::int16_t kept_attributes = batch_v2::compression_mask | batch_v2::transactional_flag |
                                             batch_v2::control_flag | batch_v2::delete_horizon_flag;
    auto attributes = static_cast<std::int16_t>(first_.attributes() & kept_attributes);
    if (is_append_time()) attributes |= batch_v2::log_append_time_flag;
    std::byte* const header = batch.header_.data();
    store_be(header + batch_v2::attributes, attributes);
    store_be(header + batch_v2::max_timestamp, max_timestamp);
    const std::uint32_t header_crc = crc32c(Bytes(batch.header_).subspan(batch_v2::attributes));
    store_be(header + batch_v2::crc, crc32c(batch.kept_, header_crc));
    return batch;
  }

  // Kafka's builder takes no such producer; where nothing is rebuilt it lets them pass.
  bool check_producer() {
    if (first_.producer_id() == no_producer_id || (first_.producer_epoch() >= 0 && first_.base_sequence() >= 0))
      return true;
    return fail_with(ErrorCode::invalid_record,
                     fmt::format("A batch for {} has the producer id {} without epoch or sequence", options_.partition,
                                 first_.producer_id()));
  }

  std::expected<PreparedBatch, PrepareFailure> rebuild() {
    RecordBatchBuilder builder({.compression = target_,
                                .timestamp_type = options_.timestamp_type,
                                .log_append_time = is_append_time() ? options_.now : no_timestamp,
                                .producer_id = first_.producer_id(),
                                .producer_epoch = first_.producer_epoch(),
                                .base_sequence = first_.base_sequence(),
                                .transactional = first_.is_transactional()});
    if (!walk(&builder) || !check_producer()) return std::unexpected(std::move(failure_));
    auto built = builder.build();
    if (!built) return std::unexpected(PrepareFailure{.error = built.error()});
    if (options_.max_message_bytes && built->size() > *options_.max_message_bytes) {
      fail_with(ErrorCode::message_too_large,
                fmt::format("After conversion a batch for {} has {} bytes, more than the allowed {}",
                            options_.partition, built->size(), *options_.max_message_bytes));
      return std::unexpected(std::move(failure_));
    }
    PreparedBatch batch;
    std::memcpy(batch.header_.data(), built->data(), batch.header_.size());
    batch.rebuilt_ = std::move(*built);
    if (is_append_time()) batch.log_append_time_ = options_.now;
    return batch;
  }

  const Bytes records_;
  const CompressionType source_;
  const Compression target_;
  const PrepareOptions& options_;
  RecordScratch& scratch_;

  RecordBatchView first_;
  Offset record_count_ = 0;
  TimestampMs max_timestamp_ = no_timestamp;
  bool inner_offsets_ok_ = true;
  bool timestamp_errors_ = false;
  std::size_t record_error_count_ = 0;
  PrepareFailure failure_;
};

std::expected<PreparedBatch, PrepareFailure> prepare_append(Bytes records, const RecordsSummary& summary,
                                                            const PrepareOptions& options, RecordScratch& scratch) {
  return AppendPreparer(records, summary, options, scratch).prepare();
}

}  // namespace protocol
