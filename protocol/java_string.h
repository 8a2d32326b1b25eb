// Strings as Java sees them: the partition of a group and the length of a commit's metadata depend on UTF-16.
// Pure functions. Bytes that are not UTF-8 count as U+FFFD, as Java's decoder has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace protocol {

// String.hashCode().
std::int32_t java_hash(std::string_view utf8);

// String.length().
std::size_t java_length(std::string_view utf8);

// The partition of __consumer_offsets or __transaction_state that a group's or a transactional id belongs to. Expects
// partition_count > 0.
std::int32_t partition_for(std::string_view id, std::int32_t partition_count);

}  // namespace protocol
