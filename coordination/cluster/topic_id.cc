#include "coordination/cluster/topic_id.h"

#include <cstddef>

namespace coordination::cluster {

using protocol::Uuid;

std::uint64_t mix(std::uint64_t seed) {
  seed += 0x9E3779B97F4A7C15ULL;
  seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EBULL;
  return seed ^ (seed >> 31);
}

Uuid make_topic_id(std::uint64_t seed) {
  for (;; ++seed) {
    Uuid id;
    for (std::size_t i = 0; i < id.bytes.size(); ++i) {
      const std::uint64_t word = mix(seed * 2 + i / 8);
      id.bytes[i] = static_cast<std::byte>(word >> (i % 8 * 8));
    }
    id.bytes[6] = (id.bytes[6] & std::byte{0x0f}) | std::byte{0x40};
    id.bytes[8] = (id.bytes[8] & std::byte{0x3f}) | std::byte{0x80};
    if (id.to_string().front() != '-') return id;
  }
}

}  // namespace coordination::cluster
