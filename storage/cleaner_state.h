// Which logs are being cleaned or given up, how far each is clean, and which one to clean next.
// What Kafka calls LogCleanerManager.
//
// Self-locking. A log is at most with one cleaner thread at a time. Nobody waits for the cleaner: a log that is
// truncated or deleted while it is cleaned refuses the result (Log::replace_segments), and the thread notices between
// two chunks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
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
Io<CleanableOffsets> find_cleanable_offsets(const Log& log, std::optional<Offset> last_clean, TimestampMs now);

// How long compaction of the part from first_dirty on is overdue by max.compaction.lag.ms; 0: it is not.
Io<std::int64_t> compaction_delay_ms(const Log& log, Offset first_dirty, TimestampMs now);

// The sizes that make up the dirty ratio.
LogToClean measure(const std::shared_ptr<Log>& log, const CleanableOffsets& offsets);

class CleanerState {
 public:
  explicit CleanerState(LogManager& logs) : logs_(logs) {}

  // The dirtiest log that is dirty enough or due, reserved for the caller; nullopt: none.
  std::optional<LogToClean> grab_dirtiest(TimestampMs now) EXCLUDES(mutex_);

  // All compacted logs that nobody works on, reserved for the caller, for deleting what retention allows.
  std::vector<std::shared_ptr<Log>> grab_deletable() EXCLUDES(mutex_);

  // Gives a log back. `next_dirty`: how far it is clean now, which the checkpoint keeps; nullopt: no further than
  // before.
  void done(const std::shared_ptr<Log>& log, std::optional<Offset> next_dirty) EXCLUDES(mutex_);

  // A log whose cleaning failed is left alone until the next start.
  void mark_uncleanable(const std::shared_ptr<Log>& log) EXCLUDES(mutex_);
  std::size_t uncleanable_count() const EXCLUDES(mutex_);

  // Of the dirtiest log at the last look, for the metrics.
  double max_dirty_ratio() const EXCLUDES(mutex_);

  // How far a partition is clean; nullopt: never cleaned.
  std::optional<Offset> checkpoint(const Log& log);

 private:
  void open_dirty_logs(TimestampMs now) EXCLUDES(mutex_);
  std::vector<std::shared_ptr<Log>> free_compacted_logs() REQUIRES(mutex_);
  std::optional<LogToClean> assess(const std::shared_ptr<Log>& log, TimestampMs now) REQUIRES(mutex_);

  LogManager& logs_;
  mutable protocol::Mutex mutex_;
  std::set<std::shared_ptr<Log>> busy_ GUARDED_BY(mutex_);
  // Weak, so that a deleted log goes; its successor of the same name is another log.
  std::set<std::weak_ptr<Log>, std::owner_less<>> uncleanable_ GUARDED_BY(mutex_);
  double max_dirty_ratio_ GUARDED_BY(mutex_) = 0;
};

}  // namespace storage
