#include "storage/cleaner_offset_map.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>

namespace storage {
namespace {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  std::uint64_t finish(std::uint64_t& marked, std::uint64_t mark) {
    marked ^= mark;
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

std::array<std::uint64_t, 2> siphash128(protocol::Bytes data, std::array<std::uint64_t, 2> key) {
  static_assert(std::endian::native == std::endian::little);
  SipState state{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
                 key[1] ^ 0x7465646279746573};
  state.v1 ^= 0xee;
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    state.take(word);
  }
  std::uint64_t last = static_cast<std::uint64_t>(data.size()) << 56;
  for (std::size_t i = 0; i < left; ++i) last |= static_cast<std::uint64_t>(at[i]) << (8 * i);
  state.take(last);
  const std::uint64_t first = state.finish(state.v2, 0xee);
  return {first, state.finish(state.v1, 0xdd)};
}

void CleanerOffsetMap::Free::operator()(Slot* slots) const { std::free(slots); }

// calloc: the system hands out zeroed pages one by one as they are touched.
CleanerOffsetMap::CleanerOffsetMap(std::size_t slots, std::array<std::uint64_t, 2> hash_key)
    : slots_(std::max<std::size_t>(slots, 2)),
      hash_key_(hash_key),
      table_(static_cast<Slot*>(std::calloc(slots_, sizeof(Slot)))) {
  if (!table_) throw std::bad_alloc();
}

CleanerOffsetMap::Slot& CleanerOffsetMap::slot_of(protocol::Bytes key) {
  const auto hash = siphash128(key, hash_key_);
  std::size_t index = hash[0] % slots_;
  for (std::size_t probe = 0; probe < slots_; ++probe) {
    Slot& slot = table_[index];
    if (slot.offset_plus_one == 0 || slot.hash == hash) {
      slot.hash = hash;
      return slot;
    }
    if (++index == slots_) index = 0;
  }
  assert(false && "the map is full");
  return table_[0];
}

void CleanerOffsetMap::put(protocol::Bytes key, Offset offset) {
  Slot& slot = slot_of(key);
  if (slot.offset_plus_one == 0) ++size_;
  slot.offset_plus_one = offset + 1;
  latest_offset_ = offset;
}

Offset CleanerOffsetMap::get(protocol::Bytes key) const {
  const auto hash = siphash128(key, hash_key_);
  std::size_t index = hash[0] % slots_;
  for (std::size_t probe = 0; probe < slots_; ++probe) {
    const Slot& slot = table_[index];
    if (slot.offset_plus_one == 0) return -1;
    if (slot.hash == hash) return slot.offset_plus_one - 1;
    if (++index == slots_) index = 0;
  }
  return -1;
}

}  // namespace storage
