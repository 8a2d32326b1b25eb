// Fixed-width big-endian numbers at any address. Pure functions without bounds checks: the caller has checked the
// length.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace protocol {

template <std::integral T>
constexpr T swap_to_big_endian(T value) {
  using Unsigned = std::make_unsigned_t<T>;
  if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) return value;
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<Unsigned>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<Unsigned>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<Unsigned>(value)));
}

template <std::integral T>
T load_be(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return swap_to_big_endian(value);
}

template <std::integral T>
void store_be(std::byte* to, T value) {
  value = swap_to_big_endian(value);
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace protocol
