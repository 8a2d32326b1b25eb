// The upkeep of a Log: flushing, closing, taking over what the cleaner made, moving the directory.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "storage/leader_epoch_cache.h"
#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

namespace storage {

using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

// ---- Flushing and closing

Result<void> Log::flush(TimestampMs now) {
  const FailureReport report(directory_);
  return sync(Sync::all, now);
}

Result<void> Log::flush_if_due(TimestampMs now, bool by_age) {
  const FailureReport report(directory_);
  Sync what = Sync::all;
  {
    MutexLock lock(mutex_);
    if (closed_ || !directory_.is_online()) return {};
    const bool rolled = recovery_point_ < rolled_up_to_;
    const bool late = by_age && recovery_point_ < log_end_.offset && config_->flush_ms != LogConfig::unlimited &&
                      now - last_flush_ms_ >= config_->flush_ms;
    note_unsynced();  // should it not be synced now, or not succeed
    if (!rolled && !late) return {};
    if (!late) what = Sync::rolled;
  }
  return sync(what, now);
}

// For the flush pass: there is something that is due now, or will be.
void Log::note_unsynced() const {
  const bool ages = config_->flush_ms != LogConfig::unlimited && recovery_point_ < log_end_.offset;
  if (ages || recovery_point_ < rolled_up_to_) directory_.note_unsynced();
}

// What a sync has to do, gathered under the mutex and done without it.
struct Log::Unsynced {
  Offset end = 0;
  std::uint64_t truncations = 0;
  std::string directory;
  bool parent = false;
  std::vector<std::shared_ptr<Segment>> segments;
  std::vector<std::string> files;

  // The log's directory has another name now.
  void move_to(const std::string& path) {
    for (std::string& file : files) {
      if (file.starts_with(directory + "/")) file.replace(0, directory.size(), path);
    }
    directory = path;
  }
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
    if (retired_) return {};  // the log in its place has what was written here
    if (closed_) return check_usable();
    if (auto online = directory_.check_online(); !online) return online;
    unsynced = take_unsynced(what);
  }
  while (true) {
    if (auto synced = sync(unsynced); !synced) return synced;
    MutexLock lock(mutex_);
    // What was appended after a truncation has the offsets of what was synced, but is not.
    if (unsynced.truncations != truncations_) return {};
    if (const std::string& path = path_->text(); path != unsynced.directory) {
      unsynced.move_to(path);  // once more: the files weren't found there
      continue;
    }
    recovery_point_ = std::max(recovery_point_, unsynced.end);
    if (what == Sync::all) last_flush_ms_ = now;
    return {};
  }
}

Result<void> Log::sync(const Unsynced& unsynced) {
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
  return rename_directory_locked(path);
}

Result<void> Log::rename_directory_locked(const std::string& path) {
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
