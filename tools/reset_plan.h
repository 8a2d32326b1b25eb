// Which offsets a group gets by `groups reset-offsets`: the rules, without the cluster. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"

namespace tools {

// What the user asked for.
struct ResetTarget {
  enum class Kind : std::uint8_t { earliest, latest, offset, time, shift, current };
  Kind kind = Kind::latest;
  std::int64_t value = 0;  // of offset, time (milliseconds) and shift
};

// What is known of a partition.
struct PartitionOffsets {
  protocol::Offset start = 0, end = 0;
  std::optional<protocol::Offset> committed;
  protocol::Offset at_time = -1;  // for Kind::time; -1: all records are older
};

struct PlannedOffset {
  protocol::Offset offset = 0;
  std::string note;  // why it isn't what was asked for; empty when it is
};

// The offset that the group shall have, always within the log: what lies outside becomes the nearest end of it, as in
// Kafka's tool. Errors: a shift needs a committed offset.
protocol::Result<PlannedOffset> plan_offset(const ResetTarget& target, const PartitionOffsets& known);

}  // namespace tools
