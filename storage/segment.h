// One segment of a log: the file of batches and its indexes. What Kafka calls LogSegment.
//
// Shared by the log, its readers and the cleaner through std::shared_ptr. Self-locking with a short mutex over what is
// in memory; it is held across disk reads only when a cold segment's indexes are looked into for the first time. A read
// with cached_only never waits for the disk: what it would have to look up there is EAGAIN.
// Functions that change the segment are the log's to call, one at a time (under the log's mutex, or before the segment
// is published); reads may go on meanwhile.
//
// A segment that was only listed is opened when first used: files on demand, indexes with the first look-up or append.
// The first segment of a new log is only planned: its files come with its first batch.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/mutex.h"
#include "protocol/records/record_batch.h"
#include "storage/log_config.h"
#include "storage/open_files.h"
#include "storage/partition_path.h"
#include "storage/sparse_index.h"
#include "storage/transaction_index.h"

namespace storage {

// What the indexes need to know of each appended batch.
struct BatchMark {
  Offset last_offset = 0;
  TimestampMs max_timestamp = protocol::no_timestamp;
  std::int64_t size = 0;
};

struct SegmentAppend {
  std::span<const iovec> pieces;  // the batches' bytes, in order
  std::span<const BatchMark> batches;
  std::int64_t size = 0;  // of all pieces
};

// A batch and where it lies.
struct BatchPosition {
  std::int64_t position = 0;
  std::int64_t size = 0;
  Offset base_offset = 0;
  Offset last_offset = 0;
};

// What decides whether the next append belongs into a new segment.
struct RollQuestion {
  TimestampMs now = 0;
  TimestampMs max_timestamp = protocol::no_timestamp;  // of the append
  Offset last_offset = 0;
  std::int64_t size = 0;
};

class Segment {
 public:
  // File name suffixes besides "".
  static constexpr std::string_view deleted_suffix = ".deleted", cleaned_suffix = ".cleaned", swap_suffix = ".swap",
                                    temporary_suffix = ".tmp";

  // A segment whose files exist. `size` is that of the .log file.
  Segment(OpenFiles& files, std::shared_ptr<PartitionPath> directory, Offset base_offset, std::int64_t size,
          const LogConfig& config, TimestampMs now, std::int64_t roll_jitter_ms = 0, std::string_view suffix = {});

  // Creates the files, empty; with config.preallocate the .log gets its whole size at once.
  static Io<std::shared_ptr<Segment>> create(OpenFiles& files, std::shared_ptr<PartitionPath> directory,
                                             Offset base_offset, const LogConfig& config, TimestampMs now,
                                             std::int64_t roll_jitter_ms = 0, std::string_view suffix = {});

  // An empty segment whose files are made when one of them is first needed. Only for a log without any segment: a
  // directory without files is read as an empty log that starts where the checkpoint says.
  static std::shared_ptr<Segment> plan(OpenFiles& files, std::shared_ptr<PartitionPath> directory, Offset base_offset,
                                       const LogConfig& config, TimestampMs now, std::int64_t roll_jitter_ms = 0);

  Offset base_offset() const { return base_offset_; }
  std::int64_t size() const EXCLUDES(mutex_);
  bool empty() const { return size() == 0; }
  std::string log_path() const EXCLUDES(mutex_) { return path(".log"); }
  std::string offset_index_path() const EXCLUDES(mutex_) { return path(".index"); }
  std::string time_index_path() const EXCLUDES(mutex_) { return path(".timeindex"); }
  std::string transaction_index_path() const EXCLUDES(mutex_) { return path(".txnindex"); }

  // The file of batches, opened if need be.
  Io<std::shared_ptr<File>> log_file() const EXCLUDES(mutex_);

  // ---- Writing

  // Reads what should_roll() and append() need to know.
  Io<void> prepare_appends() EXCLUDES(mutex_);

  // On failure nothing of it remains in the segment, unless even the cut fails (EIO: the segment must not be used
  // further).
  Io<void> append(const SegmentAppend& append) EXCLUDES(mutex_);

  Io<bool> should_roll(const RollQuestion& question, const LogConfig& config) EXCLUDES(mutex_);

  // No more appends: completes the time index, writes the indexes out, gives back preallocated space.
  Io<void> become_inactive() EXCLUDES(mutex_);

  // Writes out what waits in memory.
  Io<void> write_out() EXCLUDES(mutex_);

  // Syncs log, indexes and transaction index.
  Io<void> flush() EXCLUDES(mutex_);

  // Cuts from the batch that contains `offset` on. Returns the bytes cut.
  Io<std::int64_t> truncate_to(Offset offset, TimestampMs now) EXCLUDES(mutex_);

  // Cuts the file at a position (where a batch starts) and makes the indexes anew from what remains.
  Io<void> cut_and_rebuild_indexes(std::int64_t valid_size) EXCLUDES(mutex_);

  // On a full disk the entry waits in memory for the next attempt; flush() fails until it is written.
  Io<void> add_aborted_transaction(const AbortedTxnEntry& entry) EXCLUDES(mutex_);
  Io<void> reset_transaction_index() EXCLUDES(mutex_);

  // On failure the files have their former names, unless even that fails (EIO).
  Io<void> change_suffix(std::string_view suffix) EXCLUDES(mutex_);
  Io<void> set_modified_time(TimestampMs modified_ms) EXCLUDES(mutex_);
  Io<void> remove_files() EXCLUDES(mutex_);
  void close_files() EXCLUDES(mutex_);

