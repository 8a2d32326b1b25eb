#include "protocol/records/crc32c.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace protocol {
namespace {

// ---- Arithmetic modulo the Castagnoli polynomial, bit-reflected: the most significant bit is the coefficient of x^0.

constexpr std::uint32_t polynomial = 0x82F63B78;

// a * x
constexpr std::uint32_t times_x(std::uint32_t a) { return (a >> 1) ^ ((a & 1) != 0 ? polynomial : 0); }

// a * b
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (; a != 0; a <<= 1) {
    if ((a & 0x80000000) != 0) product ^= b;
    b = times_x(b);
  }
  return product;
}

// x^n
constexpr std::uint32_t power_of_x(std::uint64_t n) {
  std::uint32_t result = 0x80000000, square = 0x40000000;
  for (; n != 0; n >>= 1) {
    if ((n & 1) != 0) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

// ---- Portable: eight bytes a step, a table for each of their positions.

using SlicingTables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr SlicingTables make_slicing_tables() {
  SlicingTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = times_x(crc);
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < 8; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr SlicingTables slicing = make_slicing_tables();

std::uint32_t portable_crc(Bytes data, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    std::array<std::uint8_t, 8> b;
    std::memcpy(b.data(), at, 8);
    crc = slicing[7][b[0] ^ (crc & 0xFF)] ^ slicing[6][b[1] ^ ((crc >> 8) & 0xFF)] ^
          slicing[5][b[2] ^ ((crc >> 16) & 0xFF)] ^ slicing[4][b[3] ^ (crc >> 24)] ^ slicing[3][b[4]] ^
          slicing[2][b[5]] ^ slicing[1][b[6]] ^ slicing[0][b[7]];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ slicing[0][(crc ^ static_cast<std::uint8_t>(*at)) & 0xFF];
  return ~crc;
}

#if defined(__x86_64__)

// ---- SSE4.2: the crc32 instruction takes three cycles but starts every cycle, so three streams run side by side.
// Their remainders are joined by multiplying with the power of x that the bytes behind them stand for.

using ShiftTables = std::array<std::array<std::uint32_t, 256>, 4>;

// Tables that multiply a remainder with x^(8 * bytes).
constexpr ShiftTables make_shift_tables(std::size_t bytes) {
  ShiftTables tables{};
  const std::uint32_t factor = power_of_x(8 * bytes);
  for (std::size_t position = 0; position < 4; ++position) {
    for (std::uint32_t bit = 0; bit < 8; ++bit) {
      tables[position][1U << bit] = multiply(1U << (8 * position + bit), factor);
    }
    for (std::uint32_t byte = 1; byte < 256; ++byte) {
      tables[position][byte] = tables[position][byte & (byte - 1)] ^ tables[position][byte & (~byte + 1)];
    }
  }
  return tables;
}

constexpr std::size_t long_stream = 4096, short_stream = 256;
constexpr ShiftTables long_shift = make_shift_tables(long_stream);
constexpr ShiftTables short_shift = make_shift_tables(short_stream);

std::uint32_t shift(const ShiftTables& tables, std::uint64_t crc) {
  return tables[0][crc & 0xFF] ^ tables[1][(crc >> 8) & 0xFF] ^ tables[2][(crc >> 16) & 0xFF] ^
         tables[3][(crc >> 24) & 0xFF];
}

std::uint64_t load_word(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) std::uint64_t sse_tail(std::uint64_t crc, const std::byte* at, std::size_t left) {
  for (; left >= 8; left -= 8, at += 8) crc = _mm_crc32_u64(crc, load_word(at));
  for (; left > 0; --left, ++at) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), static_cast<std::uint8_t>(*at));
  }
  return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t sse_crc(Bytes data, std::uint32_t seed) {
  std::uint64_t crc = ~seed;
  const std::byte* at = data.data();
  std::size_t left = data.size();
  for (const std::size_t stream : {long_stream, short_stream}) {
    const ShiftTables& tables = stream == long_stream ? long_shift : short_shift;
    for (; left >= 3 * stream; left -= 3 * stream, at += 3 * stream) {
      std::uint64_t second = 0, third = 0;
      for (std::size_t i = 0; i < stream; i += 8) {
        crc = _mm_crc32_u64(crc, load_word(at + i));
        second = _mm_crc32_u64(second, load_word(at + stream + i));
        third = _mm_crc32_u64(third, load_word(at + 2 * stream + i));
      }
      crc = shift(tables, crc) ^ second;
      crc = shift(tables, crc) ^ third;
    }
  }
  return ~static_cast<std::uint32_t>(sse_tail(crc, at, left));
}

// ---- Carry-less multiplication: 128-bit pieces are folded onto the piece that lies `bits` behind them. The two
// factors move the low and the high half of a piece there; the offsets of the exponents come from the 32-bit factor and
// the reflected 64-bit operand.
consteval std::uint32_t fold_low(std::uint64_t bits) { return power_of_x(bits + 31); }
consteval std::uint32_t fold_high(std::uint64_t bits) { return power_of_x(bits - 33); }

__attribute__((target("sse4.2,pclmul"))) __m128i factors(std::uint32_t low, std::uint32_t high) {
  return _mm_set_epi64x(high, low);
}

__attribute__((target("sse4.2,pclmul"))) __m128i fold(__m128i piece, __m128i factor, __m128i onto) {
  const __m128i low = _mm_clmulepi64_si128(piece, factor, 0x00);
  const __m128i high = _mm_clmulepi64_si128(piece, factor, 0x11);
  return _mm_xor_si128(onto, _mm_xor_si128(low, high));
}

__attribute__((target("sse4.2,pclmul"))) __m128i load_piece(const std::byte* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// The remainder of one 128-bit piece, which the crc32 instruction computes by itself.
__attribute__((target("sse4.2,pclmul"))) std::uint64_t remainder_of(__m128i piece) {
  const std::uint64_t crc = _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(piece)));
  return _mm_crc32_u64(crc, static_cast<std::uint64_t>(_mm_extract_epi64(piece, 1)));
}

