// How one Log takes the place of another: what it takes over, and the names of the directories.
#include <algorithm>
#include <utility>

#include "storage/leader_epoch_cache.h"
#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/partition_path.h"
#include "storage/producer_state.h"

namespace storage {

using protocol::MutexLock;
using protocol::Result;

Log::Bookkeeping Log::bookkeeping() const {
  MutexLock lock(mutex_);
  return {.log_start_offset = log_start_,
          .log_end_offset = log_end_.offset,
          .high_watermark = high_watermark_.offset,
          .epochs = epochs_->entries(),
          .producers = std::make_shared<const ProducerState>(*producers_)};
}

Result<void> Log::adopt(const Bookkeeping& other) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return usable;
  if (auto replaced = epochs_->replace(other.epochs); !replaced) return std::unexpected(failed(replaced.error()));
  producers_->adopt(*other.producers);
  set_high_watermark({.offset = std::max(other.high_watermark, log_start_)});
  if (other.log_start_offset > log_start_) raise_log_start(other.log_start_offset);
  if (auto cut = epochs_->truncate_from_start(log_start_); !cut) return std::unexpected(failed(cut.error()));
  producers_->on_log_start_offset(log_start_);
  refresh_first_unstable_offset();
  return {};
}

Result<void> Log::skip_to(Offset offset, TimestampMs now) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return usable;
  if (offset <= log_end_.offset) return {};
  if (size_locked() == 0) return truncate_fully_locked(offset, now, offset);
  if (auto rolled = roll_locked(offset, now); !rolled) return rolled;
  move_log_end(offset);
  return {};
}

Result<void> Log::move_directory(const std::string& path) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return usable;
  const std::string before = path_->text();
  if (auto moved = path_->move(directory_.file_system(), path); !moved) {
    return std::unexpected(failed(moved.error()));
  }
  producers_->set_directory(path);
  epochs_->set_directory(path);
  for (std::string& file : unsynced_files_) {
    if (file.starts_with(before + "/")) file.replace(0, before.size(), path);
  }
  path_is_unsynced_ = true;
  return {};
}

Result<void> Log::retire(const std::string& path) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  retired_ = closed_ = true;
  return rename_directory_locked(path);
}

// A retired log lies under another name and may vanish at any time, like a segment that retention has deleted.
Result<void> Log::check_readable() const { return retired_ ? directory_.check_online() : check_usable(); }

}  // namespace storage
