// Control records: the markers that end transactions. A marker is a v2 batch of its own, 78 bytes long.
// As ControlRecordType and EndTransactionMarker of Kafka 3.9. Pure functions.
#pragma once

#include <cstdint>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/records/record.h"
#include "protocol/records/record_batch.h"
#include "protocol/result.h"

namespace protocol {

enum class ControlRecordType : std::int16_t {
  unknown = -1,  // a newer release's type: to be ignored
  abort = 0,
  commit = 1,
  leader_change = 2,
  snapshot_header = 3,
  snapshot_footer = 4,
  kraft_version = 5,
  kraft_voters = 6,
};

inline constexpr std::size_t transaction_marker_batch_size = 78;

struct EndTransactionMarker {
  ControlRecordType type = ControlRecordType::abort;  // abort or commit
  std::int32_t coordinator_epoch = 0;
  bool operator==(const EndTransactionMarker&) const = default;
};

// The type that a control record's key names. Fails with invalid_record.
Result<ControlRecordType> parse_control_type(const RecordView& record);

// A whole marker. Fails with invalid_record, also when the type is neither abort nor commit.
Result<EndTransactionMarker> parse_end_transaction_marker(const RecordView& record);

// The batch of one marker, ready to append. Its base offset is the log's to assign.
std::vector<std::byte> build_end_transaction_marker(const EndTransactionMarker& marker, ProducerId producer_id,
                                                    ProducerEpoch producer_epoch, TimestampMs timestamp,
                                                    Offset base_offset = 0, LeaderEpoch leader_epoch = no_leader_epoch);

}  // namespace protocol
