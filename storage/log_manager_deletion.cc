// How a LogManager deletes a log: its directory gets another name at once, its files go later.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "storage/log_manager_directory.h"
#include "storage/partition_files.h"

namespace storage {

using protocol::MutexLock;
using protocol::Result;

std::string LogManager::unique_id(TimestampMs now) {
  std::uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = ++deletions_;
  }
  const std::uint64_t mixed = (static_cast<std::uint64_t>(now) ^ number) * 0x9E3779B97F4A7C15u;
  return fmt::format("{:016x}{:016x}", mixed, number);
}

// A clock that was set back brings names again that are still on the disk.
std::string LogManager::unused_name_for_deleted(const Directory& directory, const TopicPartition& partition,
                                                TimestampMs now, bool stray) {
  while (true) {
    std::string path = directory.file(deleted_directory_name(partition, unique_id(now), stray));
    if (!directory.file_system().exists(path)) return path;
  }
}

Result<void> LogManager::async_delete(const TopicPartition& partition, TimestampMs now, bool stray) {
  if (has_future(partition)) {
    if (auto deleted = delete_future(partition, now); !deleted) return deleted;
  }
  MutexLock opening(opening_of(partition));
  // Else the next start would take it for the partition's log.
  (void)retire_former(partition, now);
  Entry entry;
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(partition);
    if (found == entries_.end()) return {};
    entry = found->second;
  }
  LogDirectory& directory = *entry.directory->directory;
  const std::string path = unused_name_for_deleted(*entry.directory, partition, now, stray);
  auto renamed = rename_deleted(*entry.directory, partition.text(), entry.log, path);
  // On a disk that can be written again later the deletion is tried again; a failed one takes the log with it.
  if (!renamed && directory.is_online()) return renamed;
  {
    MutexLock lock(mutex_);
    entries_.erase(partition);
    forget_checkpoints(*entry.directory, partition);
  }
  {
    MutexLock lock(entry.directory->checkpoint_mutex);
    entry.directory->clean_offsets.erase(partition);
  }
  if (!renamed) return renamed;
  spdlog::info("Log of {} is {} as {}.", partition.text(), stray ? "kept" : "to be deleted", path);
  if (!stray) delete_later(*entry.directory, path, entry.log, now);
  return {};
}

// The settings of a topic that is being deleted may be gone already; an open log still knows them.
void LogManager::delete_later(Directory& directory, const std::string& path, const std::shared_ptr<Log>& log,
                              TimestampMs now) {
  std::int64_t delay = 0;
  if (log) {
    delay = log->config()->file_delete_delay_ms;
  } else {
    MutexLock lock(mutex_);
    delay = default_config_->file_delete_delay_ms;
  }
  directory.directory->delete_later(now + delay, [&file_system = directory.file_system(), path, log]() -> Io<void> {
    return file_system.remove_tree(path);
  });
}

// What the directory's checkpoints say of a log that was there.
void LogManager::forget_checkpoints(Directory& directory, const TopicPartition& partition) {
  --directory.logs;
  for (PartitionOffsets* offsets :
       {&directory.recovery_points, &directory.log_start_offsets, &directory.high_watermarks}) {
    offsets->erase(partition);
  }
  directory.deleted[partition] = ++deletions_;
}

Result<void> LogManager::rename_deleted(Directory& directory, const std::string& name, const std::shared_ptr<Log>& log,
                                        const std::string& path) {
  if (log) return log->rename_directory(path);
  LogDirectory& shared = *directory.directory;
  if (auto online = shared.check_online(); !online) return online;
  const FailureReport report(shared);
  if (auto renamed = directory.file_system().rename(directory.file(name), path); !renamed) {
    return std::unexpected(shared.failed(renamed.error()));
  }
  return {};
}

}  // namespace storage