constexpr std::size_t clmul_worth_it = 256;

__attribute__((target("sse4.2,pclmul"))) std::uint32_t clmul_crc(Bytes data, std::uint32_t seed) {
  if (data.size() < clmul_worth_it) return sse_crc(data, seed);
  const std::byte* at = data.data();
  std::size_t left = data.size() - 64;
  __m128i a = _mm_xor_si128(load_piece(at), _mm_cvtsi32_si128(static_cast<int>(~seed)));
  __m128i b = load_piece(at + 16), c = load_piece(at + 32), d = load_piece(at + 48);
  at += 64;
  const __m128i by_512 = factors(fold_low(512), fold_high(512));
  for (; left >= 64; left -= 64, at += 64) {
    a = fold(a, by_512, load_piece(at));
    b = fold(b, by_512, load_piece(at + 16));
    c = fold(c, by_512, load_piece(at + 32));
    d = fold(d, by_512, load_piece(at + 48));
  }
  const __m128i by_128 = factors(fold_low(128), fold_high(128));
  const __m128i all = fold(fold(fold(a, by_128, b), by_128, c), by_128, d);
  return ~static_cast<std::uint32_t>(sse_tail(remainder_of(all), at, left));
}

// ---- The same with four 128-bit pieces in each AVX-512 register.

#define BARNABAS_AVX512 __attribute__((target("sse4.2,pclmul,avx512f,avx512vl,vpclmulqdq")))

BARNABAS_AVX512 __m512i fold_wide(__m512i pieces, __m512i factor, __m512i onto) {
  const __m512i low = _mm512_clmulepi64_epi128(pieces, factor, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(pieces, factor, 0x11);
  constexpr int xor_of_three = 0x96;
  return _mm512_ternarylogic_epi64(low, high, onto, xor_of_three);
}

BARNABAS_AVX512 std::uint32_t avx512_crc(Bytes data, std::uint32_t seed) {
  if (data.size() < 2 * clmul_worth_it) return clmul_crc(data, seed);
  const std::byte* at = data.data();
  std::size_t left = data.size() - 256;
  const __m512i start = _mm512_inserti32x4(_mm512_setzero_si512(), _mm_cvtsi32_si128(static_cast<int>(~seed)), 0);
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(at), start);
  __m512i b = _mm512_loadu_si512(at + 64), c = _mm512_loadu_si512(at + 128), d = _mm512_loadu_si512(at + 192);
  at += 256;
  const __m512i by_2048 = _mm512_broadcast_i32x4(factors(fold_low(2048), fold_high(2048)));
  for (; left >= 256; left -= 256, at += 256) {
    a = fold_wide(a, by_2048, _mm512_loadu_si512(at));
    b = fold_wide(b, by_2048, _mm512_loadu_si512(at + 64));
    c = fold_wide(c, by_2048, _mm512_loadu_si512(at + 128));
    d = fold_wide(d, by_2048, _mm512_loadu_si512(at + 192));
  }
  const __m512i by_512 = _mm512_broadcast_i32x4(factors(fold_low(512), fold_high(512)));
  __m512i all = fold_wide(fold_wide(fold_wide(a, by_512, b), by_512, c), by_512, d);
  for (; left >= 64; left -= 64, at += 64) all = fold_wide(all, by_512, _mm512_loadu_si512(at));
  const __m128i by_128 = factors(fold_low(128), fold_high(128));
  __m128i piece = fold(_mm512_extracti32x4_epi32(all, 0), by_128, _mm512_extracti32x4_epi32(all, 1));
  piece = fold(piece, by_128, _mm512_extracti32x4_epi32(all, 2));
  piece = fold(piece, by_128, _mm512_extracti32x4_epi32(all, 3));
  return ~static_cast<std::uint32_t>(sse_tail(remainder_of(piece), at, left));
}

#undef BARNABAS_AVX512

#endif  // __x86_64__

struct Ways {
  std::array<Crc32cWay, 4> ways;
  std::size_t count = 0;

  void add(std::string_view name, std::uint32_t (*compute)(Bytes, std::uint32_t)) { ways[count++] = {name, compute}; }
};

Ways find_ways() {
  Ways found;
  found.add("portable", portable_crc);
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("sse4.2")) return found;
  // 128-bit folding alone does not beat three streams of the crc32 instruction; 512-bit folding does, two times over.
  const bool clmul = __builtin_cpu_supports("pclmul");
  if (clmul) found.add("pclmul", clmul_crc);
  found.add("sse4.2", sse_crc);
  if (clmul && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("vpclmulqdq")) {
    found.add("vpclmul-avx512", avx512_crc);
  }
#endif
  return found;
}

}  // namespace

std::span<const Crc32cWay> crc32c_ways() {
  static const Ways found = find_ways();
  return std::span(found.ways).first(found.count);
}

std::uint32_t crc32c(Bytes data, std::uint32_t seed) {
  static const auto fastest = crc32c_ways().back().compute;
  return fastest(data, seed);
}

std::uint32_t crc32(Bytes data, std::uint32_t seed) {
  constexpr std::size_t piece = std::numeric_limits<uInt>::max();
  uLong crc = seed;
  for (std::size_t at = 0; at < data.size(); at += piece) {
    const Bytes part = data.subspan(at, std::min(piece, data.size() - at));
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(part.data()), static_cast<uInt>(part.size()));
  }
  return static_cast<std::uint32_t>(crc);
}

}  // namespace protocol
