// How a LogManager starts: locks, meta.properties, finding and recovering logs.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "storage/log_manager_directory.h"
#include "storage/partition_files.h"

namespace storage {

using protocol::Error, protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

Result<void> LogManager::lock_directories() {
  for (const auto& directory : directories_) {
    if (auto prepared = prepare(*directory); !prepared) return prepared;
  }
  const bool any = std::ranges::any_of(directories_, [](const auto& d) { return d->directory->is_online(); });
  if (any) return {};
  std::string reasons;
  for (const auto& directory : directories_) reasons += " " + directory->directory->failure_reason() + ".";
  return fail(ErrorCode::kafka_storage_error, "None of the log.dirs can be used." + reasons);
}

// A directory that fails goes offline; one that another process uses is an error for all.
Result<void> LogManager::prepare(Directory& directory) {
  LogDirectory& shared = *directory.directory;
  if (auto made = directory.file_system().create_directories(shared.path()); !made) {
    shared.take_offline(made.error().text());
    return {};
  }
  auto lock = DirectoryLock::acquire(shared.path());
  if (!lock && lock.error().error_number == EWOULDBLOCK) {
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("The log directory {} is in use by another process: it holds {}. Stop it first, or give "
                            "this broker another log.dirs.",
                            shared.path(), directory.file(lock_file)));
  }
  if (!lock) {
    shared.take_offline(lock.error().text());
    return {};
  }
  directory.lock = std::move(*lock);
  const auto text = directory.file_system().read_text(directory.file(meta_properties_file));
  if (!text) {
    if (text.error().error_number != ENOENT) shared.take_offline(text.error().text());
    return {};
  }
  auto identity = parse_meta_properties(*text);
  if (!identity) {
    return fail(identity.error().code, fmt::format("{}: {}", shared.path(), identity.error().message));
  }
  directory.meta_properties = *text;
  directory.identity = std::move(*identity);
  return {};
}

Result<DirectoryIdentity> LogManager::identity() const {
  DirectoryIdentity common;
  for (const auto& directory : directories_) {
    const DirectoryIdentity& own = directory->identity;
    if (own.cluster_id && common.cluster_id && own.cluster_id != common.cluster_id) {
      return fail(ErrorCode::inconsistent_cluster_id,
                  fmt::format("The log.dirs belong to different clusters: {} to '{}', another to '{}'.",
                              directory->directory->path(), *own.cluster_id, *common.cluster_id));
    }
    if (own.broker_id && common.broker_id && own.broker_id != common.broker_id) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("The log.dirs belong to different brokers: {} to broker.id {}, another to {}.",
                              directory->directory->path(), *own.broker_id, *common.broker_id));
    }
    if (own.cluster_id) common.cluster_id = own.cluster_id;
    if (own.broker_id) common.broker_id = own.broker_id;
  }
  return common;
}

Result<void> LogManager::set_identity(const std::string& cluster_id, protocol::BrokerId broker_id, TimestampMs now) {
  if (const auto known = identity(); !known) return std::unexpected(known.error());
  for (const auto& directory : directories_) {
    const DirectoryIdentity& known = directory->identity;
    const std::string file = directory->file(meta_properties_file);
    if (known.cluster_id && *known.cluster_id != cluster_id) {
      return fail(
          ErrorCode::inconsistent_cluster_id,
          fmt::format("The data of {} belongs to cluster '{}', but this cluster is '{}'. The broker would mix up "
                      "two clusters' data; give it another log.dirs or the right zookeeper.connect.",
                      file, *known.cluster_id, cluster_id));
    }
    if (known.broker_id && *known.broker_id != broker_id) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("The data of {} belongs to broker.id {}, but this broker is configured as {}.", file,
                              *known.broker_id, broker_id));
    }
  }
  for (const auto& directory : directories_) {
    const bool complete = directory->identity.cluster_id && directory->identity.broker_id;
    if (complete || !directory->directory->is_online()) continue;
    const FailureReport report(*directory->directory);
    const std::string text = format_meta_properties(directory->meta_properties, cluster_id, broker_id, now);
    if (auto written = directory->file_system().replace_file(directory->file(meta_properties_file), text, true);
        !written) {
      (void)directory->directory->failed(written.error());
      continue;
    }
    directory->identity = {.cluster_id = cluster_id, .broker_id = broker_id};
    directory->meta_properties = text;
  }
  return {};
}

