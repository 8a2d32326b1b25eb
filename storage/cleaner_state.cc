#include "storage/cleaner_state.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/idle_log.h"
#include "storage/log_directory.h"
#include "storage/segment.h"

namespace storage {

using protocol::MutexLock;

namespace {

using Segments = std::vector<std::shared_ptr<Segment>>;

// The segments before the active one that hold or follow `from`.
Segments inactive_segments_from(const Segments& all, Offset from) {
  Segments found;
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    if (all[i + 1]->base_offset() > from) found.push_back(all[i]);
  }
  return found;
}

std::int64_t bytes_between(const Segments& all, Offset from, Offset to) {
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < all.size() && all[i]->base_offset() < to; ++i) {
    if (i + 1 == all.size() || all[i + 1]->base_offset() > from) bytes += all[i]->size();
  }
  return bytes;
}

// Where the dirty part begins, given what the checkpoint says.
CleanableOffsets first_dirty_offset(const Log& log, std::optional<Offset> last_clean) {
  const Offset start = log.log_start_offset();
  const Offset checkpoint = last_clean.value_or(start);
  if (checkpoint < start) return {.first_dirty = start, .checkpoint_is_wrong = true};
  if (checkpoint > log.log_end_offset()) {
    spdlog::warn("{} should be clean up to offset {}, but ends at {}; cleaning it from its start.",
                 log.partition().text(), checkpoint, log.log_end_offset());
    return {.first_dirty = start, .checkpoint_is_wrong = true};
  }
  return {.first_dirty = checkpoint};
}

}  // namespace

Io<CleanableOffsets> find_cleanable_offsets(const Log& log, std::optional<Offset> last_clean, TimestampMs now) {
  CleanableOffsets offsets = first_dirty_offset(log, last_clean);
  const auto segments = log.segments();
  Offset end = std::min(log.last_stable_offset(), segments.back()->base_offset());
  const std::int64_t lag_ms = log.config()->min_compaction_lag_ms;
  if (lag_ms > 0) {
    for (const auto& segment : inactive_segments_from(segments, offsets.first_dirty)) {
      const auto largest = segment->largest_timestamp();
      if (!largest) return std::unexpected(largest.error());
      if (*largest <= now - lag_ms) continue;
      end = std::min(end, segment->base_offset());
      break;
    }
  }
  offsets.first_uncleanable = std::max(offsets.first_dirty, end);
  return offsets;
}

Io<std::int64_t> compaction_delay_ms(const Log& log, Offset first_dirty, TimestampMs now) {
  const TimestampMs clean_until = now - std::max<std::int64_t>(log.config()->max_compaction_lag_ms, 0);
  TimestampMs earliest = std::numeric_limits<TimestampMs>::max();
  for (const auto& segment : inactive_segments_from(log.segments(), first_dirty)) {
    const auto timestamp = segment->first_batch_timestamp();
    if (!timestamp) return std::unexpected(timestamp.error());
    if (*timestamp && **timestamp > 0) earliest = std::min(earliest, **timestamp);
  }
  return earliest < clean_until ? clean_until - earliest : 0;
}

LogToClean measure(const std::shared_ptr<Log>& log, const CleanableOffsets& offsets) {
  const auto segments = log->segments();
  const auto uncleanable = inactive_segments_from(segments, offsets.first_uncleanable);
  const Offset end = uncleanable.empty() ? segments.back()->base_offset() : uncleanable.front()->base_offset();
  return {.log = log,
          .first_dirty_offset = offsets.first_dirty,
          .first_uncleanable_offset = end,
          .clean_bytes = bytes_between(segments, -1, offsets.first_dirty),
          .cleanable_bytes = bytes_between(segments, std::min(offsets.first_dirty, end), end)};
}

std::optional<Offset> CleanerState::checkpoint(const Log& log) {
  return logs_.clean_offset(log.directory().path(), log.partition());
}

// ---- Choosing

