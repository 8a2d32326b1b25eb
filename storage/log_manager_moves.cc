// How a LogManager moves a log to another directory: the future log's life, and how it takes the current one's place.
//
// The order of the latter, and what a crash leaves after each step:
//   1. a file in the future log's directory says that it replaces another      – a future log, to be continued
//   2. that directory gets the current log's name, and this is synced           – two logs; the file says which counts
//   3. the former log's directory is renamed for deletion, and this is synced   – one log
//   4. the file is removed
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "storage/idle_log.h"
#include "storage/log_manager_directory.h"
#include "storage/partition_files.h"

namespace storage {

using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

namespace {

// Clients may name partitions that never come to be.
constexpr std::size_t most_preferences = 10'000;

std::string replacement_mark(const std::string& path) { return fmt::format("{}/{}", path, replacement_file); }

// With the time: of two logs that each replaced the other once, the one marked later counts.
Io<void> mark_replacement(FileSystem& file_system, const std::string& path, TimestampMs now) {
  return file_system.replace_file(replacement_mark(path), fmt::format("{}\n", now), true);
}

TimestampMs replacement_time(FileSystem& file_system, const std::string& path) {
  const auto text = file_system.read_text(replacement_mark(path));
  TimestampMs time = -1;  // stays so where there is no mark
  if (text) std::from_chars(text->data(), text->data() + text->size(), time);
  return time;
}

}  // namespace

// ---- Where logs shall lie

Result<void> LogManager::check_directory(const std::string& log_dir) const {
  const Directory* directory = find_directory(log_dir);
  if (directory == nullptr) {
    return fail(ErrorCode::log_dir_not_found, fmt::format("Log dir {} is not found in the config.", log_dir));
  }
  return directory->directory->check_online();
}

void LogManager::prefer_directory(const TopicPartition& partition, const std::string& log_dir) {
  MutexLock lock(mutex_);
  const auto current = entries_.find(partition);
  if (current != entries_.end() && current->second.directory->directory->path() == log_dir) return;
  if (preferred_.size() < most_preferences || preferred_.contains(partition)) preferred_[partition] = log_dir;
}

// ---- Future logs

Result<std::shared_ptr<Log>> LogManager::create_future(const TopicPartition& partition, const std::string& log_dir,
                                                       TimestampMs now) {
  if (auto usable = check_directory(log_dir); !usable) return std::unexpected(usable.error());
  if (online_directories().size() < directories_.size()) {
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("{} can't be moved while a log directory is offline.", partition.text()));
  }
  const auto name = future_directory_name(partition, unique_id(now));
  if (!name) return fail(ErrorCode::invalid_topic_exception, "The topic name is too long.");
  const auto current = log(partition, now);
  if (!current) return std::unexpected(current.error());
  if (!*current) return fail(ErrorCode::kafka_storage_error, fmt::format("There is no log of {}.", partition.text()));

  MutexLock opening(opening_of(partition));
  if (auto retired = retire_former(partition, now); !retired) return std::unexpected(retired.error());
  Directory& directory = *find_directory(log_dir);
  {
    MutexLock lock(mutex_);
    if (futures_.contains(partition)) {
      return fail(ErrorCode::kafka_storage_error, fmt::format("{} moves already.", partition.text()));
    }
    ++directory.logs;
  }
  auto created = !forget_deleted(directory)
                     ? fail(ErrorCode::kafka_storage_error,
                            fmt::format("The checkpoints in {} can't be written.", directory.directory->path()))
                     : open_log(partition, directory, *name, Opening::created, (*current)->topic_id(), now);
  // What is left of it would be found at the next start, and filled.
  if (!created) (void)directory.file_system().remove_tree(directory.file(*name));
  MutexLock lock(mutex_);
  if (created) {
    futures_[partition] = {.directory = &directory, .name = *name, .log = *created};
    spdlog::info("{} moves from {} to {}.", partition.text(), (*current)->directory().path(), log_dir);
  } else {
    --directory.logs;
  }
  return created;
}

Result<std::shared_ptr<Log>> LogManager::future(const TopicPartition& partition, TimestampMs now) {
  MutexLock opening(opening_of(partition));
  Future known;
  {
    MutexLock lock(mutex_);
    const auto found = futures_.find(partition);
    if (found == futures_.end()) return std::shared_ptr<Log>();
    known = found->second;
  }
  if (!known.directory->directory->is_online() || known.log) return known.log;
  auto opened = open_log(partition, *known.directory, known.name,
                         known.needs_recovery ? Opening::unclean : Opening::clean, std::nullopt, now);
  if (!opened) return opened;
  MutexLock lock(mutex_);
  Future& future = futures_[partition];
  future.log = *opened;
  future.needs_recovery = false;
  return opened;
}

