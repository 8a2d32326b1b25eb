// The set of all logs over several log.dirs: finds, recovers, creates and deletes them, and runs their upkeep.
//
// Owned by the Broker. Self-locking: every function is safe from any thread. Upkeep runs on the caller's thread and may
// wait for the disk, so the broker calls the passes below from its background pool, each at its own interval. A start
// is: lock_directories(), read identity(), set_identity(), load().
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/mutex.h"
#include "protocol/result.h"
#include "storage/checkpoint_file.h"
#include "storage/log.h"
#include "storage/log_config.h"
#include "storage/types.h"

namespace storage {

class FileSystem;
struct IdleLog;
class LogDirectory;
class OpenFiles;

struct LogManagerOptions {
  std::vector<std::string> log_dirs;
  LogConfig default_config;
  // The effective settings of a topic; asked when a log is opened. Empty: default_config.
  std::function<std::shared_ptr<const LogConfig>(const std::string& topic)> config_of_topic;
  std::int32_t recovery_threads_per_data_dir = 1;               // num.recovery.threads.per.data.dir
  std::size_t max_open_files = 0;                               // 0: a share of RLIMIT_NOFILE
  std::int64_t producer_id_expiration_ms = 24LL * 3600 * 1000;  // producer.id.expiration.ms
  bool verify_transactions = true;                              // transaction.partition.verification.enable
  // Told once when a directory goes offline, on the thread that met the fault, with no log's lock held. It must leave
  // calls of the LogManager to another thread. May be empty.
  std::function<void(const std::string& log_dir, const std::string& reason)> on_directory_failure;
  // Ends load() before all logs are recovered: at once, or after a segment.
  std::stop_token stop;
  FileSystem* file_system = nullptr;  // null: the real one
};

// Who a data directory belongs to (meta.properties).
struct DirectoryIdentity {
  std::optional<std::string> cluster_id;
  std::optional<protocol::BrokerId> broker_id;
  bool operator==(const DirectoryIdentity&) const = default;
};

struct LoadSummary {
  std::size_t logs = 0;
  std::size_t recovered = 0;  // logs that needed recovery after an unclean shutdown
  bool clean = true;          // every directory had been closed cleanly
  bool stopped = false;       // logs may be left that need recovery; shutdown() is all that may follow
};

struct LogDirStatus {
  std::string path;
  bool online = true;
  std::size_t logs = 0;
  std::int64_t total_bytes = -1;  // of the volume; -1: unknown
  std::int64_t usable_bytes = -1;
};

// A log that nobody opened since the start, for deciding whether to open it.
struct IdleLogView {
  const TopicPartition& partition;
  const std::string& log_dir;
  const LogConfig& config;
  Offset log_start_offset = 0;
};

struct LogPlace {
  std::string log_dir;
  std::int64_t size = 0;      // of all segments
  std::shared_ptr<Log> open;  // null: nobody opened it so far
};

class LogManager {
 public:
  explicit LogManager(LogManagerOptions options);
  ~LogManager();
  LogManager(const LogManager&) = delete;
  LogManager& operator=(const LogManager&) = delete;

  // ---- Start and stop

  // Creates missing directories and locks them against other processes. A directory that cannot be used goes offline;
  // none usable, or one locked by another process: an error that says so.
  protocol::Result<void> lock_directories();

  // What meta.properties of the directories say; they must agree with each other.
  protocol::Result<DirectoryIdentity> identity() const;

  // Refuses directories of another cluster or broker; writes meta.properties where it is missing.
  protocol::Result<void> set_identity(const std::string& cluster_id, protocol::BrokerId broker_id, TimestampMs now);

  // Finds all logs; those of directories without a clean-shutdown marker are recovered, in parallel. Logs of cleanly
  // closed directories are opened when they are first asked for.
  protocol::Result<LoadSummary> load(TimestampMs now);

  // Syncs and closes all logs, writes the checkpoints and the clean-shutdown markers, gives up the locks.
  void shutdown(TimestampMs now);

  // ---- Logs

  // The log, opened if need be; nullptr if there is none on any online directory. kafka_storage_error: its directory is
  // offline or it cannot be opened.
  protocol::Result<std::shared_ptr<Log>> log(const TopicPartition& partition, TimestampMs now) EXCLUDES(mutex_);

