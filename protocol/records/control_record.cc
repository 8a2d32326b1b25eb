#include "protocol/records/control_record.h"

#include <array>

#include "protocol/records/record_batch_builder.h"

namespace protocol {
namespace {

// Key: i16 version, i16 type. Value of a transaction marker: i16 version, i32 coordinator epoch. Longer ones are newer.
constexpr std::size_t key_size = 4, value_size = 6;
constexpr std::int16_t version = 0;

}  // namespace

Result<ControlRecordType> parse_control_type(const RecordView& record) {
  if (!record.key || record.key->size() < key_size) {
    return fail(ErrorCode::invalid_record, "The key of a control record is too short");
  }
  if (load_be<std::int16_t>(record.key->data()) < 0) {
    return fail(ErrorCode::invalid_record, "The key of a control record has an impossible version");
  }
  const auto type = load_be<std::int16_t>(record.key->data() + 2);
  const bool known = type >= 0 && type <= static_cast<std::int16_t>(ControlRecordType::kraft_voters);
  return known ? static_cast<ControlRecordType>(type) : ControlRecordType::unknown;
}

Result<EndTransactionMarker> parse_end_transaction_marker(const RecordView& record) {
  const auto type = parse_control_type(record);
  if (!type) return std::unexpected(type.error());
  if (*type != ControlRecordType::abort && *type != ControlRecordType::commit) {
    return fail(ErrorCode::invalid_record, "A control record is not the end of a transaction");
  }
  if (!record.value || record.value->size() < value_size) {
    return fail(ErrorCode::invalid_record, "The value of a transaction marker is too short");
  }
  if (load_be<std::int16_t>(record.value->data()) < 0) {
    return fail(ErrorCode::invalid_record, "The value of a transaction marker has an impossible version");
  }
  return EndTransactionMarker{.type = *type, .coordinator_epoch = load_be<std::int32_t>(record.value->data() + 2)};
}

std::vector<std::byte> build_end_transaction_marker(const EndTransactionMarker& marker, ProducerId producer_id,
                                                    ProducerEpoch producer_epoch, TimestampMs timestamp,
                                                    Offset base_offset, LeaderEpoch leader_epoch) {
  std::array<std::byte, key_size> key;
  store_be(key.data(), version);
  store_be(key.data() + 2, static_cast<std::int16_t>(marker.type));
  std::array<std::byte, value_size> value;
  store_be(value.data(), version);
  store_be(value.data() + 2, marker.coordinator_epoch);
  RecordBatchBuilder builder({.base_offset = base_offset,
                              .producer_id = producer_id,
                              .producer_epoch = producer_epoch,
                              .transactional = true,
                              .control = true,
                              .partition_leader_epoch = leader_epoch});
  builder.append(timestamp, key, value);
  return builder.build().value();
}

}  // namespace protocol
