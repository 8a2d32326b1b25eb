// One partition's log on disk, in Kafka's format: what Kafka calls UnifiedLog, with its names and rules.
//
// Owned by a LogManager through std::shared_ptr; replicas keep copies of the pointer. Self-locking: every function is
// safe from any thread. One mutex guards the offsets, the list of segments, producer state and leader epochs; it is
// held across page-cache writes of an append, never across an fsync. It is held across reads that may wait for the disk
// in truncations, and by the first append after the log was opened, which looks at the active segment's indexes.
// Appends are written when they return, not synced (flush.messages, flush.ms and flush() sync).
//
// Errors: bad batches get the code that Kafka's broker answers. A disk fault is kafka_storage_error: on EIO and the
// like the whole log directory goes offline (KIP-112) and every later call fails with the same code; a full disk
// (ENOSPC, EDQUOT) only refuses the write, which leaves no trace in the log.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/mutex.h"
#include "protocol/result.h"
#include "storage/checkpoint_file.h"
#include "storage/io.h"
#include "storage/log_config.h"
#include "storage/types.h"

namespace storage {

class LeaderEpochCache;
class LogDirectory;
class PartitionPath;
class ProducerState;
class Segment;
struct BatchMark;
struct BatchPosition;
struct LoadedLog;
struct ProducerChanges;
struct SegmentAppend;

// What opening a log needs to know. `directory` outlives the log.
struct LogOpenOptions {
  TopicPartition partition;
  std::string path;  // the partition's own directory, e.g. /data/orders-3; created if missing
  LogDirectory* directory = nullptr;
  std::shared_ptr<const LogConfig> config;
  Offset log_start_offset = 0;  // from the checkpoint; 0: none
  Offset recovery_point = 0;    // from the checkpoint; 0: none
  bool clean_shutdown = false;  // trust the segments, indexes and snapshots as they are
  bool is_new = false;          // found out by open(): nothing was ever here
  std::optional<Uuid> topic_id;
  std::int64_t producer_id_expiration_ms = 24LL * 3600 * 1000;  // producer.id.expiration.ms
  bool verify_transactions = true;                              // transaction.partition.verification.enable
  std::stop_token stop = {};  // ends recovery after a segment, with ECANCELED; the next open() begins again
};

class Log {
 public:
  // Opens what lies in the directory, or starts an empty log. After an unclean shutdown the log is recovered:
  // everything from the recovery point on is checked, indexes and producer state are rebuilt, a torn tail is cut off.
  static protocol::Result<std::shared_ptr<Log>> open(LogOpenOptions options, TimestampMs now);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  const TopicPartition& partition() const { return partition_; }
  LogDirectory& directory() const { return directory_; }
  std::string path() const;
  std::shared_ptr<const LogConfig> config() const EXCLUDES(mutex_);
  void set_config(std::shared_ptr<const LogConfig> config) EXCLUDES(mutex_);

  // The topic id kept in partition.metadata. Setting a different one: inconsistent_topic_id.
  std::optional<Uuid> topic_id() const EXCLUDES(mutex_);
  protocol::Result<void> set_topic_id(Uuid id) EXCLUDES(mutex_);

  // ---- Appending

  // Asks the disk for what the first append after the opening needs, so that it doesn't wait for that under the lock.
  void prepare_appends() EXCLUDES(mutex_);

  // Validates the batches of a Produce request (or of a coordinator), assigns offsets and the leader epoch, and
  // appends; the caller sees to the flush, if one is due. A batch that the producer already sent and that is among its
  // last five is answered with its original offsets. On failure `record_errors`, if given, receives the records that
  // are to blame (ProduceResponse v8).
  protocol::Result<AppendInfo> append_as_leader(protocol::Bytes records, LeaderEpoch leader_epoch, AppendOrigin origin,
                                                TimestampMs now, VerificationGuard guard = no_verification_guard,
                                                std::vector<RecordError>* record_errors = nullptr) EXCLUDES(mutex_);

  // Appends what a leader sent, offsets and epochs as they are. A trailing incomplete batch is ignored (bytes tells).
  // Offsets below the log end: offset_out_of_range. Replication ignores producer epochs and sequences.
  protocol::Result<AppendInfo> append_as_follower(protocol::Bytes records, TimestampMs now) EXCLUDES(mutex_);