// Logs that nobody opened since the start are as dirty as they were at the last shutdown.
void CleanerState::open_dirty_logs(TimestampMs now) {
  logs_.open_idle_logs([](const IdleLogView& log) { return log.config.cleanup_compact; },
                       [&](const IdleLogView& log, const IdleLog& idle) {
                         return compaction_may_be_due(idle, log.config, log.log_start_offset,
                                                      logs_.clean_offset(log.log_dir, log.partition)) ||
                                retention_may_delete(idle, log.config, log.log_start_offset, now);
                       },
                       now);
}

std::vector<std::shared_ptr<Log>> CleanerState::free_compacted_logs() {
  std::vector<std::shared_ptr<Log>> found;
  for (auto& log : logs_.open_logs()) {
    if (logs_.has_future(log->partition())) continue;  // it is being copied
    const bool free =
        !busy_.contains(log) && !uncleanable_.contains(log) && !log->is_closed() && log->directory().is_online();
    if (free && log->config()->cleanup_compact) found.push_back(std::move(log));
  }
  return found;
}

std::optional<LogToClean> CleanerState::assess(const std::shared_ptr<Log>& log, TimestampMs now) {
  std::optional<Offset> last_clean = checkpoint(*log);
  if (const auto cut = log->take_lowest_truncation(); cut && last_clean && *last_clean > *cut) {
    last_clean = cut;
    logs_.set_clean_offset(*log, *cut);
  }
  const auto range = find_cleanable_offsets(*log, last_clean, now);
  const auto delay_ms = range ? compaction_delay_ms(*log, range->first_dirty, now) : Io<std::int64_t>(0);
  if (!range || !delay_ms) {
    const IoError& error = range ? delay_ms.error() : range.error();
    spdlog::warn("It is unknown how dirty {} is; it will not be compacted: {}", log->partition().text(), error.text());
    if (!log->is_closed()) uncleanable_.insert(log);
    return std::nullopt;
  }
  if (range->checkpoint_is_wrong) logs_.set_clean_offset(*log, range->first_dirty);
  LogToClean found = measure(log, *range);
  found.due = *delay_ms > 0;
  return found;
}

std::optional<LogToClean> CleanerState::grab_dirtiest(TimestampMs now) {
  open_dirty_logs(now);
  MutexLock lock(mutex_);
  std::erase_if(uncleanable_, [](const auto& log) { return log.expired(); });
  std::optional<LogToClean> dirtiest;
  max_dirty_ratio_ = 0;
  for (const auto& log : free_compacted_logs()) {
    auto assessed = assess(log, now);
    if (!assessed || assessed->total_bytes() <= 0) continue;
    max_dirty_ratio_ = std::max(max_dirty_ratio_, assessed->dirty_ratio());
    const bool wanted = (assessed->due && assessed->cleanable_bytes > 0) ||
                        assessed->dirty_ratio() > log->config()->min_cleanable_dirty_ratio;
    if (wanted && (!dirtiest || assessed->dirty_ratio() > dirtiest->dirty_ratio())) dirtiest = std::move(assessed);
  }
  if (dirtiest) busy_.insert(dirtiest->log);
  return dirtiest;
}

std::vector<std::shared_ptr<Log>> CleanerState::grab_deletable() {
  MutexLock lock(mutex_);
  auto logs = free_compacted_logs();
  busy_.insert(logs.begin(), logs.end());
  return logs;
}

void CleanerState::done(const std::shared_ptr<Log>& log, std::optional<Offset> next_dirty) {
  MutexLock lock(mutex_);
  busy_.erase(log);
  if (next_dirty && !log->is_closed()) logs_.set_clean_offset(*log, *next_dirty);
}

void CleanerState::mark_uncleanable(const std::shared_ptr<Log>& log) {
  MutexLock lock(mutex_);
  uncleanable_.insert(log);
}

std::size_t CleanerState::uncleanable_count() const {
  MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(uncleanable_, [](const auto& log) { return !log.expired(); }));
}

double CleanerState::max_dirty_ratio() const {
  MutexLock lock(mutex_);
  return max_dirty_ratio_;
}

}  // namespace storage