bool LogManager::has_future(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  return futures_.contains(partition);
}

std::vector<TopicPartition> LogManager::partitions_with_future() const {
  MutexLock lock(mutex_);
  std::vector<TopicPartition> all;
  for (const auto& [partition, future] : futures_) all.push_back(partition);
  return all;
}

std::vector<std::shared_ptr<Log>> LogManager::open_logs_and_futures() const {
  std::vector<std::shared_ptr<Log>> logs = open_logs();
  MutexLock lock(mutex_);
  for (const auto& [partition, future] : futures_) {
    if (future.log && future.directory->directory->is_online()) logs.push_back(future.log);
  }
  return logs;
}

std::optional<LogPlace> LogManager::place_of_future(const TopicPartition& partition) {
  Future known;
  {
    MutexLock lock(mutex_);
    const auto found = futures_.find(partition);
    if (found == futures_.end() || !found->second.directory->directory->is_online()) return std::nullopt;
    known = found->second;
  }
  LogPlace place{.log_dir = known.directory->directory->path(), .open = known.log};
  if (known.log) {
    place.size = known.log->size();
  } else if (const auto idle = look_at_idle_log(known.directory->file_system(), known.directory->file(known.name))) {
    place.size = idle->size();
  }
  return place;
}

Result<void> LogManager::delete_future(const TopicPartition& partition, TimestampMs now) {
  MutexLock opening(opening_of(partition));
  Future known;
  {
    MutexLock lock(mutex_);
    const auto found = futures_.find(partition);
    if (found == futures_.end()) return {};
    known = found->second;
  }
  const std::string path = unused_name_for_deleted(*known.directory, partition, now, false);
  auto renamed = rename_deleted(*known.directory, known.name, known.log, path);
  if (!renamed && known.directory->directory->is_online()) return renamed;
  {
    MutexLock lock(mutex_);
    futures_.erase(partition);
    forget_checkpoints(*known.directory, partition);
  }
  if (!renamed) return {};  // it lies on an offline directory
  spdlog::info("The move of {} to {} is given up.", partition.text(), known.directory->directory->path());
  delete_later(*known.directory, path, known.log, now);
  return {};
}

void LogManager::forget_future(const TopicPartition& partition) {
  MutexLock opening(opening_of(partition));
  MutexLock lock(mutex_);
  const auto found = futures_.find(partition);
  if (found == futures_.end()) return;
  --found->second.directory->logs;
  futures_.erase(found);
}

// ---- Taking the current log's place

// Afterwards little is left to be synced, and the checkpoints of the new directory know where the log starts.
Result<void> LogManager::prepare_replacement(const TopicPartition& partition, TimestampMs now) {
  Future known;
  const Directory* from = nullptr;
  {
    MutexLock lock(mutex_);
    const auto found = futures_.find(partition);
    const auto current = entries_.find(partition);
    if (found == futures_.end() || current == entries_.end()) return fail(ErrorCode::kafka_storage_error);
    known = found->second;
    from = current->second.directory;
  }
  if (!known.log) return fail(ErrorCode::kafka_storage_error);
  if (auto flushed = known.log->flush(now); !flushed) return flushed;
  if (!write_recovery_points(*known.directory) || !write_log_start_offsets(*known.directory) ||
      !write_high_watermarks(*known.directory)) {
    return fail(ErrorCode::kafka_storage_error, "The checkpoints can't be written.");
  }
  const FailureReport report(*known.directory->directory);
  // Whoever gives the move up renames the future log's directory.
  MutexLock opening(opening_of(partition));
  {
    MutexLock lock(mutex_);
    const auto found = futures_.find(partition);
    if (found == futures_.end() || found->second.log != known.log) return fail(ErrorCode::kafka_storage_error);
  }
  const TimestampMs time = std::max(now, replacement_time(from->file_system(), from->file(partition.text())) + 1);
  if (auto marked = mark_replacement(known.directory->file_system(), known.log->path(), time); !marked) {
    return std::unexpected(known.directory->directory->failed(marked.error()));
  }
  return {};
}

