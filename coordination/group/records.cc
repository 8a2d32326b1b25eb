#include "coordination/group/records.h"

#include <fmt/format.h>

#include <utility>

#include "protocol/messages/group_metadata_key.h"
#include "protocol/messages/group_metadata_value.h"
#include "protocol/messages/offset_commit_key.h"
#include "protocol/messages/offset_commit_value.h"

namespace coordination::group {
namespace {

using protocol::as_bytes;
using protocol::as_text;
using protocol::fail;

constexpr std::int16_t offset_key_version = 1;
constexpr std::int16_t group_key_version = 2;
// The newest versions without tagged fields, as Kafka 3.9 writes them.
constexpr std::int16_t offset_value_version = 3;
constexpr std::int16_t group_value_version = 3;
// The only version that knows an expiry time of its own.
constexpr std::int16_t expiring_offset_value_version = 1;

// A record's key or value is its version and then the message.
template <typename Message>
std::string encode(const Message& message, std::int16_t version) {
  protocol::Writer writer;
  writer.put(version);
  message.encode(writer, version);
  return std::string(as_text(writer.bytes()));
}

template <typename Message>
protocol::Result<Message> decode(protocol::Bytes bytes, const char* what) {
  protocol::Reader reader(bytes);
  const auto version = reader.read<std::int16_t>();
  if (!reader.ok()) return fail(ErrorCode::corrupt_message, fmt::format("a {} without a version", what));
  if (!Message::versions.contains(version)) {
    return fail(ErrorCode::corrupt_message, fmt::format("a {} of the unknown version {}", what, version));
  }
  auto message = Message::decode(reader, version);
  if (!message) return fail(ErrorCode::corrupt_message, fmt::format("a {}: {}", what, message.error().text()));
  return message;
}

std::string offset_key(std::string_view group_id, std::string_view topic, PartitionIndex partition) {
  protocol::OffsetCommitKey key;
  key.group = group_id;
  key.topic = topic;
  key.partition = partition;
  return encode(key, offset_key_version);
}

std::string group_key(std::string_view group_id) {
  protocol::GroupMetadataKey key;
  key.group = group_id;
  return encode(key, group_key_version);
}

std::optional<std::string> owned(const std::optional<protocol::String>& text) {
  if (!text) return std::nullopt;
  return text->str();
}

std::optional<protocol::String> borrowed(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return protocol::String(std::string_view(*text));
}

}  // namespace

Record offset_record(std::string_view group_id, std::string_view topic, PartitionIndex partition,
                     const OffsetAndMetadata& value) {
  protocol::OffsetCommitValue message;
  message.offset = value.offset;
  message.leader_epoch = value.leader_epoch;
  message.metadata = std::string_view(value.metadata);
  message.commit_timestamp = value.commit_timestamp_ms;
  message.expire_timestamp = value.expire_timestamp_ms.value_or(-1);
  const bool expires = value.expire_timestamp_ms.has_value();
  return {offset_key(group_id, topic, partition),
          encode(message, expires ? expiring_offset_value_version : offset_value_version)};
}

Record offset_tombstone(std::string_view group_id, std::string_view topic, PartitionIndex partition) {
  return {offset_key(group_id, topic, partition), std::nullopt};
}

Record group_record(std::string_view group_id, const GroupRecord& value) {
  protocol::GroupMetadataValue message;
  message.protocol_type = std::string_view(value.protocol_type);
  message.generation = value.generation;
  message.protocol = borrowed(value.protocol);
  message.leader = borrowed(value.leader);
  message.current_state_timestamp = value.state_timestamp_ms.value_or(-1);
  message.members.reserve(value.members.size());
  for (const GroupRecordMember& member : value.members) {
    auto& written = message.members.emplace_back();
    written.member_id = std::string_view(member.member_id);
    written.group_instance_id = borrowed(member.instance_id);
    written.client_id = std::string_view(member.client_id);
    written.client_host = std::string_view(member.client_host);
    written.rebalance_timeout = member.rebalance_timeout_ms;
    written.session_timeout = member.session_timeout_ms;
    written.subscription = as_bytes(member.subscription);
    written.assignment = as_bytes(member.assignment);
  }
  return {group_key(group_id), encode(message, group_value_version)};
}

Record group_tombstone(std::string_view group_id) { return {group_key(group_id), std::nullopt}; }

protocol::Result<RecordKey> decode_key(protocol::Bytes bytes) {
  const auto version = protocol::Reader(bytes).read<std::int16_t>();
  if (bytes.size() < sizeof(version)) return fail(ErrorCode::corrupt_message, "a key without a version");
  if (protocol::OffsetCommitKey::versions.contains(version)) {
    const auto key = decode<protocol::OffsetCommitKey>(bytes, "offset key");
    if (!key) return std::unexpected(key.error());
    return OffsetKey{key->group.str(), key->topic.str(), key->partition};
  }
  if (protocol::GroupMetadataKey::versions.contains(version)) {
    const auto key = decode<protocol::GroupMetadataKey>(bytes, "group key");
    if (!key) return std::unexpected(key.error());
    return GroupKey{key->group.str()};
  }
  return UnknownKey{version};
}

protocol::Result<OffsetAndMetadata> decode_offset(protocol::Bytes bytes) {
  const auto message = decode<protocol::OffsetCommitValue>(bytes, "committed offset");
  if (!message) return std::unexpected(message.error());
  OffsetAndMetadata value{.offset = message->offset,
                          .leader_epoch = message->leader_epoch,
                          .metadata = message->metadata.str(),
                          .commit_timestamp_ms = message->commit_timestamp};
  if (message->expire_timestamp != -1) value.expire_timestamp_ms = message->expire_timestamp;
  return value;
}

protocol::Result<GroupRecord> decode_group(protocol::Bytes bytes) {
  const auto message = decode<protocol::GroupMetadataValue>(bytes, "group");
  if (!message) return std::unexpected(message.error());
  GroupRecord record{.protocol_type = message->protocol_type.str(),
                     .generation = message->generation,
                     .protocol = owned(message->protocol),
                     .leader = owned(message->leader)};
  if (message->current_state_timestamp != -1) record.state_timestamp_ms = message->current_state_timestamp;
  for (const auto& member : message->members) {
    // Version 0 has one timeout for both purposes.
    const bool has_rebalance_timeout = protocol::Reader(bytes).read<std::int16_t>() > 0;
    record.members.push_back(
        {.member_id = member.member_id.str(),
         .instance_id = owned(member.group_instance_id),
         .client_id = member.client_id.str(),
         .client_host = member.client_host.str(),
         .rebalance_timeout_ms = has_rebalance_timeout ? member.rebalance_timeout : member.session_timeout,
         .session_timeout_ms = member.session_timeout,
         .subscription = std::string(as_text(member.subscription)),
         .assignment = std::string(as_text(member.assignment))});
  }
  return record;
}

}  // namespace coordination::group
