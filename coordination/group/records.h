// The records of __consumer_offsets: what a classic group and a committed offset look like in the log.
// Written as Kafka 3.9 writes them (offset value 3, or 1 with an expiry time; group value 3); every version is read.
// Pure functions and values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "coordination/group/calls.h"
#include "coordination/group/effects.h"
#include "protocol/bytes.h"
#include "protocol/result.h"

namespace coordination::group {

struct OffsetKey {
  std::string group_id;
  std::string topic;
  PartitionIndex partition = 0;
  bool operator==(const OffsetKey&) const = default;
};

struct GroupKey {
  std::string group_id;
  bool operator==(const GroupKey&) const = default;
};

// A key of the newer group protocols, or of a later release. Its records are left alone.
struct UnknownKey {
  std::int16_t version = 0;
  bool operator==(const UnknownKey&) const = default;
};

using RecordKey = std::variant<OffsetKey, GroupKey, UnknownKey>;

struct GroupRecordMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::string subscription;  // the member's metadata for the chosen protocol
  std::string assignment;
  bool operator==(const GroupRecordMember&) const = default;
};

struct GroupRecord {
  std::string protocol_type;
  std::int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  std::optional<TimestampMs> state_timestamp_ms;  // since when the group is in its state; not in versions 0 and 1
  std::vector<GroupRecordMember> members;
  bool operator==(const GroupRecord&) const = default;
};

Record offset_record(std::string_view group_id, std::string_view topic, PartitionIndex partition,
                     const OffsetAndMetadata& value);
Record offset_tombstone(std::string_view group_id, std::string_view topic, PartitionIndex partition);
Record group_record(std::string_view group_id, const GroupRecord& value);
Record group_tombstone(std::string_view group_id);

// Errors (corrupt_message): a key or value that is too short or of no known version.
protocol::Result<RecordKey> decode_key(protocol::Bytes key);
protocol::Result<OffsetAndMetadata> decode_offset(protocol::Bytes value);
protocol::Result<GroupRecord> decode_group(protocol::Bytes value);

}  // namespace coordination::group
