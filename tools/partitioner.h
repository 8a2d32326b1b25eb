// Which partition a record goes to when the user doesn't say: by its key as Kafka's Java producer does it, so that
// equal keys from both meet. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/bytes.h"

namespace tools {

// MurmurHash2, 32 bits, with the seed of Kafka's Utils.murmur2.
std::uint32_t murmur2(protocol::Bytes data);

// REQUIRES partition_count > 0.
std::int32_t partition_of_key(protocol::Bytes key, std::int32_t partition_count);

}  // namespace tools