  // KIP-890: what a client's first transactional batch must present to append_as_leader once the coordinator has
  // confirmed the partition. no_verification_guard: a transaction is already open, nothing to verify.
  VerificationGuard start_transaction_verification(ProducerId producer, std::int32_t sequence, ProducerEpoch epoch,
                                                   TimestampMs now) EXCLUDES(mutex_);
  bool has_open_transaction(ProducerId producer) const EXCLUDES(mutex_);

  // ---- Reading

  // From the batch that contains options.start_offset. Below the log start or above the log end: offset_out_of_range.
  protocol::Result<FetchSlice> read(const ReadOptions& options) const EXCLUDES(mutex_);

  // Kafka's search by time: -1 latest (log end), -2 earliest, -3 record with the largest timestamp, -4 earliest local;
  // otherwise the first record at or after `target`. nullopt: none. May wait for the disk. The caller bounds the answer
  // by high watermark or last stable offset.
  protocol::Result<std::optional<TimestampAndOffset>> find_offset_by_timestamp(TimestampMs target) const
      EXCLUDES(mutex_);

  // ListOffsets version 0: up to `max` segment base offsets (and the log end) at or before a time, newest first.
  std::vector<Offset> legacy_offsets_before(TimestampMs timestamp, std::int32_t max, TimestampMs now) const
      EXCLUDES(mutex_);

  // ---- Offsets

  Offset log_start_offset() const EXCLUDES(mutex_);
  Offset log_end_offset() const EXCLUDES(mutex_);
  Offset high_watermark() const EXCLUDES(mutex_);
  Offset last_stable_offset() const EXCLUDES(mutex_);
  Offset recovery_point() const EXCLUDES(mutex_);
  OffsetSnapshot offsets() const EXCLUDES(mutex_);
  OffsetMetadata log_end_offset_metadata() const EXCLUDES(mutex_);

  // Where an offset lies; offset_only() if it is not in the log.
  OffsetMetadata locate(Offset offset) const EXCLUDES(mutex_);

  // Bytes between two positions of this log, whole segments in between included.
  std::int64_t bytes_between(const OffsetMetadata& from, const OffsetMetadata& to) const EXCLUDES(mutex_);

  // Sets the high watermark, bounded to [log start, log end]; returns what it became. May lower it (checkpoint,
  // truncation).
  Offset update_high_watermark(Offset offset) EXCLUDES(mutex_);

  // Raises the high watermark; the leader's way. Returns the former one if it moved, or if it is now known on a newer
  // segment. `offset` must not be beyond the log end.
  std::optional<Offset> maybe_increment_high_watermark(const OffsetMetadata& offset) EXCLUDES(mutex_);
  std::optional<Offset> maybe_increment_high_watermark(Offset offset) EXCLUDES(mutex_) {
    return maybe_increment_high_watermark(OffsetMetadata{.offset = offset});
  }

  // A follower's way: as update_high_watermark, but nullopt if it stayed.
  std::optional<Offset> maybe_update_high_watermark(Offset offset) EXCLUDES(mutex_);

  // ---- Leader epochs

  // A new leader calls this with its log end offset before it writes.
  protocol::Result<void> assign_epoch_start_offset(LeaderEpoch epoch, Offset start_offset) EXCLUDES(mutex_);
  std::optional<LeaderEpoch> latest_epoch() const EXCLUDES(mutex_);
  std::optional<LeaderEpoch> epoch_for_offset(Offset offset) const EXCLUDES(mutex_);

  // OffsetForLeaderEpoch: the largest epoch not above `epoch`, and where it ends. nullopt: undefined (-1, -1).
  std::optional<OffsetAndEpoch> end_offset_for_epoch(LeaderEpoch epoch) const EXCLUDES(mutex_);

  // ---- Producers

  std::vector<ProducerSummary> active_producers() const EXCLUDES(mutex_);
  void remove_expired_producers(TimestampMs now) EXCLUDES(mutex_);

  // ---- Removing

