// Down-conversion of stored batches for clients that fetch with old versions: v2 to v1 or v0, v1 to v0.
// As RecordsUtil.downConvert of Kafka 3.9. Pure function.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/records/record.h"
#include "protocol/records/record_batch.h"
#include "protocol/result.h"

namespace protocol {

// Converts the whole batches of `records` to at most `to_magic`; batches already that old are copied as they are,
// control batches and record headers are dropped. Uncompressed records before first_offset (the fetch offset) are left
// out, as a client of that age expects. An incomplete batch at the end is ignored. Errors: unsupported_compression_type
// for zstd, invalid_record and corrupt_message for damaged batches, message_too_large beyond the limits.
Result<std::vector<std::byte>> down_convert(Bytes records, std::int8_t to_magic, Offset first_offset,
                                            RecordScratch& scratch, RecordLimits limits = {});

}  // namespace protocol
