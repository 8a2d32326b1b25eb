#include "protocol/records/conversion.h"

#include <optional>

#include "protocol/records/record_batch_builder.h"

namespace protocol {
namespace {

// Appends one batch, converted, to `out`; nothing when no record of it is wanted.
Result<void> convert_batch(const RecordBatchView& batch, std::int8_t to_magic, Offset first_offset,
                           RecordScratch& scratch, RecordLimits limits, std::vector<std::byte>& out) {
  std::optional<RecordBatchBuilder> builder;
  RecordReader reader(batch, scratch, RecordReader::Wanted::all, limits);
  RecordView record;
  while (reader.next(record)) {
    if (!batch.is_compressed() && record.offset < first_offset) continue;
    if (!builder) {
      builder.emplace(BatchOptions{.magic = to_magic,
                                   .compression = Compression::of(batch.compression()),
                                   .timestamp_type = batch.timestamp_type(),
                                   .base_offset = record.offset,
                                   .log_append_time = batch.timestamp_type() == TimestampType::log_append_time
                                                          ? batch.max_timestamp()
                                                          : no_timestamp});
    }
    builder->append_at(record.offset, record);
  }
  if (auto read = reader.finish(); !read || !builder) return read;
  const auto built = builder->build();
  if (!built) return std::unexpected(built.error());
  out.insert(out.end(), built->begin(), built->end());
  return {};
}

}  // namespace

Result<std::vector<std::byte>> down_convert(Bytes records, std::int8_t to_magic, Offset first_offset,
                                            RecordScratch& scratch, RecordLimits limits) {
  std::vector<std::byte> out;
  BatchReader batches(records);
  RecordBatchView batch;
  while (batches.next(batch) == BatchStatus::ok) {
    if (to_magic < magic_v2) {
      if (batch.is_control()) continue;
      if (batch.compression() == CompressionType::zstd) {
        return fail(ErrorCode::unsupported_compression_type,
                    "Records compressed with zstd cannot be converted for clients that old");
      }
    }
    if (batch.magic() <= to_magic) {
      const Bytes bytes = batch.bytes();
      out.insert(out.end(), bytes.begin(), bytes.end());
      continue;
    }
    if (auto converted = convert_batch(batch, to_magic, first_offset, scratch, limits, out); !converted) {
      return std::unexpected(converted.error());
    }
  }
  if (batches.status() == BatchStatus::corrupt) return fail(ErrorCode::corrupt_message, std::string(batches.reason()));
  return out;
}

}  // namespace protocol