  // Cuts everything from the batch that contains `offset` on; the log then ends at `offset`. False: nothing to cut.
  protocol::Result<bool> truncate_to(Offset offset, TimestampMs now) EXCLUDES(mutex_);

  // Drops everything and starts again at `offset`, empty. The log start becomes `log_start_offset` (default: `offset`).
  protocol::Result<void> truncate_fully_and_start_at(Offset offset, TimestampMs now,
                                                     std::optional<Offset> log_start_offset = std::nullopt)
      EXCLUDES(mutex_);

  // DeleteRecords, and a follower copying its leader: raises the log start offset. False: it already was there.
  // Beyond the high watermark: offset_out_of_range. Space is freed by the next delete_old_segments.
  protocol::Result<bool> increment_log_start_offset(Offset offset) EXCLUDES(mutex_);

  // Retention: by log start offset, size and time, as cleanup.policy says. Returns how many segments went.
  // The files vanish after file.delete.delay.ms.
  protocol::Result<int> delete_old_segments(TimestampMs now) EXCLUDES(mutex_);

  // ---- Upkeep

  // Starts a new active segment.
  protocol::Result<void> roll(TimestampMs now) EXCLUDES(mutex_);

  // Syncs to the disk up to the log end and advances the recovery point. Waits for the disk, without the mutex.
  protocol::Result<void> flush(TimestampMs now) EXCLUDES(mutex_);

  // Syncs the segments that were rolled since the last flush, if any; `by_age`, everything if flush.ms has passed.
  protocol::Result<void> flush_if_due(TimestampMs now, bool by_age = true) EXCLUDES(mutex_);

  // Closes the log in two steps, so that many logs can be synced at once in between. The first writes the producer
  // snapshot and index tails and takes no more appends; it answers how many files are to be synced. The second syncs
  // them, unless the caller did, and closes the files. Later calls fail.
  protocol::Result<std::size_t> prepare_close() EXCLUDES(mutex_);
  protocol::Result<void> close(TimestampMs now, bool synced = false) EXCLUDES(mutex_);

  std::int64_t size() const EXCLUDES(mutex_);  // bytes of all segments
  std::size_t segment_count() const EXCLUDES(mutex_);
  bool starts_within_first_segment() const EXCLUDES(mutex_);  // records before the log start are still on disk

  // ---- For the cleaner and the log manager

  // Where new segments are to be made.
  const std::shared_ptr<PartitionPath>& shared_path() const { return path_; }

  // The segments from the oldest to the active one, a copy of the list.
  std::vector<std::shared_ptr<Segment>> segments() const EXCLUDES(mutex_);

  // Whether the log was closed, or renamed for its deletion: it takes no appends any more.
  bool is_closed() const EXCLUDES(mutex_);

  // How often the log was truncated; what the cleaner makes of it before a truncation is void.
  std::uint64_t truncations() const EXCLUDES(mutex_);
  // The lowest offset that the log was truncated to since the last call, if it was: nothing beyond it is clean any
  // more.
  std::optional<Offset> take_lowest_truncation() EXCLUDES(mutex_);

  // Puts finished `.cleaned` segments (at least one, ascending, synced) in the place of `old` ones: renames them to
  // .swap, drops the old ones (asynchronously deleted), renames to the final names. False, and nothing is done, when
  // the log was truncated since it answered `truncations`, or an old segment is gone or active.
  protocol::Result<bool> replace_segments(std::vector<std::shared_ptr<Segment>> cleaned,
                                          const std::vector<std::shared_ptr<Segment>>& old, std::uint64_t truncations,
                                          TimestampMs now) EXCLUDES(mutex_);

  // The smallest offset that an open transaction occupies, or nullopt; the cleaner stops there.
  std::optional<Offset> first_undecided_offset() const EXCLUDES(mutex_);

  // The last data offset (-1: none) and epoch of every known producer: its last batch must stay recognisable when
  // compacted.
  struct LastRecord {
    ProducerId producer_id;
    Offset last_data_offset;
    ProducerEpoch epoch;
  };
  std::vector<LastRecord> last_records_of_producers() const EXCLUDES(mutex_);

