#include "tools/partitioner.h"

namespace tools {

std::uint32_t murmur2(protocol::Bytes data) {
  constexpr std::uint32_t multiplier = 0x5bd1e995, seed = 0x9747b28c;
  constexpr int rotation = 24;
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(data[i]); };
  std::uint32_t hash = seed ^ static_cast<std::uint32_t>(data.size());
  std::size_t i = 0;
  for (; i + 4 <= data.size(); i += 4) {
    std::uint32_t word = at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
    word *= multiplier;
    word ^= word >> rotation;
    word *= multiplier;
    hash *= multiplier;
    hash ^= word;
  }
  if (i < data.size()) {
    for (std::size_t k = data.size(); k-- > i;) hash ^= at(k) << (8 * (k - i));
    hash *= multiplier;
  }
  hash ^= hash >> 13;
  hash *= multiplier;
  hash ^= hash >> 15;
  return hash;
}

std::int32_t partition_of_key(protocol::Bytes key, std::int32_t partition_count) {
  return static_cast<std::int32_t>(murmur2(key) & 0x7fffffff) % partition_count;
}

}  // namespace tools
