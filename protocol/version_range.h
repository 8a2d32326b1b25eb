// The versions of a message: what a definition knows, what a peer offers. Values.
#pragma once

#include <algorithm>
#include <cstdint>

namespace protocol {

// Both ends included; empty when min > max.
struct VersionRange {
  std::int16_t min = 0;
  std::int16_t max = -1;

  constexpr bool contains(std::int16_t version) const { return min <= version && version <= max; }
  constexpr bool empty() const { return min > max; }
  constexpr VersionRange intersect(VersionRange other) const {
    return {std::max(min, other.min), std::min(max, other.max)};
  }
  constexpr bool operator==(const VersionRange&) const = default;
};

// first_flexible_version of messages that have no flexible version.
inline constexpr std::int16_t never_flexible = 32767;

}  // namespace protocol
