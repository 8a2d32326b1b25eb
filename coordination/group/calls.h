// What clients ask of a classic group and what it answers, without wire versions.
// Plain values. Views in a call need to live only as long as the step that gets it; results own what they carry.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error_code.h"
#include "protocol/types.h"

namespace coordination::group {

using protocol::ErrorCode;
using protocol::LeaderEpoch;
using protocol::Offset;
using protocol::PartitionIndex;
using protocol::ProducerId;
using protocol::TimestampMs;

// Both clocks at one moment: wall time goes into records, the other one is for deadlines.
struct Instant {
  TimestampMs wall_ms = 0;
  std::int64_t monotonic_ms = 0;
};

// Kafka's group.* and offsets.* settings, with Kafka's defaults.
struct GroupConfig {
  std::int32_t min_session_timeout_ms = 6'000;      // group.min.session.timeout.ms
  std::int32_t max_session_timeout_ms = 1'800'000;  // group.max.session.timeout.ms
  std::int32_t max_size = 2'147'483'647;            // group.max.size
  std::int32_t initial_rebalance_delay_ms = 3'000;  // group.initial.rebalance.delay.ms
  std::int32_t offset_metadata_max_length = 4'096;  // offset.metadata.max.bytes, counted as Java counts characters
  std::int64_t offsets_retention_ms = 604'800'000;  // offsets.retention.minutes
  // How long a leader's assignment waits for the followers that haven't asked for theirs. A cooperative leader joins
  // again as soon as it has its own, and whoever is late then has missed the generation.
  std::int32_t follower_sync_wait_ms = 0;
};

// A new member's parked JoinGroup is given up after this long: the member can't send heartbeats before it knows its id.
inline constexpr std::int64_t new_member_join_timeout_ms = 300'000;

// A way of assigning that a member knows, and its opaque metadata for it (a consumer's subscription, for one).
struct MemberProtocol {
  std::string name;
  std::string metadata;
  bool operator==(const MemberProtocol&) const = default;
};

struct JoinCall {
  std::string_view group_id;
  std::string_view member_id;  // empty: not known yet
  std::optional<std::string_view> instance_id;
  std::string_view client_id;
  std::string_view client_host;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = 0;
  std::string_view protocol_type;
  std::vector<MemberProtocol> protocols;
  std::string_view fresh_uuid;            // makes the member's id if it needs one
  bool requires_known_member_id = false;  // JoinGroup v4+ without an instance id
  bool supports_skip_assignment = false;  // JoinGroup v9+
  std::string_view reason = "not provided";
};

struct JoinedMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string metadata;
};

struct JoinResult {
  ErrorCode error = ErrorCode::none;
  std::string member_id;
  std::int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader_id;
  bool skip_assignment = false;
  std::vector<JoinedMember> members;  // filled for the leader only
};

struct MemberAssignment {
  std::string_view member_id;
  std::string_view assignment;
};

struct SyncCall {
  std::string_view group_id;
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  std::int32_t generation = -1;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name;
  std::vector<MemberAssignment> assignments;
};

struct SyncResult {
  ErrorCode error = ErrorCode::none;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string assignment;
};

struct HeartbeatCall {
  std::string_view group_id;
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  std::int32_t generation = -1;
};

struct LeavingMember {
  std::string_view member_id;  // empty: whoever holds the instance id
  std::optional<std::string_view> instance_id;
  std::string_view reason = "not provided";
};

struct LeaveResult {
  ErrorCode error = ErrorCode::none;  // about the group; `members` is then empty
  std::vector<ErrorCode> members;     // one for each leaving member, in the order of the call
};

// What a commit says about one partition.
struct OffsetAndMetadata {
  Offset offset = -1;
  LeaderEpoch leader_epoch = protocol::no_leader_epoch;
  std::string metadata;
  TimestampMs commit_timestamp_ms = protocol::no_timestamp;
  std::optional<TimestampMs> expire_timestamp_ms;  // only from OffsetCommit v2-v4 with a retention of its own
  bool operator==(const OffsetAndMetadata&) const = default;
};

struct OffsetToCommit {
  std::string topic;
  PartitionIndex partition = 0;
  OffsetAndMetadata value;
};

struct CommitCall {
  std::string_view group_id;
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  std::int32_t generation = -1;  // below 0: not a member of a generation (simple consumers, administration)
  std::vector<OffsetToCommit> offsets;
};

struct CommitResult {
  std::vector<ErrorCode> errors;  // one for each offset, in the order of the call
};

struct FetchedOffset {
  PartitionIndex partition = 0;
  Offset offset = -1;
  LeaderEpoch leader_epoch = protocol::no_leader_epoch;
  std::string metadata;
  ErrorCode error = ErrorCode::none;
};

struct TopicPartitions {
  std::string_view topic;
  std::vector<PartitionIndex> partitions;
};

struct FetchedTopic {
  std::string topic;
  std::vector<FetchedOffset> partitions;
};

struct FetchOffsetsCall {
  std::string_view group_id;
  std::optional<std::vector<TopicPartitions>> topics;  // nothing: all that the group has committed
  bool require_stable = false;
};

struct FetchOffsetsResult {
  ErrorCode error = ErrorCode::none;
  std::vector<FetchedTopic> topics;
};

struct DeleteOffsetsResult {
  ErrorCode error = ErrorCode::none;               // about the group; `partitions` is then empty
  std::vector<std::vector<ErrorCode>> partitions;  // shaped as the call's topics
};

struct GroupOverview {
  std::string group_id;
  std::string protocol_type;
  std::string_view state;  // Kafka's name, a constant
};

struct DescribedMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::string metadata;
  std::string assignment;
};

struct GroupDescription {
  ErrorCode error = ErrorCode::none;
  bool exists = false;
  std::string_view state;
  std::string protocol_type;
  std::string protocol;
  std::vector<DescribedMember> members;
};

}  // namespace coordination::group
