// Retention of a Log, and DeleteRecords: what goes from its start on.
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

}  // namespace storage
