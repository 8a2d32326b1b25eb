// The checksums of record batches: CRC32C for magic 2, producer snapshots and the like; CRC-32 (IEEE) for magic 0
// and 1.
//
// crc32c() picks the fastest way this CPU has, once, at the first call; every way gives the same result. Pure
// functions, safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/bytes.h"

namespace protocol {

// CRC32C (Castagnoli) of data. To go on over several pieces, pass the result of the piece before as the seed.
std::uint32_t crc32c(Bytes data, std::uint32_t seed = 0);

// CRC-32 (IEEE 802.3), as magic 0 and 1 carry it. The seed works as above.
std::uint32_t crc32(Bytes data, std::uint32_t seed = 0);

// One way to compute CRC32C that works on this machine; for tests and benchmarks.
struct Crc32cWay {
  std::string_view name;
  std::uint32_t (*compute)(Bytes data, std::uint32_t seed);
};

// All ways that this CPU supports, slowest (portable) first; crc32c() uses the last.
std::span<const Crc32cWay> crc32c_ways();

}  // namespace protocol