  // The log, created in the online directory with the fewest partitions if there is none. `topic_id` is kept in
  // partition.metadata; another one there: inconsistent_topic_id.
  protocol::Result<std::shared_ptr<Log>> get_or_create(const TopicPartition& partition, std::optional<Uuid> topic_id,
                                                       TimestampMs now) EXCLUDES(mutex_);

  bool contains(const TopicPartition& partition) const EXCLUDES(mutex_);

  // Whether the partition's log lies in a directory that went offline.
  bool is_offline(const TopicPartition& partition) const EXCLUDES(mutex_);
  std::vector<TopicPartition> partitions() const EXCLUDES(mutex_);
  std::vector<std::shared_ptr<Log>> open_logs() const EXCLUDES(mutex_);

  // Opens the logs that nobody opened so far and that `worth_a_look` (by the name) and `wanted` (by the files) choose.
  // What the files say is remembered, so that a pass over ten thousand idle logs costs no system call.
  void open_idle_logs(const std::function<bool(const IdleLogView&)>& worth_a_look,
                      const std::function<bool(const IdleLogView&, const IdleLog&)>& wanted, TimestampMs now)
      EXCLUDES(mutex_);

  // Where a log lies and how large it is, without opening it; nullopt: there is none on any online directory, or it
  // can't be looked at.
  std::optional<LogPlace> place_of(const TopicPartition& partition) EXCLUDES(mutex_);

  // Applies changed settings to the open logs of a topic.
  void update_topic_config(const std::string& topic, const std::shared_ptr<const LogConfig>& config) EXCLUDES(mutex_);
  void update_default_config(const LogConfig& config) EXCLUDES(mutex_);

  // Renames the directory to …-delete (or …-stray, which stays on the disk) and forgets the log; the files go in a
  // later delete_pass, after file.delete.delay.ms. A future log goes with it.
  protocol::Result<void> async_delete(const TopicPartition& partition, TimestampMs now, bool stray = false)
      EXCLUDES(mutex_);

  protocol::Result<void> truncate_to(const TopicPartition& partition, Offset offset, TimestampMs now) EXCLUDES(mutex_);

  // The high watermark that replication-offset-checkpoint holds for a partition.
  std::optional<Offset> checkpointed_high_watermark(const TopicPartition& partition) const EXCLUDES(mutex_);

  // ---- Moving a log to another directory (KIP-113): log_manager_moves.cc
  //
  // A future log is filled by the caller (log_copy.h) and then takes the current one's place. It has its own directory,
  // …-future, which is found again at the next start. While there is one, no compaction of the current log begins.

  // Whether there is such a directory (log_dir_not_found) and it is online (kafka_storage_error).
  protocol::Result<void> check_directory(const std::string& log_dir) const;

  // Has the partition's log made there once it is; for partitions that have none yet.
  void prefer_directory(const TopicPartition& partition, const std::string& log_dir) EXCLUDES(mutex_);

  // Makes the future log of a partition that has a log and no future one. Errors: kafka_storage_error, also while any
  // directory is offline, as it may hold a future log already, and while what its last move left can't be renamed;
  // invalid_topic_exception, its directory's name would be too long.
  protocol::Result<std::shared_ptr<Log>> create_future(const TopicPartition& partition, const std::string& log_dir,
                                                       TimestampMs now) EXCLUDES(mutex_);

  // The future log, opened if need be; nullptr if there is none on any online directory.
  protocol::Result<std::shared_ptr<Log>> future(const TopicPartition& partition, TimestampMs now) EXCLUDES(mutex_);
  bool has_future(const TopicPartition& partition) const EXCLUDES(mutex_);
  std::vector<TopicPartition> partitions_with_future() const EXCLUDES(mutex_);
  std::optional<LogPlace> place_of_future(const TopicPartition& partition) EXCLUDES(mutex_);

  // As async_delete(), of the future log only.
  protocol::Result<void> delete_future(const TopicPartition& partition, TimestampMs now) EXCLUDES(mutex_);

  // Leaves the future log on its directory, which is offline, until the next start.
  void forget_future(const TopicPartition& partition) EXCLUDES(mutex_);

  // The future log takes the current one's place in three steps. Before: syncs what is to be synced while others still
  // write; kafka_storage_error if there is no future log. Then, while nobody writes: false if the future log lacks
  // something. After: tidies up.
  protocol::Result<void> prepare_replacement(const TopicPartition& partition, TimestampMs now) EXCLUDES(mutex_);
  protocol::Result<bool> replace_with_future(const TopicPartition& partition, TimestampMs now) EXCLUDES(mutex_);
  void finish_replacement(const Log& replaced) EXCLUDES(mutex_);

