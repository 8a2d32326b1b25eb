// The upkeep half of Log: truncation, retention, flushing, closing.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "storage/leader_epoch_cache.h"
#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/log_loader.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

namespace storage {

using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

// ---- Truncation

Result<bool> Log::truncate_to(Offset offset, TimestampMs now) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return std::unexpected(usable.error());
  if (offset < 0) return fail(ErrorCode::offset_out_of_range, fmt::format("Cannot truncate {} to {}.", name_, offset));
  if (offset >= log_end_.offset) {
    if (auto cut = epochs_->truncate_from_end(log_end_.offset); !cut) return std::unexpected(failed(cut.error()));
    return false;
  }
  spdlog::info("Truncating {} from offset {} to {}.", name_, log_end_.offset, offset);
  if (segments_.front()->base_offset() > offset) {
    if (auto cut = truncate_fully_locked(offset, now, offset); !cut) return std::unexpected(cut.error());
    return true;
  }
  const std::size_t segments = segments_.size();
  if (auto deleted = delete_newest(floor_index(offset) + 1, now); !deleted) {
    if (segments_.size() == segments) return std::unexpected(failed(deleted.error()));
    return std::unexpected(failed_halfway(deleted.error()));
  }
  const auto cut = segments_.back()->truncate_to(offset, now);
  if (!cut) return std::unexpected(failed_halfway(cut.error()));
  rolled_up_to_ = segments_.back()->base_offset();
  move_log_end(offset);
  note_truncation(offset);
  if (auto done = epochs_->truncate_from_end(offset); !done) return std::unexpected(failed_halfway(done.error()));
  log_start_ = std::min(log_start_, offset);
  if (auto rebuilt = rebuild_producers(offset, now); !rebuilt) return std::unexpected(rebuilt.error());
  if (high_watermark_.offset >= offset) {
    set_high_watermark(log_end_);
  } else {
    high_watermark_ = {.offset = high_watermark_.offset};  // its position may be that of a deleted segment
  }
  return true;
}

Result<void> Log::truncate_fully_and_start_at(Offset offset, TimestampMs now, std::optional<Offset> log_start_offset) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return usable;
  return truncate_fully_locked(offset, now, log_start_offset.value_or(offset));
}

Result<void> Log::truncate_fully_locked(Offset offset, TimestampMs now, Offset log_start) {
  spdlog::info("Deleting everything in {}; it starts anew at offset {}.", name_, offset);
  const std::vector<std::shared_ptr<Segment>> all = segments_;
  if (auto deleted = delete_newest(0, now); !deleted) {
    if (segments_.size() == all.size()) return std::unexpected(failed(deleted.error()));
    return std::unexpected(failed_halfway(deleted.error()));
  }
  auto created =
      Segment::create(directory_.files(), path_, offset, *config_, now, roll_jitter_ms(*config_, partition_, offset));
  if (!created) {
    segments_ = all;  // offline as it is, the log is still asked for its size and the like
    return std::unexpected(failed_halfway(created.error()));
  }
  segments_.push_back(std::move(*created));
  rolled_up_to_ = offset;
  move_log_end(offset);
  note_truncation(offset);
  if (auto cleared = epochs_->clear(); !cleared) return std::unexpected(failed_halfway(cleared.error()));
  if (auto cleared = producers_->truncate_fully_and_start_at(offset); !cleared) {
    return std::unexpected(failed_halfway(cleared.error()));
  }
  log_start_ = log_start;
  recovery_point_ = std::min(recovery_point_, offset);
  if (auto rebuilt = rebuild_producers(offset, now); !rebuilt) return rebuilt;
  set_high_watermark(log_end_);
  return {};
}

Result<void> Log::rebuild_producers(Offset end, TimestampMs now) {
  if (auto rebuilt = rebuild_producer_state(*producers_, segments_, log_start_, end, false, now); !rebuilt) {
    return std::unexpected(failed_halfway(rebuilt.error()));
  }
  refresh_first_unstable_offset();
  return {};
}

// After the first change of a truncation its failure leaves neither the old log nor the new one; the next start finds
// out what there is.
protocol::Error Log::failed_halfway(const IoError& error) {
  directory_.take_offline(error.text());
  return failed(error);
}

// Deletes from the newest segment on, so that a crash in between leaves a log without holes. A segment whose files
// can't be renamed stays, as do those before it.
Io<void> Log::delete_newest(std::size_t keep, TimestampMs now) {
  while (segments_.size() > keep) {
    BARNABAS_IO_TRY(delete_files_later(segments_.back(), now));
    segments_.pop_back();
  }
  return {};
}

// ---- Deletion

