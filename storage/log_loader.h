// Opens what lies in a partition's directory: cleans up leftovers, lists the segments, recovers what may be torn,
// rebuilds the producer state. What Kafka calls LogLoader, in the same order. Runs once per log, on one thread.
#pragma once

#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/leader_epoch_cache.h"
#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/producer_state.h"
#include "storage/segment.h"
#include "storage/segment_recovery.h"

namespace storage {

struct LoadedLog {
  std::vector<std::shared_ptr<Segment>> segments;  // at least one, ascending
  Offset log_start_offset = 0;
  Offset recovery_point = 0;
  Offset log_end_offset = 0;
  std::unique_ptr<LeaderEpochCache> epochs;
  std::unique_ptr<ProducerState> producers;
};

// Deterministic jitter of a segment's roll time, so that partitions created together don't roll together.
std::int64_t roll_jitter_ms(const LogConfig& config, const TopicPartition& partition, Offset base_offset);

class LogLoader {
 public:
  LogLoader(const LogOpenOptions& options, std::shared_ptr<PartitionPath> path, TimestampMs now);

  Io<LoadedLog> load();

 private:
  std::shared_ptr<Segment> plan_first_segment() const;
  Io<bool> remove_leftovers(const std::vector<DirectoryEntry>& entries);
  Io<void> finish_swaps(const std::vector<Offset>& swaps);
  Io<void> list_segments(const std::vector<DirectoryEntry>& entries);
  Io<void> recover();
  Io<bool> recover_segment(std::size_t index);  // true: something was cut off
  Io<RecoveredSegment> try_to_recover(std::size_t index);
  Io<void> split(std::size_t index);
  std::shared_ptr<Segment> listed(Offset base, std::int64_t size) const;
  Io<void> rescue_damaged_transaction_indexes();
  Io<void> wipe_if_behind_start();
  Io<Offset> find_log_end();
  Io<void> rebuild_missing_epochs();
  Io<void> drop_segments_after(std::size_t count);
  std::string file(Offset offset, std::string_view extension, std::string_view suffix = {}) const;

  const LogOpenOptions& options_;
  LogDirectory& directory_;
  FileSystem& file_system_;
  const std::shared_ptr<PartitionPath> shared_path_;
  const std::string path_;
  const TimestampMs now_;

  LoadedLog loaded_;
  std::set<Offset> transaction_indexes_;
  std::set<Offset> split_off_;  // segments that recovery has made and not yet recovered
  bool epochs_were_missing_ = false;
  Offset made_anew_from_ = std::numeric_limits<Offset>::max();  // base of the first segment that was recovered
};

}  // namespace storage