  // ---- Directories

  std::vector<LogDirStatus> directories() const EXCLUDES(mutex_);
  std::vector<std::string> online_directories() const EXCLUDES(mutex_);

  // Takes a directory out of service, as a failed write does.
  void fail_directory(const std::string& log_dir, const std::string& reason) EXCLUDES(mutex_);

  // ---- Upkeep: what the broker's background pool calls

  // Compacted logs are left to the cleaner, which calls Log::delete_old_segments itself.
  void retention_pass(TimestampMs now);  // log.retention.check.interval.ms
  // Whether flush_pass or delete_pass may have something to do. Takes no lock that is held while the disk works.
  bool has_upkeep(TimestampMs now) const;
  // About every second: rolled segments; `by_age`, flush.ms too.
  void flush_pass(TimestampMs now, bool by_age = true);
  void checkpoint_recovery_points(TimestampMs now);    // log.flush.offset.checkpoint.interval.ms
  void checkpoint_log_start_offsets(TimestampMs now);  // log.flush.start.offset.checkpoint.interval.ms
  void checkpoint_high_watermarks(TimestampMs now);    // replica.high.watermark.checkpoint.interval.ms
  void delete_pass(TimestampMs now);                   // about every second: files whose delay has passed
  void producer_expiry_pass(TimestampMs now);          // producer.id.expiration.check.interval.ms

  // cleaner-offset-checkpoint of a directory: how far compaction has come with a partition; nullopt: never compacted.
  // Truncations through this manager and deletions are known to it at once.
  std::optional<Offset> clean_offset(const std::string& log_dir, const TopicPartition& partition) EXCLUDES(mutex_);
  // Writes it, unless the partition has another log by now.
  void set_clean_offset(const Log& log, Offset offset) EXCLUDES(mutex_);

 private:
  struct Directory;
  struct Entry {
    Directory* directory = nullptr;
    std::shared_ptr<Log> log;             // null until first asked for
    bool needs_recovery = false;          // the shutdown was unclean, and nobody has looked since
    std::shared_ptr<const IdleLog> idle;  // of a log that is not open, once somebody looked
  };

  struct Future {
    Directory* directory = nullptr;
    std::string name;          // of its own directory
    std::shared_ptr<Log> log;  // null until first asked for
    bool needs_recovery = false;
  };

  // A log whose place another has taken, as long as its directory still has the partition's name.
  struct Former {
    Directory* directory = nullptr;
    std::shared_ptr<Log> log;
  };