// The files get the suffix .deleted now and vanish later. A failure changes nothing.
Io<void> Log::delete_files_later(const std::shared_ptr<Segment>& segment, TimestampMs now) {
  BARNABAS_IO_TRY(segment->change_suffix(Segment::deleted_suffix));
  directory_.delete_later(now + config_->file_delete_delay_ms, [segment] { return segment->remove_files(); });
  delete_snapshot_later(segment->base_offset(), now);
  return {};
}

// A snapshot that stays behind is deleted at the next start.
void Log::delete_snapshot_later(Offset offset, TimestampMs now) {
  const auto marked = producers_->mark_snapshot_deleted(offset);
  if (!marked) {
    (void)failed(marked.error());
  } else if (*marked) {
    directory_.delete_later(now + config_->file_delete_delay_ms,
                            [&files = directory_.file_system(), path = **marked] { return files.remove(path); });
  }
}

void Log::raise_log_start(Offset offset) {
  log_start_ = offset;
  if (high_watermark_.offset < offset) set_high_watermark({.offset = offset});
  recovery_point_ = std::max(recovery_point_, offset);
}

Result<bool> Log::increment_log_start_offset(Offset offset) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return std::unexpected(usable.error());
  if (offset > high_watermark_.offset) {
    return fail(ErrorCode::offset_out_of_range,
                fmt::format("Cannot increment the log start offset to {} of partition {} since it is larger than the "
                            "high watermark {}",
                            offset, name_, high_watermark_.offset));
  }
  if (offset <= log_start_) return false;
  raise_log_start(offset);
  if (auto cut = epochs_->truncate_from_start(offset); !cut) return std::unexpected(failed(cut.error()));
  producers_->on_log_start_offset(offset);
  refresh_first_unstable_offset();
  return true;
}

namespace {

Result<int> add(const Result<int>& a, const Result<int>& b) {
  if (!a) return a;
  if (!b) return b;
  return *a + *b;
}

}  // namespace

Result<int> Log::delete_old_segments(TimestampMs now) {
  const FailureReport report(directory_);
  const auto expired = find_expired(now);
  if (!expired && !expired.error().is_passing()) return std::unexpected(failed(expired.error()));
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return std::unexpected(usable.error());
  Result<int> total = delete_oldest(by_start_offset(), now);
  if (!config_->cleanup_delete) return total;
  if (total) total = add(total, delete_oldest(by_size(), now));
  if (total && expired) total = add(total, delete_oldest(by_time(*expired, now), now));
  return total;
}

// The oldest segments that are older than retention.ms. Their indexes may have to be read, which takes no lock of the
// log.
Io<Log::Segments> Log::find_expired(TimestampMs now) const {
  Segments all, expired;
  std::int64_t retention_ms = -1;
  {
    MutexLock lock(mutex_);
    if (!check_usable() || !config_->cleanup_delete) return expired;
    retention_ms = config_->retention_ms;
    if (retention_ms >= 0) all = segments_;
  }
  for (const auto& segment : all) {
    const auto largest = segment->largest_timestamp();
    if (!largest) return std::unexpected(largest.error());
    if (now - *largest <= retention_ms) break;
    expired.push_back(segment);
  }
  return expired;
}

// Each of these says, from the oldest segment on, which may go.
std::vector<bool> Log::by_start_offset() const {
  std::vector<bool> wanted;
  for (std::size_t next = 1; next < segments_.size(); ++next) {
    wanted.push_back(segments_[next]->base_offset() <= log_start_);
  }
  return wanted;
}

std::vector<bool> Log::by_size() const {
  std::vector<bool> wanted;
  if (config_->retention_bytes < 0) return wanted;
  std::int64_t excess = size_locked() - config_->retention_bytes;
  for (const auto& segment : segments_) {
    if (excess < segment->size()) break;
    excess -= segment->size();
    wanted.push_back(true);
  }
  return wanted;
}

std::vector<bool> Log::by_time(const Segments& expired, TimestampMs now) const {
  std::vector<bool> wanted;
  if (config_->retention_ms < 0) return wanted;
  for (const auto& segment : segments_) {
    if (std::ranges::find(expired, segment) == expired.end()) break;
    // Records may have come since; that is known without the disk.
    const auto largest = segment->largest_timestamp();
    if (!largest || now - *largest <= config_->retention_ms) break;
    wanted.push_back(true);
  }
  return wanted;
}

