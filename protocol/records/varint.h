// The variable-length numbers inside v2 records: zigzag, seven bits a byte, at most 5 or 10 bytes, as Kafka's
// ByteUtils. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace protocol {

inline constexpr std::size_t max_varint_size = 5, max_varlong_size = 10;

namespace detail {

template <typename Unsigned, std::size_t max_size>
const std::byte* read_unsigned(const std::byte* at, const std::byte* end, Unsigned& value) {
  Unsigned result = 0;
  for (std::size_t i = 0; i < max_size && at != end; ++i) {
    const auto byte = static_cast<std::uint8_t>(*at++);
    result |= static_cast<Unsigned>(static_cast<Unsigned>(byte & 0x7F) << (7 * i));
    if (byte < 0x80) {
      value = result;
      return at;
    }
  }
  return nullptr;
}

template <typename Unsigned>
std::size_t unsigned_size(Unsigned value) {
  std::size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

template <typename Unsigned>
std::byte* write_unsigned(std::byte* to, Unsigned value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<std::byte>((value & 0x7F) | 0x80);
  *to++ = static_cast<std::byte>(value);
  return to;
}

}  // namespace detail

constexpr std::uint32_t zigzag(std::int32_t value) {
  return (static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31);
}
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int32_t unzigzag(std::uint32_t value) {
  return static_cast<std::int32_t>((value >> 1) ^ (0U - (value & 1)));
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (0U - (value & 1)));
}

// Reads a number that starts at `at`; returns where the next thing starts, or null when it does not end before `end`
// or within its largest size. Most numbers in records take one byte.
inline const std::byte* read_varint(const std::byte* at, const std::byte* end, std::int32_t& value) {
  if (at != end && static_cast<std::uint8_t>(*at) < 0x80) {
    value = unzigzag(static_cast<std::uint32_t>(*at));
    return at + 1;
  }
  std::uint32_t raw = 0;
  at = detail::read_unsigned<std::uint32_t, max_varint_size>(at, end, raw);
  value = unzigzag(raw);
  return at;
}
inline const std::byte* read_varlong(const std::byte* at, const std::byte* end, std::int64_t& value) {
  if (at != end && static_cast<std::uint8_t>(*at) < 0x80) {
    value = unzigzag(static_cast<std::uint64_t>(*at));
    return at + 1;
  }
  std::uint64_t raw = 0;
  at = detail::read_unsigned<std::uint64_t, max_varlong_size>(at, end, raw);
  value = unzigzag(raw);
  return at;
}

inline std::size_t varint_size(std::int32_t value) { return detail::unsigned_size(zigzag(value)); }
inline std::size_t varlong_size(std::int64_t value) { return detail::unsigned_size(zigzag(value)); }

// Writes at `to`, which has room; returns where the next thing goes.
inline std::byte* write_varint(std::byte* to, std::int32_t value) { return detail::write_unsigned(to, zigzag(value)); }
inline std::byte* write_varlong(std::byte* to, std::int64_t value) { return detail::write_unsigned(to, zigzag(value)); }

}  // namespace protocol
