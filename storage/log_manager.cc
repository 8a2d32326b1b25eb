#include "storage/log_manager.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <utility>

#include "storage/log_manager_directory.h"
#include "storage/open_files.h"
#include "storage/partition_files.h"

namespace storage {

using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

namespace {

// Half of what the process may open is left to connections and the rest. A log in use takes one file, a file that has
// to be opened again some microseconds; beyond a few thousand it is idle logs that hold most of them.
std::size_t default_open_files() {
  constexpr rlim_t most = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 512;
  return static_cast<std::size_t>(std::clamp<rlim_t>(limit.rlim_cur / 2, 64, most));
}

}  // namespace

LogManager::LogManager(LogManagerOptions options)
    : options_(std::move(options)), default_config_(std::make_shared<const LogConfig>(options_.default_config)) {
  FileSystem& file_system = options_.file_system != nullptr ? *options_.file_system : real_file_system();
  files_ = std::make_unique<OpenFiles>(file_system,
                                       options_.max_open_files != 0 ? options_.max_open_files : default_open_files());
  for (const std::string& path : options_.log_dirs) {
    auto directory = std::make_unique<Directory>();
    directory->directory = std::make_unique<LogDirectory>(path, *files_, options_.on_directory_failure);
    directories_.push_back(std::move(directory));
  }
}

LogManager::~LogManager() {
  MutexLock lock(mutex_);
  futures_.clear();
  entries_.clear();  // before the directories that the logs point to
}

LogManager::Directory* LogManager::find_directory(const std::string& log_dir) const {
  const auto found = std::ranges::find_if(
      directories_, [&](const auto& directory) { return directory->directory->path() == log_dir; });
  return found == directories_.end() ? nullptr : found->get();
}

// ---- Logs

std::shared_ptr<const LogConfig> LogManager::config_of(const std::string& topic) const {
  if (options_.config_of_topic) return options_.config_of_topic(topic);
  MutexLock lock(mutex_);
  const auto found = topic_configs_.find(topic);
  return found == topic_configs_.end() ? default_config_ : found->second;
}

Result<std::shared_ptr<Log>> LogManager::open_log(const TopicPartition& partition, Directory& directory,
                                                  const std::string& name, Opening opening,
                                                  std::optional<Uuid> topic_id, TimestampMs now) {
  LogOpenOptions options{.partition = partition,
                         .path = directory.file(name),
                         .directory = directory.directory.get(),
                         .config = config_of(partition.topic),
                         .clean_shutdown = opening == Opening::clean,
                         .topic_id = topic_id,
                         .producer_id_expiration_ms = options_.producer_id_expiration_ms,
                         .verify_transactions = options_.verify_transactions,
                         .stop = options_.stop};
  Offset high_watermark = 0;
  if (opening != Opening::created) {
    MutexLock lock(mutex_);
    const auto value = [&](const PartitionOffsets& offsets) {
      const auto found = offsets.find(partition);
      return found == offsets.end() ? Offset{0} : std::max<Offset>(found->second, 0);
    };
    options.recovery_point = value(directory.recovery_points);
    options.log_start_offset = value(directory.log_start_offsets);
    high_watermark = value(directory.high_watermarks);
  }
  auto log = Log::open(std::move(options), now);
  // Retention looks at logs that no replica has opened yet, and removes nothing beyond the high watermark.
  if (log) (*log)->update_high_watermark(high_watermark);
  return log;
}

Result<std::shared_ptr<Log>> LogManager::log(const TopicPartition& partition, TimestampMs now) {
  Directory* directory = nullptr;
  bool is_clean = false;
  const auto look = [&]() -> std::shared_ptr<Log> {
    MutexLock lock(mutex_);
    const auto found = entries_.find(partition);
    directory = found == entries_.end() ? nullptr : found->second.directory;
    if (directory == nullptr) return nullptr;
    is_clean = !found->second.needs_recovery;
    return found->second.log;
  };
  std::shared_ptr<Log> open = look();
  if (directory == nullptr) return std::shared_ptr<Log>();
  if (auto online = directory->directory->check_online(); !online) return std::unexpected(online.error());
  if (open) return open;

  MutexLock opening(opening_of(partition));
  open = look();
  if (open || directory == nullptr) return open;
  auto opened = open_log(partition, *directory, is_clean ? Opening::clean : Opening::unclean, std::nullopt, now);
  if (!opened) return opened;
  MutexLock lock(mutex_);
  Entry& entry = entries_[partition];
  entry.log = *opened;
  entry.idle.reset();
  entry.needs_recovery = false;
  return opened;
}

Result<std::shared_ptr<Log>> LogManager::get_or_create(const TopicPartition& partition, std::optional<Uuid> topic_id,
                                                       TimestampMs now) {
  auto existing = log(partition, now);
  if (!existing) return existing;
  if (*existing) {
    if (topic_id) {
      if (auto set = (*existing)->set_topic_id(*topic_id); !set) return std::unexpected(set.error());
    }
    return existing;
  }
  MutexLock opening(opening_of(partition));
  Directory* directory = nullptr;
  bool had_another = false;
  {
    MutexLock lock(mutex_);
    if (const auto found = entries_.find(partition); found != entries_.end()) return found->second.log;
    directory = directory_for_new(partition);
    if (directory != nullptr) {
      had_another = directory->deleted.contains(partition);
      ++directory->logs;
    }
  }
  if (directory == nullptr) {
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("Can't create the log of {}: no log directory, or not the one it is to lie in, is online.",
                            partition.text()));
  }
  auto created = create_log(partition, *directory, had_another, topic_id, now);
  MutexLock lock(mutex_);
  if (created) {
    entries_[partition] = {.directory = directory, .log = *created};
    preferred_.erase(partition);
  } else {
    --directory->logs;
  }
  return created;
}