// Deletes the leading segments that are wanted gone, as far as they lie below the high watermark.
Result<int> Log::delete_oldest(const std::vector<bool>& wanted, TimestampMs now) {
  std::size_t count = 0;
  while (count < wanted.size() && count < segments_.size() && wanted[count]) {
    const bool is_last = count + 1 == segments_.size();
    const Offset end = is_last ? log_end_.offset : segments_[count + 1]->base_offset();
    if (high_watermark_.offset < end || (is_last && segments_[count]->size() == 0)) break;
    ++count;
  }
  if (count == 0) return 0;
  if (count == segments_.size()) {
    if (auto rolled = roll_locked(log_end_.offset, now); !rolled) return std::unexpected(rolled.error());
  }
  spdlog::info("Deleting {} segments of {}, up to offset {}.", count, name_, segments_[count]->base_offset());
  Io<void> deleted;
  std::size_t gone = 0;
  while (gone < count && (deleted = delete_files_later(segments_[gone], now))) ++gone;
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(gone));
  const Offset new_start = segments_.front()->base_offset();
  if (new_start > log_start_) {
    raise_log_start(new_start);
    if (auto cut = epochs_->truncate_from_start(new_start); !cut) return std::unexpected(failed(cut.error()));
    producers_->on_log_start_offset(new_start);
    refresh_first_unstable_offset();
  }
  if (!deleted) return std::unexpected(failed(deleted.error()));
  return static_cast<int>(count);
}

// ---- Flushing and closing

Result<void> Log::flush(TimestampMs now) {
  const FailureReport report(directory_);
  return sync(Sync::all, now);
}

Result<void> Log::flush_if_due(TimestampMs now) {
  const FailureReport report(directory_);
  Sync what = Sync::all;
  {
    MutexLock lock(mutex_);
    if (closed_ || !directory_.is_online()) return {};
    const bool rolled = recovery_point_ < rolled_up_to_;
    const bool late = recovery_point_ < log_end_.offset && config_->flush_ms != LogConfig::unlimited &&
                      now - last_flush_ms_ >= config_->flush_ms;
    if (!rolled && !late) return {};
    if (!late) what = Sync::rolled;
  }
  return sync(what, now);
}

// What a sync has to do, gathered under the mutex and done without it.
struct Log::Unsynced {
  Offset end = 0;
  std::uint64_t truncations = 0;
  std::string directory;
  bool parent = false;
  std::vector<std::shared_ptr<Segment>> segments;
  std::vector<std::string> files;
};

// The segment with the recovery point, which lies before all of them after a full truncation.
std::size_t Log::first_unsynced() const {
  const std::size_t floor = floor_index(recovery_point_);
  return floor == segments_.size() ? 0 : floor;
}

// The segments from the recovery point on: all, or only those that get no more appends. A log that never held a record
// has nothing to lose: its topic id comes back with its leader, so it is left to the kernel to write that down.
Log::Unsynced Log::take_unsynced(Sync what) {
  Unsynced found{.end = what == Sync::all ? log_end_.offset : rolled_up_to_,
                 .truncations = truncations_,
                 .directory = path_->text()};
  if (log_end_.offset == 0) return found;
  const std::size_t first = first_unsynced();
  const std::size_t last = what == Sync::all ? segments_.size() : segments_.size() - 1;
  if (recovery_point_ < found.end && first < last) {
    found.segments.assign(segments_.begin() + static_cast<std::ptrdiff_t>(first),
                          segments_.begin() + static_cast<std::ptrdiff_t>(last));
  }
  found.files = std::exchange(unsynced_files_, {});
  if (epochs_->take_unsynced()) found.files.push_back(epochs_->path());
  found.parent = std::exchange(path_is_unsynced_, false);
  return found;
}

Result<void> Log::sync(Sync what, TimestampMs now) {
  Unsynced unsynced;
  {
    MutexLock lock(mutex_);
    if (closed_) return check_usable();
    if (auto online = directory_.check_online(); !online) return online;
    unsynced = take_unsynced(what);
  }
  FileSystem& file_system = directory_.file_system();
  for (const auto& segment : unsynced.segments) {
    const auto flushed = segment->flush();
    // A segment that was deleted meanwhile needs no syncing.
    if (!flushed && !flushed.error().is_passing()) return std::unexpected(failed(flushed.error()));
  }
  for (const std::string& path : unsynced.files) {
    const auto file = file_system.open(path, OpenMode::existing);
    if (!file) continue;  // replaced or deleted meanwhile
    if (auto synced = (*file)->sync(); !synced) return std::unexpected(failed(std::move(synced).error().of_sync()));
  }
  if (!unsynced.segments.empty() || !unsynced.files.empty()) {
    auto synced = file_system.sync_directory(unsynced.directory);
    if (!synced && synced.error().error_number != ENOENT) {
      return std::unexpected(failed(std::move(synced).error().of_sync()));
    }
  }
  if (unsynced.parent) {
    if (auto synced = file_system.sync_directory(directory_.path()); !synced) {
      return std::unexpected(failed(std::move(synced).error().of_sync()));
    }
  }
  MutexLock lock(mutex_);
  // What was appended after a truncation has the offsets of what was synced, but is not.
  if (unsynced.truncations != truncations_) return {};
  recovery_point_ = std::max(recovery_point_, unsynced.end);
  if (what == Sync::all) last_flush_ms_ = now;
  return {};
}