Result<bool> LogManager::replace_with_future(const TopicPartition& partition, TimestampMs now) {
  Entry current;
  Future future;
  {
    MutexLock lock(mutex_);
    const auto found_current = entries_.find(partition);
    const auto found_future = futures_.find(partition);
    if (found_current == entries_.end() || found_future == futures_.end()) return false;
    current = found_current->second;
    future = found_future->second;
  }
  if (!current.log || !future.log) return false;
  Directory &from = *current.directory, &to = *future.directory;
  const FailureReport report(*to.directory);
  const FailureReport report_former(*from.directory);
  MutexLock opening(opening_of(partition));
  const Log::Bookkeeping known = current.log->bookkeeping();
  if (known.log_end_offset != future.log->log_end_offset()) return false;
  if (auto adopted = future.log->adopt(known); !adopted) return std::unexpected(adopted.error());
  // What was synced must stay so.
  if (future.log->recovery_point() < current.log->recovery_point()) {
    if (auto flushed = future.log->flush(now); !flushed) return std::unexpected(flushed.error());
  }
  if (auto renamed = give_name(partition, *current.log, to, *future.log); !renamed) {
    return std::unexpected(renamed.error());
  }
  {
    MutexLock lock(mutex_);
    futures_.erase(partition);
    entries_[partition] = {.directory = &to, .log = future.log};
    formers_[partition] = {.directory = &from, .log = current.log};
    forget_checkpoints(from, partition);
  }
  move_clean_offset(partition, from, to);
  spdlog::info("{} lies in {} now, no longer in {}.", partition.text(), to.directory->path(), from.directory->path());
  if (const auto retired = retire_former(partition, now); !retired) {
    spdlog::error("The former log of {} can't be renamed for its deletion: {}", partition.text(),
                  retired.error().text());
    retire_later(partition, from, now);
  }
  return true;
}

// The future log's directory gets the partition's name.
Result<void> LogManager::give_name(const TopicPartition& partition, const Log& current, Directory& to, Log& future) {
  const TimestampMs marked = replacement_time(to.file_system(), future.path());
  if (auto moved = future.move_directory(to.file(partition.text())); !moved) return moved;
  if (auto synced = to.file_system().sync_directory(to.directory->path()); !synced) {
    // Nobody knows under which name the disk has it, should it ever be read again. The current log counts.
    (void)mark_replacement(current.directory().file_system(), current.path(), marked + 1);
    return std::unexpected(to.directory->failed(std::move(synced).error().of_sync()));
  }
  return {};
}

// ---- The log whose place was taken

// Gives its name up. Until that is done, nothing else may lie there.
Result<void> LogManager::retire_former(const TopicPartition& partition, TimestampMs now) {
  Former former;
  {
    MutexLock lock(mutex_);
    const auto found = formers_.find(partition);
    if (found == formers_.end()) return {};
    former = found->second;
  }
  const std::string path = unused_name_for_deleted(*former.directory, partition, now, false);
  if (auto retired = former.log->retire(path); !retired) return retired;
  {
    MutexLock lock(mutex_);
    formers_.erase(partition);
  }
  delete_later(*former.directory, path, former.log, now);
  return {};
}

// For a disk that goes on, a full one say. On one that is offline it stays, and the next start finds two logs, of which
// the mark says which one counts.
void LogManager::retire_later(const TopicPartition& partition, Directory& directory, TimestampMs now) {
  constexpr std::int64_t retry_after_ms = 10'000;
  const TimestampMs due = now + retry_after_ms;
  directory.directory->delete_later(due, [this, partition, &directory, due]() -> Io<void> {
    std::shared_ptr<Log> former;
    {
      MutexLock opening(opening_of(partition));
      {
        MutexLock lock(mutex_);
        const auto found = formers_.find(partition);
        if (found == formers_.end() || found->second.directory != &directory) return {};
        former = found->second.log;
      }
      if (const auto retired = retire_former(partition, due); !retired) {
        retire_later(partition, directory, due);
        return {};
      }
    }
    finish_replacement(*former);
    return {};
  });
}

void LogManager::move_clean_offset(const TopicPartition& partition, Directory& from, Directory& to) {
  std::optional<Offset> clean;
  {
    MutexLock lock(from.checkpoint_mutex);
    const auto found = from.clean_offsets.find(partition);
    if (found == from.clean_offsets.end()) return;
    clean = found->second;
    from.clean_offsets.erase(found);
  }
  MutexLock lock(to.checkpoint_mutex);
  to.clean_offsets[partition] = *clean;
}