Result<void> LogManager::read_checkpoints(Directory& directory) {
  std::optional<Error> unreadable;
  const auto read = [&](std::string_view name) -> PartitionOffsets {
    const auto text = directory.file_system().read_text(directory.file(name));
    if (!text) {
      if (text.error().error_number != ENOENT) unreadable = directory.directory->failed(text.error());
      return {};
    }
    auto parsed = parse_offset_checkpoint(*text);
    if (parsed) return std::move(*parsed);
    spdlog::warn("{} is damaged and taken as empty: {}", directory.file(name), parsed.error().text());
    return {};
  };
  PartitionOffsets recovery = read(recovery_point_checkpoint), start = read(log_start_offset_checkpoint),
                   high_watermarks = read(high_watermark_checkpoint), clean = read(cleaner_checkpoint);
  if (unreadable) return std::unexpected(*unreadable);
  MutexLock checkpoints(directory.checkpoint_mutex);
  directory.clean_offsets = std::move(clean);
  MutexLock lock(mutex_);
  directory.recovery_points = std::move(recovery);
  directory.log_start_offsets = std::move(start);
  directory.high_watermarks = std::move(high_watermarks);
  return {};
}

Result<void> LogManager::find_logs(Directory& directory, TimestampMs now) {
  LogDirectory& shared = *directory.directory;
  const FailureReport report(shared);
  directory.was_clean = directory.file_system().exists(directory.file(clean_shutdown_file));
  // The marker speaks for the shutdown before this start only.
  if (auto removed = directory.file_system().remove(directory.file(clean_shutdown_file)); !removed) {
    (void)shared.failed(removed.error());
    return {};
  }
  if (directory.was_clean) {
    // If a power cut brought it back, the checkpoints of then would be taken for those of today.
    if (auto synced = directory.file_system().sync_directory(shared.path()); !synced) {
      (void)shared.failed(std::move(synced).error().of_sync());
      return {};
    }
  }
  // For want of a descriptor the start fails: going on without the logs would make empty ones in their place, and
  // without the checkpoints bring deleted records back.
  if (auto known = read_checkpoints(directory); !known && shared.is_online()) return known;
  const auto entries = directory.file_system().list(shared.path());
  if (!entries) {
    auto error = shared.failed(entries.error());
    if (shared.is_online()) return std::unexpected(std::move(error));
    return {};
  }
  for (const DirectoryEntry& found : *entries) {
    if (!found.is_directory || found.name == "remote-log-index-cache" || found.name == "__cluster_metadata-0") continue;
    const std::string path = directory.file(found.name);
    const auto name = parse_partition_directory_name(found.name);
    if (!name || name->kind == PartitionDirectoryKind::stray) {
      spdlog::warn("Leaving {} alone: it is not the log of a partition in use.", path);
      continue;
    }
    if (name->kind == PartitionDirectoryKind::deleted) {
      shared.delete_later(now + config_of(name->partition.topic)->file_delete_delay_ms,
                          [&file_system = directory.file_system(), path] { return file_system.remove_tree(path); });
      continue;
    }
    if (name->kind == PartitionDirectoryKind::future) {
      add_future(name->partition, directory, found.name);
      continue;
    }
    Directory* other = nullptr;
    {
      MutexLock lock(mutex_);
      const auto [entry, added] = entries_.try_emplace(
          name->partition, Entry{.directory = &directory, .log = nullptr, .needs_recovery = !directory.was_clean});
      if (!added) other = entry->second.directory;
      ++directory.logs;
    }
    if (other == nullptr) continue;
    if (auto kept = keep_one(name->partition, *other, directory, now); !kept) return kept;
  }
  drop_checkpoints_of_missing_logs(directory);
  return {};
}

// A log that is created later must not be taken for one that was deleted shortly before a crash.
void LogManager::drop_checkpoints_of_missing_logs(Directory& directory) {
  MutexLock checkpoints(directory.checkpoint_mutex);
  MutexLock lock(mutex_);
  for (PartitionOffsets* offsets : {&directory.recovery_points, &directory.log_start_offsets,
                                    &directory.high_watermarks, &directory.clean_offsets}) {
    std::erase_if(*offsets, [&](const auto& known) REQUIRES(mutex_) {
      const auto found = entries_.find(known.first);
      const bool is_current = found != entries_.end() && found->second.directory == &directory;
      const bool missing = !is_current && !is_future_in(known.first, directory);
      if (missing) directory.deleted[known.first] = ++deletions_;
      return missing;
    });
  }
}

