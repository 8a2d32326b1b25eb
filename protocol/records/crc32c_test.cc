#include "protocol/records/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace protocol {
namespace {

std::vector<std::byte> random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

TEST(Crc32c, MatchesTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0x00})), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xFF})), 0x62A8AB43u);
}

TEST(Crc32c, EveryWayAgreesAtEveryLengthAndAlignment) {
  const auto data = random_bytes(20'000, 1);
  const auto ways = crc32c_ways();
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size < 1'200; ++size) sizes.push_back(size);
  for (const std::size_t size : {3u * 4096u - 1, 3u * 4096u, 3u * 4096u + 1, 3u * 4096u + 769, 16'384u, 19'900u})
    sizes.push_back(size);
  for (const std::size_t size : sizes) {
    const Bytes piece = Bytes(data).subspan(size % 61, size);
    const std::uint32_t expected = ways.front().compute(piece, 7);
    for (const auto& way : ways) ASSERT_EQ(way.compute(piece, 7), expected) << way.name << " at " << size;
  }
}

TEST(Crc32c, ContinuesFromTheResultOfThePieceBefore) {
  const auto data = random_bytes(5'000, 2);
  for (const auto& way : crc32c_ways()) {
    for (const std::size_t cut : {0u, 1u, 255u, 300u, 2'500u, 5'000u}) {
      const Bytes all(data);
      EXPECT_EQ(way.compute(all.subspan(cut), way.compute(all.first(cut), 0)), way.compute(all, 0)) << way.name;
    }
  }
}

TEST(Crc32, MatchesTheKnownVectorAndContinues) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32(as_bytes("6789"), crc32(as_bytes("12345"))), 0xCBF43926u);
}

}  // namespace
}  // namespace protocol
