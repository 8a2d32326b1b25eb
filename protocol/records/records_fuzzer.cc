// Any bytes inside a valid frame: reading records, with decompression, and down-conversion.
#include "protocol/records/conversion.h"
#include "protocol/records/fuzzing.h"
#include "protocol/records/record.h"

using namespace protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = testing::framed(data, size);
  RecordBatchView batch;
  if (RecordBatchView::parse(bytes, batch) != BatchStatus::ok) return 0;
  RecordScratch scratch;
  const RecordLimits limits{.max_record_size = testing::fuzzing_limit, .max_decompressed_size = testing::fuzzing_limit};
  for (const auto wanted : {RecordReader::Wanted::all, RecordReader::Wanted::metadata}) {
    RecordReader reader(batch, scratch, wanted, limits);
    RecordView record;
    std::size_t sum = 0;
    while (reader.next(record)) {
      for (const std::byte byte : record.key.value_or(Bytes())) sum += static_cast<std::size_t>(byte);
      for (const std::byte byte : record.value.value_or(Bytes())) sum += static_cast<std::size_t>(byte);
      for (const RecordHeader& header : record.headers)
        sum += header.key.size() + header.value.value_or(Bytes()).size();
    }
    if (sum == SIZE_MAX) __builtin_trap();  // keeps the reads
  }
  for (const std::int8_t magic : {magic_v0, magic_v1}) (void)down_convert(bytes, magic, 0, scratch, limits);
  return 0;
}
