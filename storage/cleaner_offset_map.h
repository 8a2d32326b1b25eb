// The cleaner's memory of a log's newest offset for each key: a fixed number of 24-byte slots, 128 bits of the key's
// hash and the offset. What Kafka calls SkimpyOffsetMap.
//
// The hash is SipHash-2-4 with a random key rather than Kafka's MD5: nothing outside one cleaning ever sees it, it is
// several times quicker, and nobody can prepare two keys that collide, of which compaction would drop one. Owned by one
// cleaner thread; no synchronisation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "protocol/bytes.h"
#include "storage/types.h"

namespace storage {

// SipHash-2-4 with 128 bits of output (Aumasson, Bernstein 2012).
std::array<std::uint64_t, 2> siphash128(protocol::Bytes data, std::array<std::uint64_t, 2> key);

class CleanerOffsetMap {
 public:
  static constexpr std::size_t slot_size = 24;

  // At least two slots. Memory is taken from the system as slots are used.
  CleanerOffsetMap(std::size_t slots, std::array<std::uint64_t, 2> hash_key);

  std::size_t slots() const { return slots_; }
  std::size_t size() const { return size_; }

  // Requires size() < slots() or that the key is there. The offset becomes latest_offset().
  void put(protocol::Bytes key, Offset offset);

  // -1: the key is not there.
  Offset get(protocol::Bytes key) const;

  // The last offset that was taken into account, whether its record had a key or not; -1 at first.
  Offset latest_offset() const { return latest_offset_; }
  void update_latest_offset(Offset offset) { latest_offset_ = offset; }

 private:
  struct Slot {
    std::array<std::uint64_t, 2> hash;
    Offset offset_plus_one;  // 0: the slot is empty
  };
  static_assert(sizeof(Slot) == slot_size);
  struct Free {
    void operator()(Slot* slots) const;
  };

  // The key's slot, or the empty one where it belongs, with its hash filled in.
  Slot& slot_of(protocol::Bytes key);

  const std::size_t slots_;
  const std::array<std::uint64_t, 2> hash_key_;
  std::unique_ptr<Slot[], Free> table_;
  std::size_t size_ = 0;
  Offset latest_offset_ = -1;
};

}  // namespace storage
