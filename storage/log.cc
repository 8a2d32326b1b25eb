#include "storage/log.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "storage/leader_epoch_cache.h"
#include "storage/log_directory.h"
#include "storage/log_loader.h"
#include "storage/partition_files.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

namespace storage {

using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

Log::Log(LogOpenOptions& options, std::shared_ptr<PartitionPath> path, TimestampMs now)
    : partition_(std::move(options.partition)),
      name_(partition_.text()),
      directory_(*options.directory),
      verify_transactions_(options.verify_transactions),
      path_(std::move(path)),
      config_(std::move(options.config)),
      topic_id_(options.topic_id),
      last_flush_ms_(now) {}

Log::~Log() = default;

Result<std::shared_ptr<Log>> Log::open(LogOpenOptions options, TimestampMs now) {
  LogDirectory& directory = *options.directory;
  const FailureReport report(directory);
  if (auto online = directory.check_online(); !online) return std::unexpected(online.error());
  FileSystem& file_system = directory.file_system();
  const auto is_new = file_system.create_directory(options.path);
  if (!is_new) return std::unexpected(directory.failed(is_new.error()));
  options.is_new = *is_new && options.log_start_offset == 0;
  const auto stored_id =
      *is_new ? Io<std::optional<Uuid>>(std::nullopt) : read_partition_metadata(file_system, options.path);
  if (!stored_id) return std::unexpected(directory.failed(stored_id.error()));
  if (*stored_id && options.topic_id && **stored_id != *options.topic_id) {
    return fail(ErrorCode::inconsistent_topic_id,
                fmt::format("The log of {} belongs to topic id {}, not {}.", options.partition.text(),
                            (*stored_id)->to_string(), options.topic_id->to_string()));
  }
  auto path = std::make_shared<PartitionPath>(options.path);
  auto loaded = LogLoader(options, path, now).load();
  if (!loaded) return std::unexpected(directory.failed(loaded.error()));

  const std::optional<Uuid> new_id = *stored_id ? std::nullopt : options.topic_id;
  options.topic_id = *stored_id;
  std::shared_ptr<Log> log(new Log(options, std::move(path), now));
  {
    MutexLock lock(log->mutex_);
    log->take_over(std::move(*loaded));
    log->path_is_unsynced_ = *is_new;
  }
  if (new_id) {
    if (auto set = log->set_topic_id(*new_id); !set) return std::unexpected(set.error());
  }
  return log;
}

void Log::take_over(LoadedLog&& loaded) {
  segments_ = std::move(loaded.segments);
  epochs_ = std::move(loaded.epochs);
  producers_ = std::move(loaded.producers);
  log_start_ = loaded.log_start_offset;
  recovery_point_ = std::max(loaded.recovery_point, log_start_);
  rolled_up_to_ = segments_.back()->base_offset();
  log_end_ = {loaded.log_end_offset, rolled_up_to_, segments_.back()->size()};
  high_watermark_ = {.offset = log_start_};
  refresh_first_unstable_offset();
  note_unsynced();
}

Result<void> Log::check_usable() const {
  if (closed_ || closing_) return fail(ErrorCode::kafka_storage_error, fmt::format("The log of {} is closed.", name_));
  return directory_.check_online();
}

protocol::Error Log::failed(const IoError& error) const { return directory_.failed(error); }

std::string Log::path() const { return path_->text(); }

std::shared_ptr<const LogConfig> Log::config() const {
  MutexLock lock(mutex_);
  return config_;
}

void Log::set_config(std::shared_ptr<const LogConfig> config) {
  MutexLock lock(mutex_);
  config_ = std::move(config);
  note_unsynced();
}

std::optional<Uuid> Log::topic_id() const {
  MutexLock lock(mutex_);
  return topic_id_;
}

Result<void> Log::set_topic_id(Uuid id) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (topic_id_ == id) return {};
  if (topic_id_) {
    return fail(ErrorCode::inconsistent_topic_id, fmt::format("The log of {} belongs to topic id {}, not {}.", name_,
                                                              topic_id_->to_string(), id.to_string()));
  }
  if (auto usable = check_usable(); !usable) return usable;
  const std::string path = path_->text();
  if (auto written = write_partition_metadata(directory_.file_system(), path, id); !written) {
    return std::unexpected(failed(written.error()));
  }
  unsynced_files_.push_back(fmt::format("{}/{}", path, partition_metadata_file));
  topic_id_ = id;
  return {};
}

