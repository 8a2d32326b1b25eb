#include "protocol/java_string.h"

#include <limits>

namespace protocol {
namespace {

constexpr char32_t replacement = 0xFFFD;

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// The code point that starts at `position`, which moves behind it.
char32_t next_code_point(std::string_view utf8, std::size_t& position) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(utf8[i]); };
  const unsigned char first = byte(position++);
  if (first < 0x80) return first;
  std::size_t following = 0;
  char32_t value = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    following = 1;
    value = first & 0x1F;
  } else if (first >= 0xE0 && first <= 0xEF) {
    following = 2;
    value = first & 0x0F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    following = 3;
    value = first & 0x07;
  } else {
    return replacement;
  }
  for (std::size_t i = 0; i < following; ++i) {
    if (position >= utf8.size() || !is_continuation(byte(position))) return replacement;
    value = value << 6 | (byte(position++) & 0x3F);
  }
  const bool overlong = (following == 2 && value < 0x800) || (following == 3 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  return overlong || surrogate || value > 0x10FFFF ? replacement : value;
}

template <typename F>
void for_each_utf16_unit(std::string_view utf8, F f) {
  for (std::size_t position = 0; position < utf8.size();) {
    const char32_t code_point = next_code_point(utf8, position);
    if (code_point < 0x10000) {
      f(static_cast<std::uint32_t>(code_point));
    } else {
      f(static_cast<std::uint32_t>(0xD800 + ((code_point - 0x10000) >> 10)));
      f(static_cast<std::uint32_t>(0xDC00 + ((code_point - 0x10000) & 0x3FF)));
    }
  }
}

}  // namespace

std::int32_t java_hash(std::string_view utf8) {
  std::uint32_t hash = 0;
  for_each_utf16_unit(utf8, [&](std::uint32_t unit) { hash = hash * 31 + unit; });
  return static_cast<std::int32_t>(hash);
}

std::size_t java_length(std::string_view utf8) {
  std::size_t length = 0;
  for_each_utf16_unit(utf8, [&](std::uint32_t) { ++length; });
  return length;
}

std::int32_t partition_for(std::string_view id, std::int32_t partition_count) {
  const std::int32_t hash = java_hash(id);
  // Kafka's Utils.abs: the smallest integer has no positive counterpart and counts as 0.
  if (hash == std::numeric_limits<std::int32_t>::min()) return 0;
  return (hash < 0 ? -hash : hash) % partition_count;
}

}  // namespace protocol
