// Names of the files and directories of partitions, and the small file partition.metadata. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/file_system.h"
#include "storage/types.h"

namespace storage {

// A file of a segment or a producer snapshot: "00000000000000000042.timeindex.swap".
struct SegmentFileName {
  Offset offset = 0;
  std::string_view extension;  // ".log", ".index", ".timeindex", ".txnindex", ".snapshot"
  std::string_view suffix;     // "", ".deleted", ".cleaned", ".swap"
};
std::optional<SegmentFileName> parse_segment_file_name(std::string_view name);

// What a directory in a log.dir is.
enum class PartitionDirectoryKind { log, deleted, stray, future };
struct PartitionDirectoryName {
  TopicPartition partition;
  PartitionDirectoryKind kind = PartitionDirectoryKind::log;
};
std::optional<PartitionDirectoryName> parse_partition_directory_name(std::string_view name);

// "topic-3.<32 hex digits>-delete", the topic shortened so that the name has at most 255 characters.
std::string deleted_directory_name(const TopicPartition& partition, std::string_view unique, bool stray);

// "topic-3.<32 hex digits>-future", in which a log is filled that will take another one's place. The topic is needed
// whole, as the name tells whose log it is: nullopt if it would have more than 255 characters.
std::optional<std::string> future_directory_name(const TopicPartition& partition, std::string_view unique);

// A file beside the segments of a log that takes another one's place, until the other one is gone: should a crash leave
// both, this one counts.
inline constexpr std::string_view replacement_file = "replaces-another-log";

inline constexpr std::string_view partition_metadata_file = "partition.metadata";

// partition.metadata holds the topic's id. nullopt: there is none, or it makes no sense.
Io<std::optional<Uuid>> read_partition_metadata(FileSystem& file_system, const std::string& directory);
Io<void> write_partition_metadata(FileSystem& file_system, const std::string& directory, Uuid topic_id);

}  // namespace storage