// ---- Offsets

Offset Log::log_start_offset() const {
  MutexLock lock(mutex_);
  return log_start_;
}

Offset Log::log_end_offset() const {
  MutexLock lock(mutex_);
  return log_end_.offset;
}

Offset Log::high_watermark() const {
  MutexLock lock(mutex_);
  return high_watermark_.offset;
}

Offset Log::last_stable_offset() const {
  MutexLock lock(mutex_);
  return last_stable_locked();
}

Offset Log::last_stable_locked() const {
  return first_unstable_ ? std::min(*first_unstable_, high_watermark_.offset) : high_watermark_.offset;
}

Offset Log::recovery_point() const {
  MutexLock lock(mutex_);
  return recovery_point_;
}

OffsetMetadata Log::log_end_offset_metadata() const {
  MutexLock lock(mutex_);
  return log_end_;
}

OffsetSnapshot Log::offsets() const {
  MutexLock lock(mutex_);
  return {.log_start_offset = log_start_,
          .log_end_offset = log_end_,
          .high_watermark = high_watermark_,
          .last_stable_offset = {.offset = last_stable_locked()}};
}

void Log::move_log_end(Offset end) {
  log_end_ = {end, segments_.back()->base_offset(), segments_.back()->size()};
  recovery_point_ = std::min(recovery_point_, end);
  note_unsynced();
}

// What a compaction or a sync under way knows of the log is void from here on.
void Log::note_truncation(Offset end) {
  ++truncations_;
  lowest_truncation_ = std::min(lowest_truncation_.value_or(end), end);
}

void Log::set_high_watermark(const OffsetMetadata& offset) {
  if (offset.offset < high_watermark_.offset) {
    spdlog::info("The high watermark of {} goes back from {} to {}.", name_, high_watermark_.offset, offset.offset);
  }
  high_watermark_ = offset;
  producers_->on_high_watermark(offset.offset);
  refresh_first_unstable_offset();
}

void Log::refresh_first_unstable_offset() {
  first_unstable_ = producers_->first_unstable_offset();
  if (first_unstable_) first_unstable_ = std::max(*first_unstable_, log_start_);
}

Offset Log::update_high_watermark(Offset offset) {
  MutexLock lock(mutex_);
  if (offset >= log_end_.offset) {
    set_high_watermark(log_end_);
  } else {
    set_high_watermark({.offset = std::max(offset, log_start_)});
  }
  return high_watermark_.offset;
}

std::optional<Offset> Log::maybe_increment_high_watermark(const OffsetMetadata& offset) {
  MutexLock lock(mutex_);
  const OffsetMetadata bounded = offset.offset >= log_end_.offset ? log_end_ : offset;
  const OffsetMetadata old = high_watermark_;
  if (old.offset > bounded.offset || (old.offset == bounded.offset && !old.on_older_segment_than(bounded))) {
    return std::nullopt;
  }
  set_high_watermark(bounded);
  return old.offset;
}

std::optional<Offset> Log::maybe_update_high_watermark(Offset offset) {
  MutexLock lock(mutex_);
  const Offset old = high_watermark_.offset;
  if (offset >= log_end_.offset) {
    set_high_watermark(log_end_);
  } else if (std::max(offset, log_start_) != old) {
    set_high_watermark({.offset = std::max(offset, log_start_)});
  }
  return high_watermark_.offset == old ? std::nullopt : std::optional(high_watermark_.offset);
}