Result<std::size_t> Log::prepare_close() {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (closed_ || closing_) return 0;
  if (auto usable = check_usable(); !usable) return std::unexpected(usable.error());
  if (auto done = segments_.back()->become_inactive(); !done) return std::unexpected(failed(done.error()));
  const auto snapshot = producers_->take_snapshot(false);
  if (!snapshot) return std::unexpected(failed(snapshot.error()));
  if (*snapshot) unsynced_files_.push_back(producers_->snapshot_path(**snapshot));
  std::size_t unsynced = log_end_.offset == 0 ? 0 : unsynced_files_.size();
  if (recovery_point_ < log_end_.offset) {
    constexpr std::size_t files_of_segment = 3;
    for (std::size_t i = first_unsynced(); i < segments_.size(); ++i) {
      if (auto written = segments_[i]->write_out(); !written) return std::unexpected(failed(written.error()));
      unsynced += files_of_segment;
    }
  }
  closing_ = true;
  return unsynced;
}

Result<void> Log::close(TimestampMs now, bool synced) {
  if (is_closed()) return {};
  if (const auto prepared = prepare_close(); !prepared) return std::unexpected(prepared.error());
  const FailureReport report(directory_);
  if (!synced) {
    if (auto done = sync(Sync::all, now); !done) return done;
  }
  MutexLock lock(mutex_);
  if (synced) recovery_point_ = std::max(recovery_point_, log_end_.offset);
  closed_ = true;
  for (const auto& segment : segments_) segment->close_files();
  return {};
}

// ---- Compaction

bool Log::is_closed() const {
  MutexLock lock(mutex_);
  return closed_;
}

std::uint64_t Log::truncations() const {
  MutexLock lock(mutex_);
  return truncations_;
}

std::optional<Offset> Log::take_lowest_truncation() {
  MutexLock lock(mutex_);
  return std::exchange(lowest_truncation_, std::nullopt);
}

Result<bool> Log::replace_segments(std::vector<std::shared_ptr<Segment>> cleaned,
                                   const std::vector<std::shared_ptr<Segment>>& old, std::uint64_t truncations,
                                   TimestampMs now) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return std::unexpected(usable.error());
  const auto replaceable = [&](const auto& segment) REQUIRES(mutex_) {
    return segment != segments_.back() && std::ranges::find(segments_, segment) != segments_.end();
  };
  if (truncations != truncations_) return false;
  for (const auto& segment : old) {
    if (!replaceable(segment)) return false;
  }
  // From the newest to the oldest, so that a crash in between leaves a .cleaned file below every .swap that is
  // incomplete.
  for (auto segment = cleaned.rbegin(); segment != cleaned.rend(); ++segment) {
    if (auto done = (*segment)->change_suffix(Segment::swap_suffix); !done) {
      return std::unexpected(segment == cleaned.rbegin() ? failed(done.error()) : failed_halfway(done.error()));
    }
  }
  for (const auto& segment : old) segments_.erase(std::ranges::find(segments_, segment));
  for (const auto& segment : cleaned) {
    const auto place = std::ranges::upper_bound(segments_, segment->base_offset(), {}, &Segment::base_offset);
    segments_.insert(place, segment);
  }
  for (const auto& segment : old) {
    if (auto done = segment->change_suffix(Segment::deleted_suffix); !done) {
      return std::unexpected(failed_halfway(done.error()));
    }
    directory_.delete_later(now + config_->file_delete_delay_ms, [segment] { return segment->remove_files(); });
    const bool base_remains =
        std::ranges::any_of(cleaned, [&](const auto& kept) { return kept->base_offset() == segment->base_offset(); });
    if (!base_remains) delete_snapshot_later(segment->base_offset(), now);
  }
  for (const auto& segment : cleaned) {
    if (auto done = segment->change_suffix(""); !done) return std::unexpected(failed_halfway(done.error()));
  }
  high_watermark_ = {.offset = high_watermark_.offset};  // positions have changed
  log_end_ = {log_end_.offset, segments_.back()->base_offset(), segments_.back()->size()};
  return true;
}

// ---- The directory

Result<void> Log::rename_directory(const std::string& path) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto online = directory_.check_online(); !online) return online;
  if (auto renamed = path_->rename(directory_.file_system(), path); !renamed) {
    return std::unexpected(failed(renamed.error()));
  }
  producers_->set_directory(path);
  epochs_->set_directory(path);
  unsynced_files_.clear();
  closed_ = true;
  return {};
}

Result<void> Log::remove_files() {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  closed_ = true;
  for (const auto& segment : segments_) segment->close_files();
  if (auto removed = directory_.file_system().remove_tree(path_->text()); !removed) {
    return std::unexpected(failed(removed.error()));
  }
  return {};
}

}  // namespace storage
