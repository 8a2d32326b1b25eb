#include "storage/idle_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <span>

#include "storage/partition_files.h"
#include "storage/sparse_index.h"

namespace storage {
namespace {

// What the segment would find by loading its time index.
Io<std::optional<TimestampMs>> largest_timestamp(FileSystem& file_system, const std::string& directory, Offset base,
                                                 TimestampMs modified_ms) {
  const std::string path = fmt::format("{}/{:020}.timeindex", directory, base);
  const auto file = file_system.open(path, OpenMode::existing);
  if (!file) {
    if (file.error().error_number == ENOENT) return std::nullopt;
    return std::unexpected(file.error());
  }
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  constexpr auto entry_size = static_cast<std::int64_t>(TimeEntry::encoded_size);
  if (*size % entry_size != 0) return std::nullopt;
  if (*size == 0) return modified_ms;
  std::array<std::byte, TimeEntry::encoded_size> last;
  const auto got = (*file)->read_at(*size - entry_size, last);
  if (!got) return std::unexpected(got.error());
  if (*got < last.size()) return std::nullopt;
  const TimestampMs timestamp = TimeEntry::decode(last.data(), base).timestamp;
  return timestamp >= 0 ? timestamp : modified_ms;
}

std::int64_t sum(std::span<const IdleLog::SegmentFile> segments) {
  return std::accumulate(segments.begin(), segments.end(), std::int64_t{0},
                         [](std::int64_t total, const auto& segment) { return total + segment.size; });
}

}  // namespace

std::int64_t IdleLog::size() const { return sum(segments); }

Io<IdleLog> look_at_idle_log(FileSystem& file_system, const std::string& directory) {
  const auto entries = file_system.list(directory);
  if (!entries) return std::unexpected(entries.error());
  IdleLog log;
  for (const DirectoryEntry& entry : *entries) {
    const auto name = parse_segment_file_name(entry.name);
    if (entry.is_directory || !name || name->suffix != "" || name->extension != ".log") continue;
    log.segments.push_back({.base_offset = name->offset});
  }
  if (log.segments.empty()) return log;
  std::ranges::sort(log.segments, {}, &IdleLog::SegmentFile::base_offset);
  TimestampMs first_modified_ms = 0;
  for (IdleLog::SegmentFile& segment : log.segments) {
    const auto status = file_system.status(fmt::format("{}/{:020}.log", directory, segment.base_offset));
    if (!status) return std::unexpected(status.error());
    segment.size = status->size;
    if (&segment == log.segments.data()) first_modified_ms = status->modified_ms;
  }
  const auto oldest = largest_timestamp(file_system, directory, log.segments.front().base_offset, first_modified_ms);
  if (!oldest) return std::unexpected(oldest.error());
  log.oldest_timestamp = *oldest;
  return log;
}

bool retention_needs_a_look(const LogConfig& config, Offset log_start) {
  return log_start > 0 || (config.cleanup_delete && (config.retention_bytes >= 0 || config.retention_ms >= 0));
}

bool retention_may_delete(const IdleLog& log, const LogConfig& config, Offset log_start, TimestampMs now) {
  if (log.segments.empty()) return false;
  const IdleLog::SegmentFile& first = log.segments.front();
  if (log.segments.size() > 1 && log.segments[1].base_offset <= log_start) return true;
  if (!config.cleanup_delete || (log.segments.size() == 1 && first.size == 0)) return false;
  if (config.retention_bytes >= 0 && log.size() - config.retention_bytes >= first.size) return true;
  return config.retention_ms >= 0 && (!log.oldest_timestamp || now - *log.oldest_timestamp > config.retention_ms);
}

bool compaction_may_be_due(const IdleLog& log, const LogConfig& config, Offset log_start,
                           std::optional<Offset> last_clean) {
  if (log.segments.size() < 2) return false;  // the active segment is never compacted
  const std::span inactive(log.segments.data(), log.segments.size() - 1);
  // A checkpoint beyond the last segment's base is wrong: that segment was never compacted.
  const bool known = last_clean && *last_clean >= log_start && *last_clean <= log.segments.back().base_offset;
  const Offset first_dirty = known ? *last_clean : log_start;
  std::size_t dirty = 0;  // the first segment that holds or follows first_dirty
  while (dirty < inactive.size() && log.segments[dirty + 1].base_offset <= first_dirty) ++dirty;
  const std::int64_t cleanable = sum(inactive.subspan(dirty));
  if (cleanable == 0) return false;
  if (config.max_compaction_lag_ms != LogConfig::unlimited) return true;
  const std::int64_t total = sum(inactive);
  return static_cast<double>(cleanable) > config.min_cleanable_dirty_ratio * static_cast<double>(total);
}

}  // namespace storage
