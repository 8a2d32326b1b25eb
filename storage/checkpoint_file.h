// The small text files in which Kafka keeps offsets: "0", the number of entries, then one entry a line.
//   topic partition offset     recovery-point, log-start-offset, replication-offset and cleaner-offset checkpoints
//   epoch startOffset          leader-epoch-checkpoint
// Replaced as a whole (.tmp, rename). Pure functions; the callers order writes to one file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/result.h"
#include "storage/file_system.h"
#include "storage/types.h"

namespace storage {

inline constexpr std::string_view recovery_point_checkpoint = "recovery-point-offset-checkpoint";
inline constexpr std::string_view log_start_offset_checkpoint = "log-start-offset-checkpoint";
inline constexpr std::string_view high_watermark_checkpoint = "replication-offset-checkpoint";
inline constexpr std::string_view cleaner_checkpoint = "cleaner-offset-checkpoint";
inline constexpr std::string_view leader_epoch_checkpoint = "leader-epoch-checkpoint";

struct EpochEntry {
  LeaderEpoch epoch = 0;
  Offset start_offset = 0;
  bool operator==(const EpochEntry&) const = default;
};

using PartitionOffsets = std::unordered_map<TopicPartition, Offset>;

// Malformed content (a wrong count, a line that is none) fails with kafka_storage_error and a sentence that names the
// line.
protocol::Result<PartitionOffsets> parse_offset_checkpoint(std::string_view text);
protocol::Result<std::vector<EpochEntry>> parse_epoch_checkpoint(std::string_view text);
std::string format_offset_checkpoint(const PartitionOffsets& offsets);
std::string format_epoch_checkpoint(const std::vector<EpochEntry>& entries);

}  // namespace storage
