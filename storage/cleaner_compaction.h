// Compacts one log: finds the newest offset of each key in its dirty part, rewrites its segments without what is
// outdated, and swaps the new ones in. What Kafka calls Cleaner.
//
// A Compaction runs on one cleaner thread; the log goes on taking appends and serving reads meanwhile. A crash leaves
// `.cleaned` files, which the next start deletes, or `.swap` files, with which it completes the replacement.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "protocol/result.h"
#include "storage/cleaner_filter.h"
#include "storage/log.h"
#include "storage/segment.h"

namespace storage {

// A log that has something to clean.
struct LogToClean {
  std::shared_ptr<Log> log;
  Offset first_dirty_offset = 0;
  Offset first_uncleanable_offset = 0;  // base offset of the first segment that must stay as it is
  std::int64_t clean_bytes = 0;
  std::int64_t cleanable_bytes = 0;
  bool due = false;  // max.compaction.lag.ms has passed

  std::int64_t total_bytes() const { return clean_bytes + cleanable_bytes; }
  double dirty_ratio() const {
    return total_bytes() == 0 ? 0 : static_cast<double>(cleanable_bytes) / static_cast<double>(total_bytes());
  }
};

struct CompactionOptions {
  std::size_t dedupe_buffer_bytes = std::size_t{128} << 20;  // log.cleaner.dedupe.buffer.size, for this thread
  double load_factor = 0.9;                                  // log.cleaner.io.buffer.load.factor
  std::size_t io_buffer_bytes = std::size_t{256} << 10;      // half of log.cleaner.io.buffer.size
  std::array<std::uint64_t, 2> hash_key{};                   // random, so that nobody can prepare colliding keys
  // Asked between chunks: true makes the compaction stop without a trace.
  std::function<bool()> should_stop = [] { return false; };
  // Told how many bytes were read or written; may wait, to keep to log.cleaner.io.max.bytes.per.second.
  std::function<void(std::int64_t bytes)> throttle = [](std::int64_t) {};
};

struct CompactionResult {
  bool stopped = false;   // by should_stop, or because the log was truncated or deleted meanwhile
  Offset next_dirty = 0;  // where the next compaction of the log begins
  CleaningCounts counts;
};

// Which segments of [segments] become one: as many as fit into segment.bytes and the indexes.
protocol::Result<std::vector<std::vector<std::shared_ptr<Segment>>>> group_segments(
    const std::vector<std::shared_ptr<Segment>>& segments, const LogConfig& config, Offset first_uncleanable_offset);

// The aborted transactions that overlap [start, end), from the transaction indexes.
Io<std::vector<AbortedTxnEntry>> collect_aborted_transactions(const std::vector<std::shared_ptr<Segment>>& segments,
                                                              Offset start, Offset end);

// Errors: corrupt_message and the like for batches that cannot be read, kafka_storage_error for the disk.
protocol::Result<CompactionResult> compact(const LogToClean& cleanable, const CompactionOptions& options,
                                           TimestampMs now);

}  // namespace storage
