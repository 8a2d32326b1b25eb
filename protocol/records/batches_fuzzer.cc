// Any bytes as a fetch response or segment: the walk over batches and the checks a follower makes.
#include <cstdint>

#include "protocol/records/validation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const protocol::Bytes bytes(reinterpret_cast<const std::byte*>(data), size);
  protocol::BatchReader reader(bytes);
  protocol::RecordBatchView batch;
  std::size_t total = 0;
  while (reader.next(batch) == protocol::BatchStatus::ok) {
    total += batch.size();
    (void)batch.crc_matches();
    (void)batch.last_sequence();
    (void)batch.next_offset();
  }
  if (total != reader.position() || total > size) __builtin_trap();
  (void)protocol::analyze_records(bytes, {.origin = protocol::AppendOrigin::replication});
  return 0;
}