Result<std::shared_ptr<Log>> LogManager::create_log(const TopicPartition& partition, Directory& directory,
                                                    bool had_another, std::optional<Uuid> topic_id, TimestampMs now) {
  if (had_another && !forget_deleted(directory)) {
    return fail(ErrorCode::kafka_storage_error,
                fmt::format("Can't create the log of {}: the checkpoints in {} still tell of a deleted one.",
                            partition.text(), directory.directory->path()));
  }
  return open_log(partition, directory, Opening::created, topic_id, now);
}

LogManager::Directory* LogManager::directory_for_new(const TopicPartition& partition) const {
  const auto preferred = preferred_.find(partition);
  if (preferred == preferred_.end()) return emptiest_directory();
  Directory* directory = find_directory(preferred->second);
  return directory != nullptr && directory->directory->is_online() ? directory : nullptr;
}

LogManager::Directory* LogManager::emptiest_directory() const {
  Directory* best = nullptr;
  for (const auto& directory : directories_) {
    if (!directory->directory->is_online()) continue;
    if (best == nullptr || directory->logs < best->logs) best = directory.get();
  }
  return best;
}

bool LogManager::contains(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  return entries_.contains(partition);
}

bool LogManager::is_offline(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  const auto found = entries_.find(partition);
  return found != entries_.end() && !found->second.directory->directory->is_online();
}

std::vector<TopicPartition> LogManager::partitions() const {
  MutexLock lock(mutex_);
  std::vector<TopicPartition> all;
  all.reserve(entries_.size());
  for (const auto& [partition, entry] : entries_) all.push_back(partition);
  return all;
}

std::vector<TopicPartition> LogManager::partitions_of(const Directory& directory) const {
  MutexLock lock(mutex_);
  std::vector<TopicPartition> found;
  for (const auto& [partition, entry] : entries_) {
    if (entry.directory == &directory) found.push_back(partition);
  }
  return found;
}

