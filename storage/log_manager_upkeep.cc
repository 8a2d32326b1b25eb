// What a LogManager does from time to time and at the end.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "storage/log_manager_directory.h"

namespace storage {

using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

void LogManager::retention_pass(TimestampMs now) {
  for (const TopicPartition& partition : partitions()) {
    const auto found = log(partition, now);
    if (!found || !*found || (*found)->config()->cleanup_compact) continue;
    if (const auto deleted = (*found)->delete_old_segments(now); !deleted) {
      spdlog::error("Deleting old segments of {} failed: {}", partition.text(), deleted.error().text());
    }
  }
}

void LogManager::flush_pass(TimestampMs now) {
  for (const auto& directory : directories_) {
    const FailureReport report(*directory->directory);
    MutexLock lock(directory->checkpoint_mutex);
    if (!directory->marker_removal_unsynced || !directory->directory->is_online()) continue;
    directory->marker_removal_unsynced = false;
    const auto synced = directory->file_system().sync_directory(directory->directory->path());
    if (!synced) (void)directory->directory->failed(synced.error());
  }
  for (const auto& log : open_logs()) {
    if (const auto flushed = log->flush_if_due(now); !flushed) {
      spdlog::error("Flushing {} failed: {}", log->partition().text(), flushed.error().text());
    }
  }
}

void LogManager::producer_expiry_pass(TimestampMs now) {
  for (const auto& log : open_logs()) log->remove_expired_producers(now);
}

void LogManager::delete_pass(TimestampMs now) {
  for (const auto& directory : directories_) directory->directory->run_deletions(now);
}

// ---- Checkpoints

namespace {

// The same for the same entries in any order.
std::uint64_t fingerprint(const PartitionOffsets& offsets) {
  std::uint64_t sum = offsets.size();
  for (const auto& [partition, offset] : offsets) {
    std::uint64_t mixed =
        std::hash<TopicPartition>{}(partition) ^ (static_cast<std::uint64_t>(offset) * 0x9E3779B97F4A7C15u);
    mixed = (mixed ^ (mixed >> 31)) * 0xBF58476D1CE4E5B9u;
    sum += mixed ^ (mixed >> 29);
  }
  return sum;
}

}  // namespace

// Logs that were not opened since the start keep what the checkpoint said; of_log says nullopt for "no entry".
template <typename OfLog>
void LogManager::write_checkpoint(Directory& directory, std::string_view name, PartitionOffsets Directory::* known,
                                  OfLog of_log) {
  if (!directory.directory->is_online()) return;
  const FailureReport report(*directory.directory);
  MutexLock writing(directory.checkpoint_mutex);
  PartitionOffsets offsets;
  std::vector<std::shared_ptr<Log>> logs;
  {
    MutexLock lock(mutex_);
    for (const auto& [partition, entry] : entries_) {
      if (entry.directory != &directory) continue;
      if (entry.log) {
        logs.push_back(entry.log);
      } else if (const auto found = (directory.*known).find(partition); found != (directory.*known).end()) {
        offsets.insert(*found);
      }
    }
  }
  for (const auto& log : logs) {
    if (const std::optional<Offset> offset = of_log(*log)) offsets[log->partition()] = *offset;
  }
  const std::uint64_t now_holds = fingerprint(offsets);
  if (const auto last = directory.checkpointed.find(name);
      last != directory.checkpointed.end() && last->second == now_holds) {
    return;
  }
  const auto written =
      directory.file_system().replace_file(directory.file(name), format_offset_checkpoint(offsets), true);
  if (written) {
    directory.checkpointed.insert_or_assign(std::string(name), now_holds);
  } else {
    (void)directory.directory->failed(written.error());
  }
}

void LogManager::write_recovery_points(Directory& directory) {
  write_checkpoint(directory, recovery_point_checkpoint, &Directory::recovery_points,
                   [](const Log& log) { return std::optional(log.recovery_point()); });
}

void LogManager::write_log_start_offsets(Directory& directory) {
  write_checkpoint(directory, log_start_offset_checkpoint, &Directory::log_start_offsets,
                   [](const Log& log) -> std::optional<Offset> {
                     const Offset start = log.log_start_offset();
                     return log.starts_within_first_segment() ? std::optional(start) : std::nullopt;
                   });
}

void LogManager::write_high_watermarks(Directory& directory) {
  write_checkpoint(directory, high_watermark_checkpoint, &Directory::high_watermarks,
                   [](const Log& log) { return std::optional(log.high_watermark()); });
}

void LogManager::checkpoint_recovery_points(TimestampMs) {
  for (const auto& directory : directories_) write_recovery_points(*directory);
}

void LogManager::checkpoint_log_start_offsets(TimestampMs) {
  for (const auto& directory : directories_) write_log_start_offsets(*directory);
}

void LogManager::checkpoint_high_watermarks(TimestampMs) {
  for (const auto& directory : directories_) write_high_watermarks(*directory);
}

Result<PartitionOffsets> LogManager::read_cleaner_checkpoint(const std::string& log_dir) const {
  const Directory* directory = find_directory(log_dir);
  if (directory == nullptr) return fail(ErrorCode::log_dir_not_found);
  const auto text = directory->file_system().read_text(directory->file(cleaner_checkpoint));
  if (!text) {
    if (text.error().error_number == ENOENT) return PartitionOffsets{};
    return std::unexpected(directory->directory->failed(text.error()));
  }
  return parse_offset_checkpoint(*text);
}

Result<void> LogManager::write_cleaner_checkpoint(const std::string& log_dir, const PartitionOffsets& offsets) {
  Directory* directory = find_directory(log_dir);
  if (directory == nullptr) return fail(ErrorCode::log_dir_not_found);
  const FailureReport report(*directory->directory);
  MutexLock writing(directory->checkpoint_mutex);
  const auto written = directory->file_system().replace_file(directory->file(cleaner_checkpoint),
                                                             format_offset_checkpoint(offsets), true);
  if (!written) return std::unexpected(directory->directory->failed(written.error()));
  return {};
}

// ---- The end

bool LogManager::close_logs(Directory& directory, TimestampMs now) {
  const std::vector<std::shared_ptr<Log>> logs = open_logs_of(directory);
  std::atomic<std::size_t> next = 0;
  // Logs that still need recovery must get it at the next start.
  std::atomic<bool> all_closed = directory.was_clean || logs.size() == partitions_of(directory).size();
  const auto work = [&] {
    for (std::size_t i = next++; i < logs.size(); i = next++) {
      if (const auto closed = logs[i]->close(now); !closed) {
        spdlog::error("Closing the log of {} failed: {}", logs[i]->partition().text(), closed.error().text());
        all_closed = false;
      }
    }
  };
  std::vector<std::thread> threads;
  const auto wanted = static_cast<std::size_t>(std::max(options_.recovery_threads_per_data_dir, 1));
  for (std::size_t i = 1; i < std::min(wanted, logs.size()); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return all_closed;
}

void LogManager::shutdown(TimestampMs now) {
  for (const auto& directory : directories_) {
    if (!directory->lock || !directory->directory->is_online()) continue;
    const bool closed = close_logs(*directory, now);
    write_recovery_points(*directory);
    write_log_start_offsets(*directory);
    write_high_watermarks(*directory);
    if (!closed || !directory->directory->is_online()) continue;
    const auto marked = directory->file_system().replace_file(directory->file(clean_shutdown_file),
                                                              R"({"version":0,"brokerEpoch":-1})", true);
    if (!marked) (void)directory->directory->failed(marked.error());
  }
  for (const auto& directory : directories_) directory->lock.reset();
}

}  // namespace storage
