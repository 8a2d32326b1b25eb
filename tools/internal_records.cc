#include "tools/internal_records.h"

#include <array>

#include <fmt/format.h>

#include "protocol/messages/group_metadata_key.h"
#include "protocol/messages/group_metadata_value.h"
#include "protocol/messages/offset_commit_key.h"
#include "protocol/messages/offset_commit_value.h"
#include "protocol/messages/transaction_log_key.h"
#include "protocol/messages/transaction_log_value.h"
#include "protocol/topic_name.h"
#include "tools/text.h"

namespace tools {
namespace {

using protocol::Bytes, protocol::Reader;

// A message behind the version that stands in front of it.
template <typename Message>
std::optional<Message> versioned(std::optional<Bytes> bytes) {
  if (!bytes) return std::nullopt;
  Reader reader(*bytes);
  const auto version = reader.read<std::int16_t>();
  auto message = Message::decode(reader, version);
  if (!reader.ok() || !message) return std::nullopt;
  return std::move(*message);
}

std::string shown(const protocol::String& text) { return printable(protocol::as_bytes(text.view())); }

std::optional<std::string> describe_offset(const protocol::RecordView& record) {
  const auto key = versioned<protocol::OffsetCommitKey>(record.key);
  if (!key) return std::nullopt;
  const std::string what = fmt::format("group {}, {}-{}", shown(key->group), shown(key->topic), key->partition);
  if (!record.value) return what + ": offset removed";
  const auto value = versioned<protocol::OffsetCommitValue>(record.value);
  if (!value) return std::nullopt;
  return fmt::format("{}: offset {}", what, value->offset);
}

std::optional<std::string> describe_group(const protocol::RecordView& record) {
  const auto key = versioned<protocol::GroupMetadataKey>(record.key);
  if (!key) return std::nullopt;
  if (!record.value) return fmt::format("group {}: removed", shown(key->group));
  const auto value = versioned<protocol::GroupMetadataValue>(record.value);
  if (!value) return std::nullopt;
  return fmt::format("group {}: generation {}, {} members, protocol {}", shown(key->group), value->generation,
                     value->members.size(), value->protocol ? shown(*value->protocol) : "none");
}

std::optional<std::string> describe_transaction(const protocol::RecordView& record) {
  static constexpr std::array states = {"Empty",          "Ongoing",       "PrepareCommit", "PrepareAbort",
                                        "CompleteCommit", "CompleteAbort", "Dead",          "PrepareEpochFence"};
  const auto key = versioned<protocol::TransactionLogKey>(record.key);
  if (!key) return std::nullopt;
  if (!record.value) return fmt::format("transactional id {}: removed", shown(key->transactional_id));
  const auto value = versioned<protocol::TransactionLogValue>(record.value);
  if (!value) return std::nullopt;
  const auto state = static_cast<std::uint8_t>(value->transaction_status);
  return fmt::format("transactional id {}: {}, producer {} epoch {}", shown(key->transactional_id),
                     state < states.size() ? states[state] : "?", value->producer_id, value->producer_epoch);
}

}  // namespace

std::optional<std::string> describe_internal_record(std::string_view topic, const protocol::RecordView& record) {
  if (topic == protocol::transaction_state_topic) return describe_transaction(record);
  if (topic != protocol::consumer_offsets_topic) return std::nullopt;
  if (auto text = describe_offset(record)) return text;
  return describe_group(record);
}

}  // namespace tools
