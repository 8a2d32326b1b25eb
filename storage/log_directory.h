// One log.dir as the logs in it share it: its health, its open files, what waits to be deleted.
//
// Owned by the LogManager; outlives its logs. Self-locking.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/mutex.h"
#include "protocol/records/record.h"
#include "protocol/result.h"
#include "storage/file_system.h"
#include "storage/open_files.h"
#include "storage/types.h"

namespace storage {

class LogDirectory {
 public:
  using FailureHandler = std::function<void(const std::string& path, const std::string& reason)>;

  // `on_failure` is called once, by report_failure().
  LogDirectory(std::string path, OpenFiles& files, FailureHandler on_failure = {});

  const std::string& path() const { return path_; }
  FileSystem& file_system() const { return files_.file_system(); }
  OpenFiles& files() const { return files_; }

  // ---- Health (KIP-112)

  bool is_online() const { return !offline_.load(std::memory_order_acquire); }
  protocol::Result<void> check_online() const;
  std::string failure_reason() const EXCLUDES(mutex_);

  // What a failed operation means for the caller: kafka_storage_error. If the disk is to blame, and not that it is full
  // or the process short of something, the directory goes offline.
  protocol::Error failed(const IoError& error) EXCLUDES(mutex_);
  void take_offline(const std::string& reason) EXCLUDES(mutex_);

  // Tells the handler if the directory has gone offline since. Call it without locks.
  void report_failure() EXCLUDES(mutex_);

  // ---- What upkeep there is

  // A log has something that a flush pass may have to sync, now or later. Costs next to nothing: for every append.
  void note_unsynced() {
    if (!unsynced_.load(std::memory_order_relaxed)) unsynced_.store(true, std::memory_order_relaxed);
  }
  bool has_unsynced() const { return unsynced_.load(std::memory_order_relaxed); }
  // For a pass that looks at all logs, and notes again what it has to leave.
  void forget_unsynced() { unsynced_.store(false); }
  bool has_due_deletions(TimestampMs now) const EXCLUDES(mutex_);

  // ---- Delayed deletion

  // Runs `remove` in the first run_deletions() at or after `due`. After a stop the rest is left to the next start,
  // which knows it by its name.
  void delete_later(TimestampMs due, std::function<Io<void>()> remove) EXCLUDES(mutex_);
  void run_deletions(TimestampMs now, const std::stop_token& stop = {}) EXCLUDES(mutex_);

  // ---- Buffers

  // Buffers for reading records, for one caller at a time; come back when the pointer goes.
  using Scratch = std::unique_ptr<protocol::RecordScratch, std::function<void(protocol::RecordScratch*)>>;
  Scratch borrow_scratch() EXCLUDES(mutex_);

 private:
  struct Deletion {
    TimestampMs due;
    std::function<Io<void>()> remove;
  };

  const std::string path_;
  OpenFiles& files_;
  const FailureHandler on_failure_;
  std::atomic<bool> offline_ = false;
  std::atomic<bool> unreported_ = false;
  std::atomic<bool> unsynced_ = false;

  mutable protocol::Mutex mutex_;
  std::string failure_reason_ GUARDED_BY(mutex_);
  std::vector<Deletion> deletions_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<protocol::RecordScratch>> scratches_ GUARDED_BY(mutex_);
};

// Declared before a lock, tells the directory's handler about a failure after the lock is released.
class FailureReport {
 public:
  explicit FailureReport(LogDirectory& directory) : directory_(directory) {}
  ~FailureReport() { directory_.report_failure(); }
  FailureReport(const FailureReport&) = delete;
  FailureReport& operator=(const FailureReport&) = delete;

 private:
  LogDirectory& directory_;
};

}  // namespace storage
