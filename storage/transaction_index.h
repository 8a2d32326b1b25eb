// .txnindex: the aborted transactions whose markers lie in a segment, for read_committed consumers. Most segments have
// none, so the file is created with its first entry and opened only for the call. Not thread-safe: the segment's lock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/types.h"
#include "storage/file_system.h"

namespace storage {

// 34 bytes: i16 version 0, then the four numbers below as i64.
struct AbortedTxnEntry {
  static constexpr std::size_t encoded_size = 34;
  protocol::ProducerId producer_id = -1;
  protocol::Offset first_offset = -1;
  protocol::Offset last_offset = -1;         // of the abort marker
  protocol::Offset last_stable_offset = -1;  // when the marker was written
  bool operator==(const AbortedTxnEntry&) const = default;
};

// Entries of the file; a missing file has none. A torn entry at the end is ignored. EILSEQ: an unknown version.
Io<std::vector<AbortedTxnEntry>> read_transaction_index(FileSystem& file_system, const std::string& path);

Io<void> append_to_transaction_index(FileSystem& file_system, const std::string& path, const AbortedTxnEntry& entry);

// Drops the entries whose marker is at `offset` or beyond.
Io<void> truncate_transaction_index(FileSystem& file_system, const std::string& path, protocol::Offset offset);

}  // namespace storage