std::vector<std::shared_ptr<Log>> LogManager::open_logs() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Log>> logs;
  for (const auto& [partition, entry] : entries_) {
    if (entry.log && entry.directory->directory->is_online()) logs.push_back(entry.log);
  }
  return logs;
}

std::vector<std::shared_ptr<Log>> LogManager::open_logs_of(const Directory& directory) const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Log>> logs;
  for (const auto& [partition, entry] : entries_) {
    if (entry.log && entry.directory == &directory) logs.push_back(entry.log);
  }
  for (const auto& [partition, future] : futures_) {
    if (future.log && future.directory == &directory) logs.push_back(future.log);
  }
  return logs;
}

void LogManager::update_topic_config(const std::string& topic, const std::shared_ptr<const LogConfig>& config) {
  std::vector<std::shared_ptr<Log>> logs;
  {
    MutexLock lock(mutex_);
    if (!options_.config_of_topic) topic_configs_[topic] = config;
    for (const auto& [partition, entry] : entries_) {
      if (partition.topic == topic && entry.log) logs.push_back(entry.log);
    }
    for (const auto& [partition, future] : futures_) {
      if (partition.topic == topic && future.log) logs.push_back(future.log);
    }
  }
  for (const auto& log : logs) log->set_config(config);
}

void LogManager::update_default_config(const LogConfig& config) {
  auto shared = std::make_shared<const LogConfig>(config);
  std::vector<std::shared_ptr<Log>> logs;
  {
    MutexLock lock(mutex_);
    default_config_ = shared;
    if (options_.config_of_topic) return;  // it knows which topics the change concerns: update_topic_config
    for (const auto& [partition, entry] : entries_) {
      if (entry.log && !topic_configs_.contains(partition.topic)) logs.push_back(entry.log);
    }
    for (const auto& [partition, future] : futures_) {
      if (future.log && !topic_configs_.contains(partition.topic)) logs.push_back(future.log);
    }
  }
  for (const auto& log : logs) log->set_config(shared);
}

Result<void> LogManager::truncate_to(const TopicPartition& partition, Offset offset, TimestampMs now) {
  const auto found = log(partition, now);
  if (!found) return std::unexpected(found.error());
  if (!*found) return {};
  const auto cut = (*found)->truncate_to(offset, now);
  if (!cut) return std::unexpected(cut.error());
  const auto clean = clean_offset((*found)->directory().path(), partition);
  if (clean && *clean > offset) set_clean_offset(**found, offset);
  return {};
}

std::optional<Offset> LogManager::checkpointed_high_watermark(const TopicPartition& partition) const {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(partition);
  if (entry == entries_.end()) return std::nullopt;
  const PartitionOffsets& offsets = entry->second.directory->high_watermarks;
  const auto found = offsets.find(partition);
  return found == offsets.end() ? std::nullopt : std::optional(found->second);
}

// ---- Directories

std::vector<LogDirStatus> LogManager::directories() const {
  std::vector<LogDirStatus> all;
  for (const auto& directory : directories_) {
    LogDirStatus status{.path = directory->directory->path(), .online = directory->directory->is_online()};
    {
      MutexLock lock(mutex_);
      status.logs = directory->logs;
    }
    struct statvfs volume{};
    if (status.online && ::statvfs(status.path.c_str(), &volume) == 0) {
      status.total_bytes = static_cast<std::int64_t>(volume.f_blocks * volume.f_frsize);
      status.usable_bytes = static_cast<std::int64_t>(volume.f_bavail * volume.f_frsize);
    }
    all.push_back(std::move(status));
  }
  return all;
}

std::vector<std::string> LogManager::online_directories() const {
  std::vector<std::string> online;
  for (const auto& directory : directories_) {
    if (directory->directory->is_online()) online.push_back(directory->directory->path());
  }
  return online;
}

void LogManager::fail_directory(const std::string& log_dir, const std::string& reason) {
  if (Directory* directory = find_directory(log_dir)) {
    directory->directory->take_offline(reason);
    directory->directory->report_failure();
  }
}

}  // namespace storage