Result<LoadSummary> LogManager::load(TimestampMs now) {
  LoadSummary summary;
  std::vector<Directory*> unclean;
  for (const auto& directory : directories_) {
    if (!directory->directory->is_online()) continue;
    if (auto found = find_logs(*directory, now); !found) return std::unexpected(found.error());
    if (!directory->directory->is_online() || directory->was_clean) continue;
    if (partitions_of(*directory).empty() && !has_futures(*directory)) continue;
    summary.clean = false;
    unclean.push_back(directory.get());
  }
  std::atomic<std::size_t> recovered = 0;
  std::vector<std::thread> threads;
  for (Directory* directory : unclean) {
    threads.emplace_back([this, directory, now, &recovered] { recovered += recover(*directory, now); });
  }
  for (std::thread& thread : threads) thread.join();
  summary.recovered = recovered;
  summary.stopped = options_.stop.stop_requested();
  if (!summary.clean) forget_replacements();
  summary.logs = partitions().size();
  return summary;
}

namespace {

// Whether there is anything in a partition's directory that recovery would look at.
Io<bool> has_log_files(FileSystem& file_system, const std::string& path) {
  const auto entries = file_system.list(path);
  if (!entries) return std::unexpected(entries.error());
  return std::ranges::any_of(*entries, [](const DirectoryEntry& entry) {
    return !entry.is_directory && entry.name != partition_metadata_file;
  });
}

}  // namespace

// Recovers, and thereby opens, a log; false: nothing was ever written to it, so there is nothing to recover.
Result<bool> LogManager::recover(const TopicPartition& partition, Directory& directory, TimestampMs now) {
  const auto used = has_log_files(directory.file_system(), directory.file(partition.text()));
  if (!used) return std::unexpected(directory.directory->failed(used.error()));
  std::shared_ptr<Log> log;
  if (*used) {
    auto opened = open_log(partition, directory, Opening::unclean, std::nullopt, now);
    if (!opened) return std::unexpected(opened.error());
    log = std::move(*opened);
  }
  MutexLock lock(mutex_);
  Entry& entry = entries_[partition];
  entry.log = std::move(log);
  entry.needs_recovery = false;
  return *used;
}

void LogManager::for_each_in_parallel(std::size_t count, const std::function<void(std::size_t)>& work) const {
  std::atomic<std::size_t> next = 0;
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> threads;
  const auto wanted = static_cast<std::size_t>(std::max(options_.recovery_threads_per_data_dir, 1));
  for (std::size_t i = 1; i < std::min(wanted, count); ++i) threads.emplace_back(take);
  take();
  for (std::thread& thread : threads) thread.join();
}

// Recovers all logs of a directory with the configured number of threads.
std::size_t LogManager::recover(Directory& directory, TimestampMs now) {
  const FailureReport report(*directory.directory);
  const std::vector<TopicPartition> partitions = partitions_of(directory);
  spdlog::info("{} was not closed cleanly: recovering {} logs.", directory.directory->path(), partitions.size());
  std::atomic<std::size_t> done = 0, recovered = 0;
  const auto started = std::chrono::steady_clock::now();
  std::atomic<std::int64_t> reported_s = 0;
  for_each_in_parallel(partitions.size(), [&](std::size_t i) {
    if (!directory.directory->is_online() || options_.stop.stop_requested()) return;
    const auto needed = recover(partitions[i], directory, now);
    if (!needed) {
      spdlog::error("The log of {} can't be recovered: {}", partitions[i].text(), needed.error().text());
      return;
    }
    ++done;
    if (*needed) ++recovered;
    constexpr std::int64_t report_every_s = 2;
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started).count();
    std::int64_t last = reported_s;
    if (elapsed >= last + report_every_s && reported_s.compare_exchange_strong(last, elapsed)) {
      spdlog::info("Recovered {} of {} logs in {}.", done.load(), partitions.size(), directory.directory->path());
    }
  });
  recover_futures(directory, now);
  return recovered;
}

}  // namespace storage
