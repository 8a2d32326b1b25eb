// What a log remembers of the producers that write to it: for detecting duplicates and gaps (idempotence), open
// transactions, and the last stable offset. What Kafka calls ProducerStateManager.
//
// Not thread-safe: guarded by the log's mutex. Files: <offset>.snapshot in the partition's directory, the state up to
// that offset (exclusive).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/records/control_record.h"
#include "protocol/records/record_batch.h"
#include "protocol/result.h"
#include "storage/file_system.h"
#include "storage/transaction_index.h"
#include "storage/types.h"

namespace storage {

// One of a producer's last five batches.
struct ProducerBatch {
  std::int32_t last_sequence = -1;
  Offset last_offset = -1;
  std::int32_t offset_delta = 0;
  TimestampMs timestamp = protocol::no_timestamp;

  std::int32_t first_sequence() const;
  Offset first_offset() const { return last_offset - offset_delta; }
  bool operator==(const ProducerBatch&) const = default;
};

struct ProducerEntry {
  static constexpr std::size_t max_batches = 5;

  ProducerEpoch epoch = protocol::no_producer_epoch;
  std::uint8_t batch_count = 0;
  std::int32_t coordinator_epoch = -1;
  TimestampMs last_timestamp = protocol::no_timestamp;
  Offset open_transaction_start = -1;              // -1: none open
  std::array<ProducerBatch, max_batches> batches;  // oldest first

  std::span<const ProducerBatch> known_batches() const { return std::span(batches).first(batch_count); }
  bool has_open_transaction() const { return open_transaction_start >= 0; }
  std::int32_t last_sequence() const { return batch_count == 0 ? -1 : batches[batch_count - 1u].last_sequence; }
  Offset last_data_offset() const { return batch_count == 0 ? -1 : batches[batch_count - 1u].last_offset; }
  std::int32_t last_offset_delta() const { return batch_count == 0 ? 0 : batches[batch_count - 1u].offset_delta; }

  void set_epoch(ProducerEpoch new_epoch);  // a different one forgets the batches
  void add_batch(const ProducerBatch& batch);
  const ProducerBatch* find_duplicate(const protocol::BatchHeader& batch) const;
  bool operator==(const ProducerEntry&) const = default;
};

// A transaction whose marker was just appended.
struct CompletedTransaction {
  ProducerId producer_id = -1;
  Offset first_offset = -1;
  Offset marker_offset = -1;
  bool aborted = false;
};

// One batch as the producer state sees it; the marker for control batches that end a transaction.
struct ProducerAppend {
  const protocol::BatchHeader& batch;
  std::optional<protocol::EndTransactionMarker> marker;
  TimestampMs marker_timestamp = protocol::no_timestamp;
};

// What the batches of one append change, until it is written.
struct ProducerChanges {
  std::vector<std::pair<ProducerId, ProducerEntry>> entries;
  std::vector<std::pair<Offset, ProducerId>> started;  // transactions, by first offset
  std::vector<CompletedTransaction> completed;
  std::vector<ProducerId> verified;  // transactional producers, whose verification is used up
};

class ProducerState {
 public:
  ProducerState(FileSystem& file_system, std::string directory, std::string partition,
                std::int64_t producer_id_expiration_ms);

  // ---- Snapshots

  void set_snapshots(std::set<Offset> offsets) { snapshots_ = std::move(offsets); }
  const std::set<Offset>& snapshots() const { return snapshots_; }
  std::optional<Offset> latest_snapshot() const;
  std::string snapshot_path(Offset offset) const;
  void set_directory(std::string directory) { directory_ = std::move(directory); }

  // Deletes snapshots at no segment's base, except the newest one beyond the last segment's base.
  Io<void> remove_stray_snapshots(const std::set<Offset>& segment_bases);

  // Writes the state if it went on since the last snapshot; the offset of the new one.
  Io<std::optional<Offset>> take_snapshot(bool sync);

  Io<void> remove_snapshot(Offset offset);
  // Renames a snapshot for later removal; the new path, or nullopt if there is none.
  Io<std::optional<std::string>> mark_snapshot_deleted(Offset offset);

  // ---- Rebuilding