// ---- Leader epochs

Result<void> Log::assign_epoch_start_offset(LeaderEpoch epoch, Offset start_offset) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return usable;
  // Ten thousand new partitions would write ten thousand files that say nothing yet: nobody truncates an empty log.
  const auto writing =
      log_end_.offset == 0 ? LeaderEpochCache::Writing::with_the_next_change : LeaderEpochCache::Writing::now;
  if (auto assigned = epochs_->assign(epoch, start_offset, writing); !assigned) {
    return std::unexpected(failed(assigned.error()));
  }
  return {};
}

std::optional<LeaderEpoch> Log::latest_epoch() const {
  MutexLock lock(mutex_);
  const auto latest = epochs_->latest();
  return latest ? std::optional(latest->epoch) : std::nullopt;
}

std::optional<LeaderEpoch> Log::epoch_for_offset(Offset offset) const {
  MutexLock lock(mutex_);
  return epochs_->epoch_for(offset);
}

std::optional<OffsetAndEpoch> Log::end_offset_for_epoch(LeaderEpoch epoch) const {
  MutexLock lock(mutex_);
  return epochs_->end_offset_for(epoch, log_end_.offset);
}

// ---- Producers

std::vector<ProducerSummary> Log::active_producers() const {
  MutexLock lock(mutex_);
  std::vector<ProducerSummary> summaries;
  summaries.reserve(producers_->producers().size());
  for (const auto& [id, entry] : producers_->producers()) {
    summaries.push_back({.producer_id = id,
                         .producer_epoch = entry.epoch,
                         .last_sequence = entry.last_sequence(),
                         .last_timestamp = entry.last_timestamp,
                         .coordinator_epoch = entry.coordinator_epoch,
                         .current_txn_start_offset = entry.open_transaction_start});
  }
  return summaries;
}

void Log::remove_expired_producers(TimestampMs now) {
  MutexLock lock(mutex_);
  producers_->remove_expired(now);
}

VerificationGuard Log::start_transaction_verification(ProducerId producer, std::int32_t sequence, ProducerEpoch epoch,
                                                      TimestampMs now) {
  MutexLock lock(mutex_);
  const ProducerEntry* known = producers_->find(producer);
  if (known != nullptr && known->has_open_transaction()) return no_verification_guard;
  return producers_->start_verification(producer, sequence, epoch, now);
}

bool Log::has_open_transaction(ProducerId producer) const {
  MutexLock lock(mutex_);
  const ProducerEntry* known = producers_->find(producer);
  return known != nullptr && known->has_open_transaction();
}

std::optional<Offset> Log::first_undecided_offset() const {
  MutexLock lock(mutex_);
  return producers_->first_undecided_offset();
}

std::vector<Log::LastRecord> Log::last_records_of_producers() const {
  MutexLock lock(mutex_);
  std::vector<LastRecord> records;
  records.reserve(producers_->producers().size());
  for (const auto& [id, entry] : producers_->producers()) {
    records.push_back({.producer_id = id, .last_data_offset = entry.last_data_offset(), .epoch = entry.epoch});
  }
  return records;
}

// ---- Segments

std::int64_t Log::size() const {
  MutexLock lock(mutex_);
  return size_locked();
}

std::int64_t Log::size_locked() const {
  std::int64_t total = 0;
  for (const auto& segment : segments_) total += segment->size();
  return total;
}

std::size_t Log::segment_count() const {
  MutexLock lock(mutex_);
  return segments_.size();
}

bool Log::starts_within_first_segment() const {
  MutexLock lock(mutex_);
  return log_start_ > segments_.front()->base_offset();
}

std::vector<std::shared_ptr<Segment>> Log::segments() const {
  MutexLock lock(mutex_);
  return segments_;
}

}  // namespace storage
