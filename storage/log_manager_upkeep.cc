// What a LogManager does from time to time and at the end.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "storage/idle_log.h"
#include "storage/log_manager_directory.h"

namespace storage {

using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

// ---- Logs that are not open

// The files of a log that is not open, looked at once; nullptr: the log is open, or can't be looked at.
std::shared_ptr<const IdleLog> LogManager::idle_log(const TopicPartition& partition) {
  MutexLock opening(opening_of(partition));
  Directory* directory = nullptr;
  {
    MutexLock lock(mutex_);
    const auto found = entries_.find(partition);
    if (found == entries_.end() || found->second.log || found->second.needs_recovery) return nullptr;
    if (found->second.idle) return found->second.idle;
    directory = found->second.directory;
  }
  if (!directory->directory->is_online()) return nullptr;
  auto looked = look_at_idle_log(directory->file_system(), directory->file(partition.text()));
  if (!looked) {
    spdlog::warn("The files of {} can't be looked at: {}", partition.text(), looked.error().text());
    return nullptr;
  }
  auto idle = std::make_shared<const IdleLog>(std::move(*looked));
  MutexLock lock(mutex_);
  entries_[partition].idle = idle;
  return idle;
}

void LogManager::open_idle_logs(const std::function<bool(const IdleLogView&)>& worth_a_look,
                                const std::function<bool(const IdleLogView&, const IdleLog&)>& wanted,
                                TimestampMs now) {
  struct Candidate {
    TopicPartition partition;
    const Directory* directory;
    Offset log_start;
  };
  std::vector<Candidate> candidates;
  {
    MutexLock lock(mutex_);
    for (const auto& [partition, entry] : entries_) {
      if (entry.log || entry.needs_recovery || !entry.directory->directory->is_online()) continue;
      const auto start = entry.directory->log_start_offsets.find(partition);
      candidates.push_back(
          {partition, entry.directory, start == entry.directory->log_start_offsets.end() ? Offset{0} : start->second});
    }
  }
  for (const Candidate& candidate : candidates) {
    const auto config = config_of(candidate.partition.topic);
    const IdleLogView view{.partition = candidate.partition,
                           .log_dir = candidate.directory->directory->path(),
                           .config = *config,
                           .log_start_offset = candidate.log_start};
    if (!worth_a_look(view)) continue;
    const auto idle = idle_log(candidate.partition);
    if (!idle || !wanted(view, *idle)) continue;
    if (const auto opened = log(candidate.partition, now); !opened) {
      spdlog::error("The log of {} can't be opened: {}", candidate.partition.text(), opened.error().text());
    }
  }
}

std::optional<LogPlace> LogManager::place_of(const TopicPartition& partition) {
  const auto look = [&]() -> std::optional<LogPlace> {
    MutexLock lock(mutex_);
    const auto found = entries_.find(partition);
    if (found == entries_.end() || !found->second.directory->directory->is_online()) return std::nullopt;
    return LogPlace{.log_dir = found->second.directory->directory->path(), .open = found->second.log};
  };
  std::shared_ptr<const IdleLog> idle;
  std::optional<LogPlace> place = look();
  if (place && !place->open) {
    idle = idle_log(partition);
    if (!idle) place = look();  // opened meanwhile
  }
  if (!place || (!place->open && !idle)) return std::nullopt;
  place->size = place->open ? place->open->size() : idle->size();
  return place;
}

// ---- Passes

void LogManager::retention_pass(TimestampMs now) {
  open_idle_logs(
      [](const IdleLogView& log) {
        return !log.config.cleanup_compact && retention_needs_a_look(log.config, log.log_start_offset);
      },
      [now](const IdleLogView& log, const IdleLog& idle) {
        return retention_may_delete(idle, log.config, log.log_start_offset, now);
      },
      now);
  for (const auto& log : open_logs_and_futures()) {
    if (log->config()->cleanup_compact) continue;
    if (const auto deleted = log->delete_old_segments(now); !deleted && !log->is_closed()) {
      spdlog::error("Deleting old segments of {} failed: {}", log->partition().text(), deleted.error().text());
    }
  }
}

bool LogManager::has_upkeep(TimestampMs now) const {
  return std::ranges::any_of(directories_, [now](const auto& directory) {
    return directory->directory->has_unsynced() || directory->directory->has_due_deletions(now);
  });
}

void LogManager::flush_pass(TimestampMs now, bool by_age) {
  for (const auto& directory : directories_) directory->directory->forget_unsynced();
  for (const auto& log : open_logs_and_futures()) {
    if (const auto flushed = log->flush_if_due(now, by_age); !flushed) {
      spdlog::error("Flushing {} failed: {}", log->partition().text(), flushed.error().text());
    }
  }
}

void LogManager::producer_expiry_pass(TimestampMs now) {
  for (const auto& log : open_logs_and_futures()) log->remove_expired_producers(now);
}

void LogManager::delete_pass(TimestampMs now) {
  for (const auto& directory : directories_) directory->directory->run_deletions(now, options_.stop);
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
bool LogManager::write_checkpoint(Directory& directory, std::string_view name, PartitionOffsets Directory::* known,
                                  OfLog of_log) {
  if (!directory.directory->is_online()) return false;
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
    for (const auto& [partition, future] : futures_) {
      if (future.directory != &directory) continue;
      if (future.log) {
        logs.push_back(future.log);
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
    return true;
  }
  const auto written =
      directory.file_system().replace_file(directory.file(name), format_offset_checkpoint(offsets), true);
  if (written) {
    directory.checkpointed.insert_or_assign(std::string(name), now_holds);
  } else {
    (void)directory.directory->failed(written.error());
  }
  return written.has_value();
}

bool LogManager::write_recovery_points(Directory& directory) {
  return write_checkpoint(directory, recovery_point_checkpoint, &Directory::recovery_points,
                          [](const Log& log) { return std::optional(log.recovery_point()); });
}

bool LogManager::write_log_start_offsets(Directory& directory) {
  return write_checkpoint(directory, log_start_offset_checkpoint, &Directory::log_start_offsets,
                          [](const Log& log) -> std::optional<Offset> {
                            const Offset start = log.log_start_offset();
                            return log.starts_within_first_segment() ? std::optional(start) : std::nullopt;
                          });
}

bool LogManager::write_high_watermarks(Directory& directory) {
  return write_checkpoint(directory, high_watermark_checkpoint, &Directory::high_watermarks,
                          [](const Log& log) { return std::optional(log.high_watermark()); });
}

// Writes the checkpoints without the partitions that are gone. False: the old ones may still be there.
bool LogManager::forget_deleted(Directory& directory) {
  std::unordered_map<TopicPartition, std::uint64_t> deleted;
  {
    MutexLock lock(mutex_);
    deleted = directory.deleted;
  }
  if (deleted.empty()) return true;
  const bool written = write_recovery_points(directory) && write_log_start_offsets(directory) &&
                       write_high_watermarks(directory) && write_clean_offsets(directory);
  if (!written) return false;
  MutexLock lock(mutex_);
  // One that was created and deleted again meanwhile stays.
  std::erase_if(directory.deleted, [&](const auto& now) {
    const auto then = deleted.find(now.first);
    return then != deleted.end() && then->second == now.second;
  });
  return true;
}

void LogManager::checkpoint_recovery_points(TimestampMs) {
  for (const auto& directory : directories_) {
    write_recovery_points(*directory);
    forget_deleted(*directory);
  }
}

void LogManager::checkpoint_log_start_offsets(TimestampMs) {
  for (const auto& directory : directories_) write_log_start_offsets(*directory);
}

void LogManager::checkpoint_high_watermarks(TimestampMs) {
  for (const auto& directory : directories_) write_high_watermarks(*directory);
}

// ---- How far compaction has come

std::optional<Offset> LogManager::clean_offset(const std::string& log_dir, const TopicPartition& partition) {
  Directory* directory = find_directory(log_dir);
  if (directory == nullptr) return std::nullopt;
  MutexLock writing(directory->checkpoint_mutex);
  const auto found = directory->clean_offsets.find(partition);
  return found == directory->clean_offsets.end() ? std::nullopt : std::optional(found->second);
}

void LogManager::set_clean_offset(const Log& log, Offset offset) {
  Directory* directory = find_directory(log.directory().path());
  if (directory == nullptr) return;
  {
    MutexLock writing(directory->checkpoint_mutex);
    MutexLock lock(mutex_);
    const auto found = entries_.find(log.partition());
    if (found == entries_.end() || found->second.log.get() != &log) return;
    // While a log is copied it doesn't rise: what was copied before may not be as clean.
    const auto known = directory->clean_offsets.find(log.partition());
    const bool rises = known == directory->clean_offsets.end() || offset > known->second;
    if (rises && futures_.contains(log.partition())) return;
    directory->clean_offsets[log.partition()] = offset;
  }
  (void)write_clean_offsets(*directory);
}

// Without the partitions that are gone.
bool LogManager::write_clean_offsets(Directory& directory) {
  if (!directory.directory->is_online()) return false;
  const FailureReport report(*directory.directory);
  MutexLock writing(directory.checkpoint_mutex);
  PartitionOffsets& offsets = directory.clean_offsets;
  {
    MutexLock lock(mutex_);
    std::erase_if(offsets, [&](const auto& known) REQUIRES(mutex_) {
      const auto found = entries_.find(known.first);
      return found == entries_.end() || found->second.directory != &directory;
    });
  }
  const std::uint64_t now_holds = fingerprint(offsets);
  const auto last = directory.checkpointed.find(cleaner_checkpoint);
  if (last != directory.checkpointed.end() && last->second == now_holds) return true;
  const auto written =
      directory.file_system().replace_file(directory.file(cleaner_checkpoint), format_offset_checkpoint(offsets), true);
  if (!written) {
    (void)directory.directory->failed(written.error());
    return false;
  }
  directory.checkpointed.insert_or_assign(std::string(cleaner_checkpoint), now_holds);
  return true;
}

// ---- The end

bool LogManager::has_unrecovered_logs(const Directory& directory) const {
  MutexLock lock(mutex_);
  const auto unrecovered = [&](const auto& item) {
    return item.second.directory == &directory && item.second.needs_recovery;
  };
  return std::ranges::any_of(entries_, unrecovered) || std::ranges::any_of(futures_, unrecovered);
}

// Every log writes out what it has in memory; then all are synced, by one sync of the volume if there are many files.
bool LogManager::close_logs(Directory& directory, TimestampMs now) {
  constexpr std::size_t many_files = 100;
  const std::vector<std::shared_ptr<Log>> logs = open_logs_of(directory);
  std::vector<Result<std::size_t>> prepared(logs.size(), fail(ErrorCode::kafka_storage_error));
  // Logs that still need recovery must get it at the next start.
  std::atomic<bool> all_closed = !has_unrecovered_logs(directory);
  std::atomic<std::size_t> unsynced = 0;
  const auto report = [&](const Log& log, const protocol::Error& error) {
    spdlog::error("Closing the log of {} failed: {}", log.partition().text(), error.text());
    all_closed = false;
  };
  for_each_in_parallel(logs.size(), [&](std::size_t i) {
    prepared[i] = logs[i]->prepare_close();
    if (!prepared[i]) return report(*logs[i], prepared[i].error());
    unsynced += *prepared[i];
  });
  const bool synced = unsynced > many_files && sync_volume(directory);
  for_each_in_parallel(logs.size(), [&](std::size_t i) {
    if (!prepared[i]) return;
    if (const auto closed = logs[i]->close(now, synced); !closed) report(*logs[i], closed.error());
  });
  return all_closed;
}

bool LogManager::sync_volume(Directory& directory) {
  const FailureReport report(*directory.directory);
  if (!directory.directory->is_online()) return false;
  const auto synced = directory.file_system().sync_volume(directory.directory->path());
  if (!synced) (void)directory.directory->failed(synced.error());
  return synced.value_or(false);
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
