// Decides what of a batch survives compaction, and writes it. What Kafka calls MemoryRecords.filterTo with the
// cleaner's filter.
//
// Owned by one cleaner thread for one segment group; no synchronisation.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "protocol/records/record.h"
#include "protocol/result.h"
#include "storage/cleaner_offset_map.h"
#include "storage/cleaner_transactions.h"
#include "storage/log.h"
#include "storage/segment.h"

namespace storage {

struct CleaningCounts {
  std::int64_t batches_read = 0, records_read = 0, bytes_read = 0;
  std::int64_t records_kept = 0, bytes_kept = 0;
  std::int64_t records_without_key = 0;  // dropped: a compacted log should have none
  std::int64_t map_records_read = 0, map_bytes_read = 0;
};

class CleanerFilter {
 public:
  struct Settings {
    TimestampMs now = 0;
    std::int64_t delete_retention_ms = 0;
  };

  // All must outlive the filter.
  CleanerFilter(Settings settings, const CleanerOffsetMap& map, CleanerTransactions& transactions,
                const std::vector<Log::LastRecord>& producers, protocol::RecordScratch& scratch,
                CleaningCounts& counts);

  // Whether tombstones of magic 0 and 1 stay, which have no delete horizon of their own.
  void keep_old_tombstones(bool keep) { keep_old_tombstones_ = keep; }

  // Appends to `out` what is left of the batch: all of it, a rebuilt batch, an empty header that remembers the
  // producer's last sequence, or nothing (nullopt). Fails when the batch cannot be read.
  protocol::Result<std::optional<BatchMark>> filter(const protocol::RecordBatchView& batch,
                                                    std::vector<std::byte>& out);

 private:
  struct Decision {
    bool discard_records = false;  // by transaction
    bool keep_empty = false;
    bool marker_of_empty_transaction = false;
  };
  struct Survivors {
    std::vector<bool> kept;  // record by record
    std::int64_t count = 0;
    bool tombstones = false;
    bool other_magic = false;  // an inner message whose magic is not its batch's (KAFKA-4298): to be written anew
    Offset first_offset = 0;
    bool all() const { return count == static_cast<std::int64_t>(kept.size()); }
  };

  protocol::Result<Decision> decide(const protocol::RecordBatchView& batch);
  bool is_last_of_producer(const protocol::BatchHeader& batch) const;
  bool keeps(const protocol::RecordBatchView& batch, const protocol::RecordView& record);
  protocol::Result<Survivors> find_survivors(const protocol::RecordBatchView& batch, const Decision& decision);
  protocol::Result<BatchMark> rebuild(const protocol::RecordBatchView& batch, const Survivors& survivors,
                                      std::optional<TimestampMs> delete_horizon, std::vector<std::byte>& out);

  const Settings settings_;
  const CleanerOffsetMap& map_;
  CleanerTransactions& transactions_;
  protocol::RecordScratch& scratch_;
  CleaningCounts& counts_;
  std::unordered_map<ProducerId, Log::LastRecord> producers_;
  bool keep_old_tombstones_ = false;
};

}  // namespace storage
