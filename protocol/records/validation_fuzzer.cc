// Any bytes as a produce request's records, with a valid frame and without: whatever the leader accepts must read back.
#include "protocol/records/fuzzing.h"
#include "protocol/records/validation.h"

using namespace protocol;

namespace {

// The records of a batch; -1 when they can't be read.
std::int64_t count_records(Bytes bytes, RecordScratch& scratch) {
  RecordBatchView batch;
  if (RecordBatchView::parse(bytes, batch) != BatchStatus::ok || batch.size() != bytes.size() || !batch.crc_matches())
    return -1;
  RecordReader reader(batch, scratch);
  RecordView record;
  std::int64_t count = 0;
  while (reader.next(record)) ++count;
  return reader.finish() ? count : -1;
}

void append_as_leader(Bytes bytes, const PrepareOptions& options, RecordScratch& scratch) {
  const auto summary = analyze_records(bytes, {});
  if (!summary) return;
  auto prepared = prepare_append(bytes, *summary, options, scratch);
  if (!prepared) return;
  prepared->assign(1'000, 3);
  std::vector<std::byte> written(prepared->header().begin(), prepared->header().end());
  written.insert(written.end(), prepared->body().begin(), prepared->body().end());
  if (count_records(written, scratch) != prepared->record_count()) __builtin_trap();
  if (prepared->last_offset() != 999 + prepared->record_count()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  RecordScratch scratch;
  PrepareOptions options;
  options.limits = {.max_record_size = testing::fuzzing_limit, .max_decompressed_size = testing::fuzzing_limit};
  const auto framed = testing::framed(data, size);
  append_as_leader(Bytes(reinterpret_cast<const std::byte*>(data), size), options, scratch);
  append_as_leader(framed, options, scratch);
  options.compression = Compression::of(CompressionType::lz4);
  options.timestamp_type = TimestampType::log_append_time;
  append_as_leader(framed, options, scratch);
  return 0;
}