  // Renames the directory (deletion, strays). The log stays open for readers that hold slices; it takes no appends any
  // more.
  protocol::Result<void> rename_directory(const std::string& path) EXCLUDES(mutex_);

  // Deletes all files and the directory at once.
  protocol::Result<void> remove_files() EXCLUDES(mutex_);

  // ---- Taking another log's place (KIP-113): log_move.cc

  // What this log knows beside its batches, and a copy of them may not: producers and epochs whose batches are gone.
  struct Bookkeeping {
    Offset log_start_offset = 0;
    Offset log_end_offset = 0;
    Offset high_watermark = 0;
    std::vector<EpochEntry> epochs;
    std::shared_ptr<const ProducerState> producers;
  };
  Bookkeeping bookkeeping() const EXCLUDES(mutex_);

  // Takes that over. REQUIRES: this log ends at the same offset.
  protocol::Result<void> adopt(const Bookkeeping& other) EXCLUDES(mutex_);

  // Moves the log end on over offsets that compaction has left no batches for.
  protocol::Result<void> skip_to(Offset offset, TimestampMs now) EXCLUDES(mutex_);

  // Renames the directory, under which the log goes on.
  protocol::Result<void> move_directory(const std::string& path) EXCLUDES(mutex_);

  // As rename_directory(), for a log that another one has taken the place of: who reads it still may go on.
  // Even if it can't be renamed it takes no appends any more.
  protocol::Result<void> retire(const std::string& path) EXCLUDES(mutex_);

 private:
  struct ReadPlan;

  Log(LogOpenOptions& options, std::shared_ptr<PartitionPath> path, TimestampMs now);
  void take_over(LoadedLog&& loaded) REQUIRES(mutex_);
  protocol::Result<void> check_usable() const REQUIRES(mutex_);
  protocol::Result<void> check_readable() const REQUIRES(mutex_);
  protocol::Result<void> rename_directory_locked(const std::string& path) REQUIRES(mutex_);
  protocol::Error failed(const IoError& error) const;

  // ---- Appending
  protocol::Result<std::optional<AppendInfo>> check_producer(const protocol::BatchHeader& batch, AppendOrigin origin,
                                                             VerificationGuard guard, protocol::Bytes whole_batch,
                                                             ProducerChanges& changes) REQUIRES(mutex_);
  protocol::Result<void> check_follower_batches(protocol::Bytes records, std::vector<BatchMark>& marks,
                                                ProducerChanges& changes) REQUIRES(mutex_);
  protocol::Result<void> make_room(const AppendInfo& info, std::int64_t size, TimestampMs now) REQUIRES(mutex_);
  protocol::Result<void> write(const SegmentAppend& append, AppendInfo& info, const ProducerChanges& changes)
      REQUIRES(mutex_);
  protocol::Result<void> roll_locked(Offset wanted_base, TimestampMs now) REQUIRES(mutex_);

  // ---- Offsets
  void move_log_end(Offset end) REQUIRES(mutex_);
  void note_unsynced() const REQUIRES(mutex_);
  void note_truncation(Offset end) REQUIRES(mutex_);
  void set_high_watermark(const OffsetMetadata& offset) REQUIRES(mutex_);
  void refresh_first_unstable_offset() REQUIRES(mutex_);
  Offset last_stable_locked() const REQUIRES(mutex_);

  // ---- Reading
  std::size_t floor_index(Offset offset) const REQUIRES(mutex_);
  std::shared_ptr<Segment> floor_segment(Offset offset) const EXCLUDES(mutex_);
  std::shared_ptr<Segment> higher_segment(Offset base) const EXCLUDES(mutex_);
  Io<OffsetMetadata> resolve(const OffsetMetadata& bound, bool cached_only) const EXCLUDES(mutex_);
  protocol::Result<ReadPlan> plan_read(const ReadOptions& options) const EXCLUDES(mutex_);
  Io<void> locate_start(const ReadOptions& options, FetchSlice& slice) const EXCLUDES(mutex_);
  Io<void> fill_slice(const ReadOptions& options, const OffsetMetadata& visible, std::shared_ptr<Segment> segment,
                      FetchSlice& slice) const EXCLUDES(mutex_);
  Io<void> add_aborted_transactions(const BatchPosition& from, const ReadOptions& options,
                                    const std::shared_ptr<Segment>& segment, FetchSlice& slice) const EXCLUDES(mutex_);
  Io<std::optional<TimestampAndOffset>> find_max_timestamp() const EXCLUDES(mutex_);
  Io<std::optional<TimestampAndOffset>> find_first_at_or_after(TimestampMs target) const EXCLUDES(mutex_);

