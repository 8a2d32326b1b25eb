// The background compaction of logs with cleanup.policy=compact. What Kafka calls LogCleaner.
//
// Owned by the broker, outlived by the LogManager. start() starts log.cleaner.threads threads; each picks the dirtiest
// log, compacts it, and sleeps log.cleaner.backoff.ms when there is none. They also delete the old segments of
// compacted logs (log start offset; retention with compact,delete). Self-locking: every function is safe from any
// thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "protocol/clock.h"
#include "protocol/mutex.h"
#include "storage/cleaner_compaction.h"
#include "storage/cleaner_state.h"
#include "storage/log_manager.h"

namespace storage {

struct CleanerOptions {
  std::int32_t threads = 1;                      // log.cleaner.threads
  std::int64_t dedupe_buffer_bytes = 134217728;  // log.cleaner.dedupe.buffer.size, all threads together
  std::int64_t io_buffer_bytes = 524288;         // log.cleaner.io.buffer.size, all threads together
  double load_factor = 0.9;                      // log.cleaner.io.buffer.load.factor
  double io_max_bytes_per_second = std::numeric_limits<double>::max();  // log.cleaner.io.max.bytes.per.second
  std::int64_t backoff_ms = 15'000;                                     // log.cleaner.backoff.ms
  bool operator==(const CleanerOptions&) const = default;
};

class Cleaner {
 public:
  // `seed`: any random number; keeps clients from preparing keys that collide in the offset map.
  Cleaner(LogManager& logs, CleanerOptions options, const protocol::Clock& clock, std::uint64_t seed);
  ~Cleaner();  // as stop()
  Cleaner(const Cleaner&) = delete;
  Cleaner& operator=(const Cleaner&) = delete;

  void start() EXCLUDES(lifecycle_, mutex_);
  // Ends running compactions without a trace and waits for the threads.
  void stop() EXCLUDES(lifecycle_, mutex_);
  // New settings; if they differ, running threads start anew, and running compactions end.
  void reconfigure(const CleanerOptions& options) EXCLUDES(lifecycle_, mutex_);

  // What a thread does once: compacts the dirtiest log, if any is dirty enough, and deletes old segments of the others.
  // True: a log was compacted, so there may be more.
  bool run_once() EXCLUDES(mutex_);

  // Which logs are dirty, clean or given up.
  CleanerState& state() { return state_; }

  struct Totals {
    std::int64_t compactions = 0, bytes_read = 0, bytes_kept = 0, records_read = 0, records_kept = 0;
  };
  Totals totals() const EXCLUDES(mutex_);

 private:
  void start_threads() REQUIRES(lifecycle_) EXCLUDES(mutex_);
  void stop_threads() REQUIRES(lifecycle_) EXCLUDES(mutex_);
  void work() EXCLUDES(mutex_);
  bool is_stopping() const EXCLUDES(mutex_);
  bool clean_dirtiest() EXCLUDES(mutex_);
  void delete_old_segments() EXCLUDES(mutex_);
  CompactionOptions compaction_options() EXCLUDES(mutex_);
  void throttle(std::int64_t bytes) EXCLUDES(mutex_);
  void record(const LogToClean& cleaned, const CompactionResult& result, std::int64_t took_ms) EXCLUDES(mutex_);

  LogManager& logs_;
  const protocol::Clock& clock_;
  const std::uint64_t seed_;
  CleanerState state_;

  protocol::Mutex lifecycle_;  // held while threads are started or stopped; before mutex_
  std::vector<std::thread> threads_ GUARDED_BY(lifecycle_);

  mutable protocol::Mutex mutex_;
  std::condition_variable_any stop_requested_;
  CleanerOptions options_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::uint64_t rounds_ GUARDED_BY(mutex_) = 0;
  Totals totals_ GUARDED_BY(mutex_);
  // The throttle counts the bytes of a short period.
  std::int64_t period_start_ms_ GUARDED_BY(mutex_) = 0;
  double period_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace storage