  // Drops snapshots outside (start, end], and, unless the state already is that of `end`, loads the newest one left.
  // Damaged snapshots are deleted and older ones tried.
  Io<void> truncate_and_reload(Offset log_start, Offset log_end, TimestampMs now);
  Io<void> truncate_fully_and_start_at(Offset offset);

  // ---- Appending

  // Checks a batch against what is known and against the batches before it in the same append, and notes in `changes`
  // what it changes. Nothing is changed yet. Errors: invalid_producer_epoch, out_of_order_sequence_number,
  // invalid_txn_state, transaction_coordinator_fenced.
  protocol::Result<void> check(ProducerChanges& changes, const ProducerAppend& append, AppendOrigin origin) const;

  // Makes the changes. Returns the entries for the transaction index, in order.
  std::vector<AbortedTxnEntry> commit(const ProducerChanges& changes);

  const ProducerEntry* find(ProducerId producer) const;

  // The state now covers everything below this offset.
  Offset end_offset() const { return end_offset_; }
  void set_end_offset(Offset offset) { end_offset_ = offset; }

  // ---- Transactions

  // The first offset of a transaction that is open, or whose marker is not below the high watermark.
  std::optional<Offset> first_unstable_offset() const;
  std::optional<Offset> first_undecided_offset() const;
  void on_high_watermark(Offset high_watermark) { forget_replicated(high_watermark); }
  void on_log_start_offset(Offset log_start);

  // KIP-890, see Log::start_transaction_verification.
  VerificationGuard start_verification(ProducerId producer, std::int32_t sequence, ProducerEpoch epoch,
                                       TimestampMs now);
  VerificationGuard verification_guard(ProducerId producer) const;

  // ---- Others

  // Takes over what another log's state knows up to the same offset; the snapshots stay this log's own.
  void adopt(const ProducerState& other);

  void remove_expired(TimestampMs now);
  const std::unordered_map<ProducerId, ProducerEntry>& producers() const { return producers_; }
  bool empty() const { return producers_.empty() && unreplicated_.empty(); }

 private:
  struct Verification {
    TimestampMs since = 0;
    VerificationGuard guard = 0;
    std::int32_t lowest_sequence = 0;
    ProducerEpoch epoch = -1;
  };
  struct OpenTransaction {
    ProducerId producer_id = -1;
    Offset marker_offset = -1;  // -1: still open
  };

  protocol::Result<void> check_epoch(const ProducerEntry& entry, const protocol::BatchHeader& batch,
                                     AppendOrigin origin) const;
  protocol::Result<void> check_sequence(const ProducerEntry& entry, const protocol::BatchHeader& batch) const;
  protocol::Result<void> check_data(ProducerChanges& changes, ProducerEntry& entry, const protocol::BatchHeader& batch,
                                    AppendOrigin origin) const;
  protocol::Result<void> check_marker(ProducerChanges& changes, ProducerEntry& entry, const ProducerAppend& append,
                                      AppendOrigin origin) const;
  void complete(const CompletedTransaction& transaction);
  bool is_expired(const ProducerEntry& entry, TimestampMs now) const;
  void forget_replicated(Offset below);
  Io<void> load_latest(Offset log_start, TimestampMs now);

  FileSystem& file_system_;
  std::string directory_;
  const std::string partition_;
  const std::int64_t producer_id_expiration_ms_;

  std::unordered_map<ProducerId, ProducerEntry> producers_;
  std::map<Offset, OpenTransaction> open_;          // by first offset
  std::map<Offset, OpenTransaction> unreplicated_;  // ended, marker not yet below the high watermark
  std::unordered_map<ProducerId, Verification> verifications_;
  VerificationGuard last_guard_ = 0;

  std::set<Offset> snapshots_;
  Offset end_offset_ = 0;
  Offset last_snapshot_offset_ = 0;
};

// The format of .snapshot files. nullopt: damaged.
std::optional<std::vector<std::pair<ProducerId, ProducerEntry>>> decode_producer_snapshot(protocol::Bytes bytes);
std::vector<std::byte> encode_producer_snapshot(const std::unordered_map<ProducerId, ProducerEntry>& producers);

}  // namespace storage