  // ---- Removing
  protocol::Error failed_halfway(const IoError& error);
  Io<void> delete_files_later(const std::shared_ptr<Segment>& segment, TimestampMs now) REQUIRES(mutex_);
  Io<void> delete_newest(std::size_t keep, TimestampMs now) REQUIRES(mutex_);
  void delete_snapshot_later(Offset offset, TimestampMs now) REQUIRES(mutex_);
  protocol::Result<void> rebuild_producers(Offset end, TimestampMs now) REQUIRES(mutex_);
  protocol::Result<void> truncate_fully_locked(Offset offset, TimestampMs now, Offset log_start) REQUIRES(mutex_);
  protocol::Result<int> delete_oldest(const std::vector<bool>& wanted, TimestampMs now) REQUIRES(mutex_);
  std::vector<bool> by_start_offset() const REQUIRES(mutex_);
  std::vector<bool> by_size() const REQUIRES(mutex_);
  using Segments = std::vector<std::shared_ptr<Segment>>;
  Io<Segments> find_expired(TimestampMs now) const EXCLUDES(mutex_);
  std::vector<bool> by_time(const Segments& expired, TimestampMs now) const REQUIRES(mutex_);
  std::int64_t size_locked() const REQUIRES(mutex_);
  void raise_log_start(Offset offset) REQUIRES(mutex_);
  bool is_flush_due() const REQUIRES(mutex_);
  enum class Sync { all, rolled };
  struct Unsynced;
  std::size_t first_unsynced() const REQUIRES(mutex_);
  Unsynced take_unsynced(Sync what) REQUIRES(mutex_);
  protocol::Result<void> sync(Sync what, TimestampMs now) EXCLUDES(mutex_);
  protocol::Result<void> sync(const Unsynced& unsynced) EXCLUDES(mutex_);

  const TopicPartition partition_;
  const std::string name_;  // "topic-3"
  LogDirectory& directory_;
  const bool verify_transactions_;
  const std::shared_ptr<PartitionPath> path_;

  mutable protocol::Mutex mutex_;
  std::shared_ptr<const LogConfig> config_ GUARDED_BY(mutex_);
  std::optional<Uuid> topic_id_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  bool closing_ GUARDED_BY(mutex_) = false;           // takes no changes any more
  bool retired_ GUARDED_BY(mutex_) = false;           // closed, but for those who read it still
  bool path_is_unsynced_ GUARDED_BY(mutex_) = false;  // the directory was made and its parent not synced since
  std::uint64_t truncations_ GUARDED_BY(mutex_) = 0;
  std::optional<Offset> lowest_truncation_ GUARDED_BY(mutex_);

  std::vector<std::shared_ptr<Segment>> segments_ GUARDED_BY(mutex_);  // ascending, the last is the active one
  std::unique_ptr<LeaderEpochCache> epochs_ GUARDED_BY(mutex_);
  std::unique_ptr<ProducerState> producers_ GUARDED_BY(mutex_);

  Offset log_start_ GUARDED_BY(mutex_) = 0;
  OffsetMetadata log_end_ GUARDED_BY(mutex_);
  mutable OffsetMetadata high_watermark_ GUARDED_BY(mutex_);  // its position is looked up when first needed
  std::optional<Offset> first_unstable_ GUARDED_BY(mutex_);
  Offset recovery_point_ GUARDED_BY(mutex_) = 0;  // below it everything is synced
  Offset rolled_up_to_ GUARDED_BY(mutex_) = 0;    // base of the newest segment: below it nothing is written any more
  TimestampMs last_flush_ms_ GUARDED_BY(mutex_);
  std::vector<std::string> unsynced_files_ GUARDED_BY(mutex_);  // snapshots and metadata for the next flush
};

}  // namespace storage