void LogManager::finish_replacement(const Log& replaced) {
  const TopicPartition& partition = replaced.partition();
  Directory* from = find_directory(replaced.directory().path());
  const std::shared_ptr<Log> current = [&]() -> std::shared_ptr<Log> {
    MutexLock lock(mutex_);
    const auto found = entries_.find(partition);
    return found == entries_.end() ? nullptr : found->second.log;
  }();
  if (from == nullptr || !current) return;
  Directory* to = find_directory(current->directory().path());
  if (to != nullptr) write_clean_offsets(*to);
  forget_deleted(*from);
  // As long as the former log may be found under its name, the mark is needed; so is one that the former log needed.
  const FailureReport report(*from->directory);
  if (!from->directory->is_online() || from->file_system().exists(from->file(partition.text()))) return;
  if (replacement_time(from->file_system(), replaced.path()) >= 0) return;
  if (auto synced = from->file_system().sync_directory(from->directory->path()); !synced) {
    (void)from->directory->failed(std::move(synced).error().of_sync());
    return;
  }
  (void)current->directory().file_system().remove(replacement_mark(current->path()));
}

// ---- The start

void LogManager::add_future(const TopicPartition& partition, Directory& directory, const std::string& name) {
  MutexLock lock(mutex_);
  const auto [future, added] = futures_.try_emplace(
      partition, Future{.directory = &directory, .name = name, .log = nullptr, .needs_recovery = !directory.was_clean});
  if (added) {
    ++directory.logs;
    return;
  }
  spdlog::warn("Leaving {} alone: {} moves to {} already.", directory.file(name), partition.text(),
               future->second.directory->directory->path());
}

bool LogManager::is_future_in(const TopicPartition& partition, const Directory& directory) const {
  const auto found = futures_.find(partition);
  return found != futures_.end() && found->second.directory == &directory;
}

bool LogManager::has_futures(const Directory& directory) const {
  MutexLock lock(mutex_);
  return std::ranges::any_of(futures_, [&](const auto& item) { return item.second.directory == &directory; });
}

void LogManager::recover_futures(Directory& directory, TimestampMs now) {
  for (const TopicPartition& partition : partitions_with_future()) {
    {
      MutexLock lock(mutex_);
      if (!is_future_in(partition, directory)) continue;
    }
    if (!directory.directory->is_online() || options_.stop.stop_requested()) return;
    if (const auto recovered = future(partition, now); !recovered) {
      spdlog::error("The future log of {} can't be recovered: {}", partition.text(), recovered.error().text());
    }
  }
}

// Two logs of one partition: the one that has taken the other's place counts. The other is put aside, not deleted:
// since its directory was left out for a while it may have got records that nobody else has.
Result<void> LogManager::keep_one(const TopicPartition& partition, Directory& first, Directory& second,
                                  TimestampMs now) {
  const auto time_of = [&](const Directory& directory) {
    return replacement_time(directory.file_system(), directory.file(partition.text()));
  };
  const TimestampMs first_time = time_of(first), second_time = time_of(second);
  if (first_time == second_time) {
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("There are two logs of {}: {} and one in {}. Move one of them away.", partition.text(),
                            second.file(partition.text()), first.directory->path()));
  }
  Directory& kept = first_time > second_time ? first : second;
  Directory& other = first_time > second_time ? second : first;
  {
    MutexLock lock(mutex_);
    entries_[partition] = Entry{.directory = &kept, .log = nullptr, .needs_recovery = !kept.was_clean};
    forget_checkpoints(other, partition);
  }
  const std::string path = unused_name_for_deleted(other, partition, now, true);
  const FailureReport report(*other.directory);
  if (auto renamed = other.file_system().rename(other.file(partition.text()), path); !renamed) {
    (void)other.directory->failed(renamed.error());
    return {};
  }
  spdlog::warn("{} had been moved to {}; what was left of it in {} is {} now, which nobody needs any more.",
               partition.text(), kept.directory->path(), other.directory->path(), path);
  return {};
}

// A mark that a crash left would also count against a log that is made while this directory is left out of log.dirs.
void LogManager::forget_replacements() {
  if (online_directories().size() < directories_.size()) return;
  std::vector<std::pair<Directory*, std::string>> marks;
  {
    MutexLock lock(mutex_);
    for (const auto& [partition, entry] : entries_) {
      marks.emplace_back(entry.directory, replacement_mark(entry.directory->file(partition.text())));
    }
  }
  std::erase_if(marks, [](const auto& mark) { return !mark.first->file_system().exists(mark.second); });
  if (marks.empty()) return;
  // That there is no other log must be on the disk first.
  for (const auto& directory : directories_) {
    const FailureReport report(*directory->directory);
    if (auto synced = directory->file_system().sync_directory(directory->directory->path()); !synced) {
      (void)directory->directory->failed(std::move(synced).error().of_sync());
      return;
    }
  }
  for (const auto& [directory, mark] : marks) (void)directory->file_system().remove(mark);
}

}  // namespace storage