  // ---- Reading

  // The first batch that ends at or after `offset`, among the first `limit` bytes.
  Io<std::optional<BatchPosition>> find(Offset offset, std::int64_t limit, bool cached_only = false) const
      EXCLUDES(mutex_);

  // The offset after the last batch; the base offset if there is none.
  Io<Offset> next_offset() const EXCLUDES(mutex_);

  // The largest timestamp and the last offset of its batch; timestamp -1: none.
  Io<TimeEntry> max_timestamp() const EXCLUDES(mutex_);
  // The largest timestamp, or the file's modification time if the segment has none.
  Io<TimestampMs> largest_timestamp() const EXCLUDES(mutex_);
  // The maximum timestamp of the first batch; nullopt: none.
  Io<std::optional<TimestampMs>> first_batch_timestamp() const EXCLUDES(mutex_);
  Io<TimestampMs> modified_ms() const EXCLUDES(mutex_);

  // Where to start looking for the first record with timestamp >= target and offset >= start.
  Io<std::int64_t> position_for_timestamp(TimestampMs target, Offset start) const EXCLUDES(mutex_);

  // An offset that is certainly not below the end of `bytes` read from `from`; nullopt: the index doesn't reach that
  // far.
  Io<std::optional<Offset>> upper_bound_offset(const BatchPosition& from, std::int64_t bytes,
                                               bool cached_only = false) const EXCLUDES(mutex_);

  // Never null. Kept in memory once it was read, unless it is very long.
  using AbortedTransactions = std::shared_ptr<const std::vector<AbortedTxnEntry>>;
  Io<AbortedTransactions> aborted_transactions(bool cached_only = false) const EXCLUDES(mutex_);

  // Sizes of the indexes in entries.
  Io<std::int64_t> offset_index_entries() const EXCLUDES(mutex_);
  Io<std::int64_t> time_index_entries() const EXCLUDES(mutex_);

 private:
  std::string path(std::string_view extension) const EXCLUDES(mutex_);
  std::string path_locked(std::string_view extension) const REQUIRES(mutex_);
  std::string path_in(const PartitionPath::Held& directory, std::string_view extension) const REQUIRES(mutex_);
  Io<std::shared_ptr<File>> open(CachedFile& cached, std::string_view extension,
                                 OpenMode mode = OpenMode::existing) const REQUIRES(mutex_);
  Io<void> create_files() const REQUIRES(mutex_);
  void start_empty() REQUIRES(mutex_);
  Io<void> load_indexes() const REQUIRES(mutex_);
  bool indexes_make_sense() const REQUIRES(mutex_);
  Io<void> rebuild_indexes() const REQUIRES(mutex_);
  void learn(const BatchMark& batch, std::int64_t position) const REQUIRES(mutex_);
  void add_last_time_entry() const REQUIRES(mutex_);
  Io<void> write_index_tails() const REQUIRES(mutex_);
  Io<void> write_aborted_transactions() REQUIRES(mutex_);
  Io<void> relearn_max_timestamp() const REQUIRES(mutex_);
  Io<OffsetEntry> floor_entry(Offset offset, bool cached_only) const EXCLUDES(mutex_);
  Io<std::shared_ptr<File>> log_file_for_read(bool cached_only) const EXCLUDES(mutex_);
  template <typename Fits>
  static Io<std::optional<BatchPosition>> scan_for(File& file, std::int64_t from, std::int64_t end, Offset offset,
                                                   bool cached_only, Fits&& fits);

  OpenFiles& files_;
  const std::shared_ptr<PartitionPath> directory_;
  const Offset base_offset_;
  const std::int64_t roll_jitter_ms_;
  const std::int32_t index_interval_bytes_;

  mutable protocol::Mutex mutex_;
  std::string suffix_ GUARDED_BY(mutex_);
  std::int64_t size_ GUARDED_BY(mutex_);
  TimestampMs created_ms_ GUARDED_BY(mutex_);
  mutable bool planned_ GUARDED_BY(mutex_) = false;       // the files don't exist yet
  mutable std::int64_t allocate_ GUARDED_BY(mutex_) = 0;  // space that the new .log file gets at once
  mutable bool preallocated_ GUARDED_BY(mutex_) = false;
  bool removed_ GUARDED_BY(mutex_) = false;  // the files are gone; every use fails as `gone`
  std::vector<AbortedTxnEntry> unwritten_aborted_ GUARDED_BY(mutex_);

  // What is known once the files were looked into; mutable, as reads look.
  mutable CachedFile log_file_ GUARDED_BY(mutex_);
  mutable CachedFile offset_index_file_ GUARDED_BY(mutex_);
  mutable CachedFile time_index_file_ GUARDED_BY(mutex_);
  mutable OffsetIndex offset_index_ GUARDED_BY(mutex_);
  mutable TimeIndex time_index_ GUARDED_BY(mutex_);
  mutable std::int64_t bytes_since_index_entry_ GUARDED_BY(mutex_) = 0;
  mutable std::optional<bool> has_aborted_transactions_ GUARDED_BY(mutex_);      // nullopt: not known
  mutable AbortedTransactions aborted_ GUARDED_BY(mutex_);                       // null: not in memory
  mutable std::optional<TimeEntry> max_timestamp_ GUARDED_BY(mutex_);            // nullopt: not looked up yet
  mutable std::optional<TimestampMs> first_batch_timestamp_ GUARDED_BY(mutex_);  // nullopt: not known
};

}  // namespace storage
