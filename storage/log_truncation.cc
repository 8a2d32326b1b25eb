// Truncation of a Log. A failure halfway leaves neither the old log nor the new one: the directory goes offline.
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
#include "storage/segment_recovery.h"

namespace storage {

using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

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
  // Its files come first: if there is no room for them, nothing has changed.
  const auto created = Segment::create(directory_.files(), path_, offset, *config_, now,
                                       roll_jitter_ms(*config_, partition_, offset), Segment::temporary_suffix);
  if (!created) return std::unexpected(failed(created.error()));
  const std::vector<std::shared_ptr<Segment>> all = segments_;
  if (auto deleted = delete_newest(0, now); !deleted) {
    (void)(*created)->remove_files();
    if (segments_.size() == all.size()) return std::unexpected(failed(deleted.error()));
    return std::unexpected(failed_halfway(deleted.error()));
  }
  if (auto named = (*created)->change_suffix(""); !named) {
    segments_ = all;  // offline as it is, the log is still asked for its size and the like
    return std::unexpected(failed_halfway(named.error()));
  }
  (*created)->close_files();  // they know themselves by their first names
  segments_.push_back(*created);
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

std::uint64_t Log::truncations() const {
  MutexLock lock(mutex_);
  return truncations_;
}

std::optional<Offset> Log::take_lowest_truncation() {
  MutexLock lock(mutex_);
  return std::exchange(lowest_truncation_, std::nullopt);
}

}  // namespace storage
