// Any bytes as the content of a __consumer_offsets partition: decoding, loading, and the first steps of what was
// loaded.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdint>

#include "coordination/group/group_shard.h"
#include "coordination/group/members.h"
#include "coordination/group/records.h"

using namespace coordination::group;

namespace {

// The next piece of the input: a length byte and that many bytes.
protocol::Bytes next_piece(protocol::Bytes& input) {
  if (input.empty()) return {};
  const std::size_t size = std::min<std::size_t>(std::to_integer<std::size_t>(input[0]), input.size() - 1);
  const protocol::Bytes piece = input.subspan(1, size);
  input = input.subspan(1 + size);
  return piece;
}

// What was decoded is encoded to something that decodes to the same.
void check_round_trip(protocol::Bytes bytes) {
  if (const auto offset = decode_offset(bytes)) {
    const Record again = offset_record("g", "t", 0, *offset);
    // The version with an expiry time has no leader epoch.
    OffsetAndMetadata expected = *offset;
    if (expected.expire_timestamp_ms) expected.leader_epoch = protocol::no_leader_epoch;
    if (*decode_offset(protocol::as_bytes(*again.value)) != expected) __builtin_trap();
  }
  if (const auto group = decode_group(bytes)) {
    const Record again = group_record("g", *group);
    if (*decode_group(protocol::as_bytes(*again.value)) != *group) __builtin_trap();
  }
}

}  // namespace

// A log line for each damaged record would cost more than reading it.
extern "C" int LLVMFuzzerInitialize(int*, char***) {
  spdlog::set_level(spdlog::level::off);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  protocol::Bytes input(reinterpret_cast<const std::byte*>(data), size);
  check_round_trip(input);
  (void)decode_key(input);
  (void)subscribed_topics(protocol::as_text(input));

  GroupConfig config;
  GroupShard shard(config);
  const Instant now{.wall_ms = 1'000'000, .monotonic_ms = 1'000};
  shard.start_loading(1);
  for (Offset offset = 0; !input.empty(); ++offset) {
    const protocol::Bytes key = next_piece(input);
    const protocol::Bytes value = next_piece(input);
    std::optional<ProducerId> transaction;
    if (offset % 5 == 4) transaction = offset % 3;
    if (offset % 7 == 6) shard.load_marker(offset % 3, offset % 2 == 0);
    shard.load_record(key, value.empty() ? std::nullopt : std::optional(value), offset, transaction, now);
  }
  shard.finish_loading(now);
  const Instant later{.wall_ms = now.wall_ms + 800'000'000, .monotonic_ms = now.monotonic_ms + 800'000'000};
  shard.timers_due(later);
  shard.expire_offsets(later);
  shard.unload(later);
  return 0;
}
