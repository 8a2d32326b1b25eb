#include "tools/reset_plan.h"

#include <limits>

#include <fmt/format.h>

namespace tools {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Offset, protocol::Result;
using Kind = ResetTarget::Kind;

PlannedOffset within(Offset wanted, const PartitionOffsets& known) {
  if (wanted < known.start) return {known.start, fmt::format("{} is gone", wanted)};
  if (wanted > known.end) return {known.end, fmt::format("{} is beyond the end", wanted)};
  return {wanted, {}};
}

// A sum that stays within the numbers: far outside of any log is outside all the same.
Offset shifted(Offset offset, std::int64_t by) {
  Offset sum = 0;
  if (!__builtin_add_overflow(offset, by, &sum)) return sum;
  return by < 0 ? std::numeric_limits<Offset>::min() : std::numeric_limits<Offset>::max();
}

}  // namespace

Result<PlannedOffset> plan_offset(const ResetTarget& target, const PartitionOffsets& known) {
  switch (target.kind) {
    case Kind::earliest:
      return PlannedOffset{known.start, {}};
    case Kind::latest:
      return PlannedOffset{known.end, {}};
    case Kind::offset:
      return within(target.value, known);
    case Kind::time:
      if (known.at_time < 0) return PlannedOffset{known.end, "no record that late"};
      return within(known.at_time, known);
    case Kind::shift:
      if (!known.committed) return fail(ErrorCode::invalid_request, "nothing was committed that could be shifted");
      return within(shifted(*known.committed, target.value), known);
    case Kind::current:
      if (!known.committed) return PlannedOffset{known.end, "nothing was committed"};
      return within(*known.committed, known);
  }
  return fail(ErrorCode::invalid_request);
}

}  // namespace tools
