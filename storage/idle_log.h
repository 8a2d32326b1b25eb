// What a log that is not open tells by the names and sizes of its files, so that the passes over all logs open only
// those that they have something to do for. Valid as long as nobody opens the log. Plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/file_system.h"
#include "storage/log_config.h"
#include "storage/types.h"

namespace storage {

struct IdleLog {
  struct SegmentFile {
    Offset base_offset = 0;
    std::int64_t size = 0;
  };
  std::vector<SegmentFile> segments;  // ascending; none: nothing was ever written
  // Of the first segment: the largest timestamp, or when it was modified if it has none; nullopt: its index is damaged.
  std::optional<TimestampMs> oldest_timestamp;

  std::int64_t size() const;
};

// Looks at the directory of a cleanly closed log.
Io<IdleLog> look_at_idle_log(FileSystem& file_system, const std::string& directory);

// Whether the answer below can depend on the files at all.
bool retention_needs_a_look(const LogConfig& config, Offset log_start);

// Whether Log::delete_old_segments would find something, were the log open. May be wrong with true only.
bool retention_may_delete(const IdleLog& log, const LogConfig& config, Offset log_start, TimestampMs now);

// Whether the cleaner would find the log dirty enough, were it open. May be wrong with true only.
bool compaction_may_be_due(const IdleLog& log, const LogConfig& config, Offset log_start,
                           std::optional<Offset> last_clean);

}  // namespace storage
