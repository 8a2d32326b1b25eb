// Topic ids, and the well-mixed numbers they are made of. Pure functions: the randomness is a seed.
#pragma once

#include <cstdint>

#include "protocol/types.h"

namespace coordination::cluster {

// Well-mixed numbers from a seed and a counter (splitmix64).
std::uint64_t mix(std::uint64_t seed);

// A random (version 4) UUID as Kafka makes them for topics: none whose text starts with a dash, which tools would read
// as an option. Seeds that follow each other may give the same id: mix them first.
protocol::Uuid make_topic_id(std::uint64_t seed);

}  // namespace coordination::cluster
