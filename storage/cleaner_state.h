// Which logs are being cleaned, paused or given up, how far each is clean, and which one to clean next.
// What Kafka calls LogCleanerManager.
//
// Self-locking. A partition is in one of these states:
//   (none)         may be cleaned
//   in progress    a cleaner thread has it
//   aborting       the same, and somebody waits for the thread to leave it
//   paused (n)     may not be cleaned until resumed n times
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "protocol/mutex.h"
#include "storage/cleaner_compaction.h"
#include "storage/log_manager.h"

namespace storage {

// The dirty part of a log that may be cleaned now.
struct CleanableOffsets {
  Offset first_dirty = 0;
  Offset first_uncleanable = 0;
  bool checkpoint_is_wrong = false;  // and must be set to first_dirty
};

// `last_clean`: the checkpoint, if there is one. Not past the last stable offset, the active segment, or the first
// segment with records younger than min.compaction.lag.ms.
protocol::Result<CleanableOffsets> find_cleanable_offsets(const Log& log, std::optional<Offset> last_clean,
                                                          TimestampMs now);

// How long compaction of the part from first_dirty on is overdue by max.compaction.lag.ms; 0: it is not.
protocol::Result<std::int64_t> compaction_delay_ms(const Log& log, Offset first_dirty, TimestampMs now);

class CleanerState {
 public:
  explicit CleanerState(LogManager& logs) : logs_(logs) {}

  // The dirtiest log that is dirty enough or due, now in progress; nullopt: none.
  std::optional<LogToClean> grab_dirtiest(TimestampMs now) EXCLUDES(mutex_);

  // All compacted logs that nobody works on, now in progress: for deleting what retention allows.
  std::vector<std::shared_ptr<Log>> grab_deletable() EXCLUDES(mutex_);

  // Ends a cleaning that reached `next_dirty`, which the checkpoint keeps unless the cleaning was aborted.
  void done_cleaning(const Log& log, Offset next_dirty) EXCLUDES(mutex_);
  // Ends a cleaning that reached nothing.
  void done_without_progress(const TopicPartition& partition) EXCLUDES(mutex_);

  bool should_abort(const TopicPartition& partition) const EXCLUDES(mutex_);

  // Keeps cleaners off a partition; returns when no thread works on it any more. Calls nest.
  void abort_and_pause(const TopicPartition& partition) EXCLUDES(mutex_);
  void resume(const TopicPartition& partition) EXCLUDES(mutex_);

  // After a truncation: what was clean beyond `offset` is gone.
  void truncate_checkpoint(const Log& log, Offset offset) EXCLUDES(mutex_);
  // After a deletion.
  void forget(const TopicPartition& partition, const std::string& log_dir) EXCLUDES(mutex_);

  // A partition whose cleaning failed is left alone until the next start.
  void mark_uncleanable(const TopicPartition& partition) EXCLUDES(mutex_);
  std::size_t uncleanable_count() const EXCLUDES(mutex_);

  // Of the dirtiest log at the last look, for the metrics.
  double max_dirty_ratio() const EXCLUDES(mutex_);

 private:
  enum class Phase : std::uint8_t { in_progress, aborting, paused };
  struct Cleaning {
    Phase phase = Phase::in_progress;
    int pauses = 0;
  };

  std::optional<LogToClean> assess(const std::shared_ptr<Log>& log, TimestampMs now) REQUIRES(mutex_);
  void leave(const TopicPartition& partition) REQUIRES(mutex_);
  void store_checkpoint(const std::string& log_dir, const TopicPartition& partition, std::optional<Offset> offset)
      REQUIRES(mutex_);
  std::map<TopicPartition, Offset>& checkpoint_of(const std::string& log_dir) REQUIRES(mutex_);

  LogManager& logs_;
  mutable protocol::Mutex mutex_;
  std::condition_variable_any left_;  // signalled when an aborted cleaning has ended
  std::map<TopicPartition, Cleaning> cleanings_ GUARDED_BY(mutex_);
  std::map<std::string, std::map<TopicPartition, Offset>> checkpoints_
      GUARDED_BY(mutex_);  // by log.dir, as read at first
  std::set<TopicPartition> uncleanable_ GUARDED_BY(mutex_);
  double max_dirty_ratio_ GUARDED_BY(mutex_) = 0;
};

}  // namespace storage
