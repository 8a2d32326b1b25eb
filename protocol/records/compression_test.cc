#include "protocol/records/compression.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <random>
#include <string>

#include "protocol/records/big_endian.h"
#include "protocol/records/testing.h"

namespace protocol {
namespace {

constexpr std::size_t plenty = std::size_t{1} << 30;
constexpr std::array codecs = {CompressionType::none, CompressionType::gzip, CompressionType::snappy,
                               CompressionType::lz4, CompressionType::zstd};

std::string text_of_size(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) text += random() % 2 == 0 ? "some words again " : testing::random_text(random, 30);
  text.resize(size);
  return text;
}

std::string decompressed(CompressionType type, std::int8_t magic, Bytes data) {
  const auto bytes = decompress(type, magic, data, plenty);
  return bytes ? std::string(as_text(*bytes)) : "failed: " + bytes.error().text();
}

std::vector<std::byte> operator+(std::vector<std::byte> a, const std::vector<std::byte>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Compression, EveryCodecGivesBackWhatItWasGiven) {
  for (const CompressionType codec : codecs) {
    for (const std::size_t size : {1u, 2u, 100u, 32'767u, 32'768u, 32'769u, 65'536u, 65'537u, 300'000u}) {
      const std::string text = text_of_size(size, static_cast<std::uint32_t>(size));
      const auto packed = compress(Compression::of(codec), magic_v2, as_bytes(text));
      EXPECT_EQ(decompressed(codec, magic_v2, packed), text) << name(codec) << ' ' << size;
    }
  }
}

TEST(Compression, LevelsAreAccepted) {
  const std::string text = text_of_size(50'000, 9);
  for (const Compression compression :
       {Compression{CompressionType::gzip, 1}, Compression{CompressionType::gzip, 9},
        Compression{CompressionType::lz4, 1}, Compression{CompressionType::lz4, 17},
        Compression{CompressionType::zstd, -5}, Compression{CompressionType::zstd, 19}}) {
    const auto packed = compress(compression, magic_v2, as_bytes(text));
    EXPECT_EQ(decompressed(compression.type, magic_v2, packed), text) << name(compression.type) << compression.level;
  }
}

TEST(Compression, HandsOutAsLittleAsIsAskedFor) {
  const std::string text = text_of_size(100'000, 3);
  for (const CompressionType codec : codecs) {
    const auto packed = compress(Compression::of(codec), magic_v2, as_bytes(text));
    Decompressor decompressor;
    ASSERT_TRUE(decompressor.start(codec, magic_v2, packed));
    std::string got;
    std::array<std::byte, 7> piece;
    while (true) {
      const auto count = decompressor.read(piece);
      ASSERT_TRUE(count);
      if (*count == 0) break;
      got += as_text(Bytes(piece).first(*count));
    }
    EXPECT_EQ(got, text) << name(codec);
  }
}

TEST(Compression, ADecompressorCanBeUsedAgainAfterAnAbandonedOrFailedStream) {
  Decompressor decompressor;
  std::vector<std::byte> room(100'000);
  for (const CompressionType codec : codecs) {
    if (codec == CompressionType::none) continue;
    for (int round = 0; round < 3; ++round) {
      const std::string text = text_of_size(70'000, static_cast<std::uint32_t>(round));
      auto packed = compress(Compression::of(codec), magic_v2, as_bytes(text));
      ASSERT_TRUE(decompressor.start(codec, magic_v2, packed));
      ASSERT_TRUE(decompressor.read(std::span(room).first(10)));
      const Bytes torn = Bytes(packed).first(packed.size() - packed.size() / 4);
      ASSERT_TRUE(decompressor.start(codec, magic_v2, torn));
      while (decompressor.read(room).value_or(0) > 0) {
      }
      ASSERT_TRUE(decompressor.start(codec, magic_v2, packed));
      std::size_t total = 0;
      while (const std::size_t count = decompressor.read(room).value()) total += count;
      EXPECT_EQ(total, text.size()) << name(codec);
    }
  }
}

TEST(Compression, EveryTruncationFailsOrGivesAPrefix) {
  const std::string text = text_of_size(5'000, 4);
  for (const CompressionType codec : codecs) {
    const auto packed = compress(Compression::of(codec), magic_v2, as_bytes(text));
    for (std::size_t size = 0; size < packed.size(); ++size) {
      // A copy, so that the address sanitizer sees a read beyond its end.
      const std::vector<std::byte> cut(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size));
      const auto got = decompress(codec, magic_v2, cut, plenty);
      if (got) {
        EXPECT_TRUE(std::string_view(text).starts_with(as_text(*got))) << name(codec) << ' ' << size;
        EXPECT_LT(got->size(), text.size());
      }
    }
  }
}

TEST(Compression, DamagedBytesNeverCrash) {
  std::mt19937 random(5);
  const std::string text = text_of_size(3'000, 6);
  std::size_t refused = 0;
  for (const CompressionType codec : codecs) {
    const auto packed = compress(Compression::of(codec), magic_v2, as_bytes(text));
    for (int round = 0; round < 3'000; ++round) {
      auto damaged = packed;
      for (auto left = 1 + random() % 4; left > 0; --left)
        damaged[random() % damaged.size()] = static_cast<std::byte>(random());
      refused += !decompress(codec, magic_v2, damaged, std::size_t{1} << 20);
    }
  }
  EXPECT_GT(refused, 3'000u);
}

TEST(Compression, ABombStopsAtTheLimit) {
  std::string zeros;
  zeros.resize(20'000'000);
  for (const CompressionType codec : codecs) {
    const auto packed = compress(Compression::of(codec), magic_v2, as_bytes(zeros));
    EXPECT_FALSE(decompress(codec, magic_v2, packed, 1'000'000)) << name(codec);
    EXPECT_TRUE(decompress(codec, magic_v2, packed, 20'000'000)) << name(codec);
  }
}

TEST(Compression, UnknownCodecsAreRefused) {
  Decompressor decompressor;
  EXPECT_EQ(decompressor.start(static_cast<CompressionType>(5), magic_v2, as_bytes("x")).code(),
            ErrorCode::corrupt_message);
  EXPECT_FALSE(parse_compression_type("producer"));
  EXPECT_EQ(parse_compression_type("uncompressed"), CompressionType::none);
  EXPECT_EQ(parse_compression_type("zstd"), CompressionType::zstd);
}

TEST(GzipCompression, MembersMayFollowEachOther) {
  const auto gzip = Compression::of(CompressionType::gzip);
  const auto two = compress(gzip, magic_v2, as_bytes("one ")) + compress(gzip, magic_v2, as_bytes("two"));
  EXPECT_EQ(decompressed(CompressionType::gzip, magic_v2, two), "one two");
}

TEST(GzipCompression, WhatFollowsAMemberIsIgnoredUnlessItIsOne) {
  auto data = compress(Compression::of(CompressionType::gzip), magic_v2, as_bytes("one"));
  data.resize(data.size() + 50);
  EXPECT_EQ(decompressed(CompressionType::gzip, magic_v2, data), "one");
}

TEST(GzipCompression, WithAWrongTrailerTheDataComeFirst) {
  for (const std::size_t from_end : {8, 4}) {  // checksum, size
    auto data = compress(Compression::of(CompressionType::gzip), magic_v2, as_bytes("some text"));
    data[data.size() - from_end] ^= std::byte{1};
    Decompressor decompressor;
    ASSERT_TRUE(decompressor.start(CompressionType::gzip, magic_v2, data));
    std::array<std::byte, 100> out;
    EXPECT_EQ(decompressor.read(out).value_or(0), 9u);
    EXPECT_EQ(decompressor.read(out).code(), ErrorCode::corrupt_message);
  }
}

TEST(ZstdCompression, FramesMayFollowEachOther) {
  const auto zstd = Compression::of(CompressionType::zstd);
  const auto two = compress(zstd, magic_v2, as_bytes("one ")) + compress(zstd, magic_v2, as_bytes("two"));
  EXPECT_EQ(decompressed(CompressionType::zstd, magic_v2, two), "one two");
}

TEST(SnappyCompression, IsWrittenInSnappyJavasFraming) {
  const auto packed = compress(Compression::of(CompressionType::snappy), magic_v2, as_bytes(std::string(40'000, 'x')));
  EXPECT_EQ(as_text(Bytes(packed).first(8)), std::string_view("\x82SNAPPY\0", 8));
  EXPECT_EQ(load_be<std::int32_t>(packed.data() + 8), 1);
  EXPECT_EQ(load_be<std::int32_t>(packed.data() + 12), 1);
  const auto first_block = static_cast<std::size_t>(load_be<std::int32_t>(packed.data() + 16));
  std::string block;
  ASSERT_TRUE(snappy::Uncompress(reinterpret_cast<const char*>(packed.data()) + 20, first_block, &block));
  EXPECT_EQ(block.size(), 32'768u);
}

TEST(SnappyCompression, RawBlocksAndConcatenatedFramesAreRead) {
  std::string raw;
  const std::string text = text_of_size(100'000, 8);
  snappy::Compress(text.data(), text.size(), &raw);
  EXPECT_EQ(decompressed(CompressionType::snappy, magic_v2, as_bytes(raw)), text);
  const auto snappy = Compression::of(CompressionType::snappy);
  const auto two = compress(snappy, magic_v2, as_bytes("one ")) + compress(snappy, magic_v2, as_bytes("two"));
  EXPECT_EQ(decompressed(CompressionType::snappy, magic_v2, two), "one two");
}

TEST(SnappyCompression, ABlockThatClaimsTooMuchIsRefusedBeforeAnythingIsAllocated) {
  const std::string lie =
      "\xFF\xFF\xFF\xFF\x0F"
      "abcdef";
  EXPECT_EQ(decompress(CompressionType::snappy, magic_v2, as_bytes(lie), plenty).code(), ErrorCode::corrupt_message);
}

TEST(Lz4Compression, Magic0HasItsOwnHeaderChecksumAndIsReadWithAny) {
  const auto lz4 = Compression::of(CompressionType::lz4);
  const auto old = compress(lz4, magic_v0, as_bytes("hello"));
  const auto right = compress(lz4, magic_v1, as_bytes("hello"));
  EXPECT_NE(old[6], right[6]);
  EXPECT_EQ(right[6], std::byte{0x82});  // as the lz4 tool writes for these flags
  EXPECT_EQ(decompressed(CompressionType::lz4, magic_v0, old), "hello");
  EXPECT_EQ(decompressed(CompressionType::lz4, magic_v0, right), "hello");
  EXPECT_EQ(decompressed(CompressionType::lz4, magic_v1, right), "hello");
  EXPECT_EQ(decompress(CompressionType::lz4, magic_v1, old, plenty).code(), ErrorCode::corrupt_message);
}

TEST(Lz4Compression, DependentBlocksAreRefusedAsKafkaDoes) {
  auto data = compress(Compression::of(CompressionType::lz4), magic_v0, as_bytes("hello"));
  data[4] &= ~std::byte{0x20};
  EXPECT_EQ(decompress(CompressionType::lz4, magic_v0, data, plenty).code(), ErrorCode::corrupt_message);
}

}  // namespace
}  // namespace protocol