  protocol::Result<void> prepare(Directory& directory);
  protocol::Result<void> find_logs(Directory& directory, TimestampMs now) EXCLUDES(mutex_);
  protocol::Result<void> read_checkpoints(Directory& directory);
  std::size_t recover(Directory& directory, TimestampMs now) EXCLUDES(mutex_);
  std::shared_ptr<const IdleLog> idle_log(const TopicPartition& partition) EXCLUDES(mutex_);
  protocol::Result<bool> recover(const TopicPartition& partition, Directory& directory, TimestampMs now)
      EXCLUDES(mutex_);
  enum class Opening { clean, unclean, created };
  protocol::Result<std::shared_ptr<Log>> open_log(const TopicPartition& partition, Directory& directory,
                                                  Opening opening, std::optional<Uuid> topic_id, TimestampMs now)
      EXCLUDES(mutex_) {
    return open_log(partition, directory, partition.text(), opening, topic_id, now);
  }
  protocol::Result<std::shared_ptr<Log>> open_log(const TopicPartition& partition, Directory& directory,
                                                  const std::string& name, Opening opening,
                                                  std::optional<Uuid> topic_id, TimestampMs now) EXCLUDES(mutex_);
  std::string unique_id(TimestampMs now) EXCLUDES(mutex_);
  std::string unused_name_for_deleted(const Directory& directory, const TopicPartition& partition, TimestampMs now,
                                      bool stray) EXCLUDES(mutex_);
  protocol::Result<void> rename_deleted(Directory& directory, const std::string& name, const std::shared_ptr<Log>& log,
                                        const std::string& path);
  void delete_later(Directory& directory, const std::string& path, const std::shared_ptr<Log>& log, TimestampMs now)
      EXCLUDES(mutex_);
  void forget_checkpoints(Directory& directory, const TopicPartition& partition) REQUIRES(mutex_);
  std::shared_ptr<const LogConfig> config_of(const std::string& topic) const EXCLUDES(mutex_);
  protocol::Mutex& opening_of(const TopicPartition& partition) {
    return opening_[std::hash<TopicPartition>{}(partition) % opening_.size()];
  }
  protocol::Result<std::shared_ptr<Log>> create_log(const TopicPartition& partition, Directory& directory,
                                                    bool had_another, std::optional<Uuid> topic_id, TimestampMs now)
      EXCLUDES(mutex_);
  Directory* directory_for_new(const TopicPartition& partition) const REQUIRES(mutex_);
  Directory* emptiest_directory() const REQUIRES(mutex_);
  Directory* find_directory(const std::string& log_dir) const;
  std::vector<TopicPartition> partitions_of(const Directory& directory) const EXCLUDES(mutex_);
  std::vector<std::shared_ptr<Log>> open_logs_of(const Directory& directory) const EXCLUDES(mutex_);
  std::vector<std::shared_ptr<Log>> open_logs_and_futures() const EXCLUDES(mutex_);
  bool is_future_in(const TopicPartition& partition, const Directory& directory) const REQUIRES(mutex_);
  bool has_futures(const Directory& directory) const EXCLUDES(mutex_);
  void recover_futures(Directory& directory, TimestampMs now) EXCLUDES(mutex_);
  void add_future(const TopicPartition& partition, Directory& directory, const std::string& name) EXCLUDES(mutex_);
  protocol::Result<void> keep_one(const TopicPartition& partition, Directory& first, Directory& second, TimestampMs now)
      EXCLUDES(mutex_);
  void forget_replacements() EXCLUDES(mutex_);
  protocol::Result<void> give_name(const TopicPartition& partition, const Log& current, Directory& to, Log& future);
  // With opening_of() the partition.
  protocol::Result<void> retire_former(const TopicPartition& partition, TimestampMs now) EXCLUDES(mutex_);
  void retire_later(const TopicPartition& partition, Directory& directory, TimestampMs now);
  void move_clean_offset(const TopicPartition& partition, Directory& from, Directory& to) EXCLUDES(mutex_);
  bool close_logs(Directory& directory, TimestampMs now) EXCLUDES(mutex_);
  void for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) const;
  bool sync_volume(Directory& directory);
  bool has_unrecovered_logs(const Directory& directory) const EXCLUDES(mutex_);
  template <typename OfLog>
  bool write_checkpoint(Directory& directory, std::string_view name, PartitionOffsets Directory::* known, OfLog of_log)
      EXCLUDES(mutex_);
  // True: the file on the disk holds what it should.
  bool write_recovery_points(Directory& directory) EXCLUDES(mutex_);
  bool write_log_start_offsets(Directory& directory) EXCLUDES(mutex_);
  bool write_high_watermarks(Directory& directory) EXCLUDES(mutex_);
  bool write_clean_offsets(Directory& directory) EXCLUDES(mutex_);
  bool forget_deleted(Directory& directory) EXCLUDES(mutex_);
  void drop_checkpoints_of_missing_logs(Directory& directory) EXCLUDES(mutex_);

  const LogManagerOptions options_;
  std::unique_ptr<OpenFiles> files_;
  std::vector<std::unique_ptr<Directory>>
      directories_;  // constant after construction; their logs hold pointers to them

  // One of them is held while a log is opened, created, looked at or deleted: the same one for the same partition, so
  // that ten thousand logs aren't opened one after the other. Before mutex_; never two at once.
  std::array<protocol::Mutex, 64> opening_;
  mutable protocol::Mutex mutex_;
  std::unordered_map<TopicPartition, Entry> entries_ GUARDED_BY(mutex_);
  std::unordered_map<TopicPartition, Future> futures_ GUARDED_BY(mutex_);
  std::unordered_map<TopicPartition, Former> formers_ GUARDED_BY(mutex_);
  std::unordered_map<TopicPartition, std::string> preferred_ GUARDED_BY(mutex_);  // log.dirs for logs to come
  std::shared_ptr<const LogConfig> default_config_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::shared_ptr<const LogConfig>> topic_configs_ GUARDED_BY(mutex_);
  std::uint64_t deletions_ GUARDED_BY(mutex_) = 0;
};

}  // namespace storage
