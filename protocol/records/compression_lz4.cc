// LZ4 frames, the part of the format that Kafka's Java reader and writer know: independent blocks, no dictionaries.
// Magic 0 checksums the frame's magic number along with the descriptor, which no other reader expects; on reading it is
// not checked there, as Java doesn't.
#include <lz4.h>
#include <lz4hc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "protocol/records/compression_streams.h"

namespace protocol {
namespace {

constexpr std::uint32_t frame_magic = 0x184D2204;
constexpr std::uint32_t stored_flag = 0x80000000;  // in a block's length: not compressed
constexpr std::uint8_t block_checksum_flag = 0x10, content_size_flag = 0x08, content_checksum_flag = 0x04;
constexpr std::uint8_t version_and_independence = 0x60;  // version 1, independent blocks
constexpr std::uint8_t block_size_64_kib = 4;

std::uint32_t load_le(const std::byte* at) {
  static_assert(std::endian::native == std::endian::little);
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void append_le(std::vector<std::byte>& to, std::uint32_t value) {
  std::array<std::byte, 4> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  append(to, bytes);
}

// xxHash32 with seed 0.
std::uint32_t xxhash32(Bytes data) {
  constexpr std::uint32_t p1 = 2654435761U, p2 = 2246822519U, p3 = 3266489917U, p4 = 668265263U, p5 = 374761393U;
  const std::byte* at = data.data();
  const std::byte* const end = at + data.size();
  std::uint32_t hash = p5;
  if (data.size() >= 16) {
    std::array<std::uint32_t, 4> lanes = {p1 + p2, p2, 0, 0U - p1};
    for (; end - at >= 16; at += 16) {
      for (std::size_t lane = 0; lane < 4; ++lane) {
        lanes[lane] = std::rotl(lanes[lane] + load_le(at + 4 * lane) * p2, 13) * p1;
      }
    }
    hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
  }
  hash += static_cast<std::uint32_t>(data.size());
  for (; end - at >= 4; at += 4) hash = std::rotl(hash + load_le(at) * p3, 17) * p4;
  for (; at != end; ++at) hash = std::rotl(hash + static_cast<std::uint8_t>(*at) * p5, 11) * p1;
  hash = (hash ^ (hash >> 15)) * p2;
  hash = (hash ^ (hash >> 13)) * p3;
  return hash ^ (hash >> 16);
}

std::byte header_checksum(Bytes descriptor) { return static_cast<std::byte>(xxhash32(descriptor) >> 8); }

struct Lz4Stream final : Decompressor::Stream {
  Result<void> start(std::int8_t magic, Bytes input) override {
    give_back_if_large(block);
    rest = input;
    ready = {};
    ended = false;
    if (rest.size() < 7) return damaged("the LZ4 data end early");
    if (load_le(rest.data()) != frame_magic) return damaged("the data do not start with an LZ4 frame");
    flags = static_cast<std::uint8_t>(rest[4]);
    const auto size_code = static_cast<std::uint8_t>(rest[5]);
    constexpr std::uint8_t flags_that_must_match = 0xE3;  // version, independence, and the reserved bits
    if ((flags & flags_that_must_match) != version_and_independence) {
      return damaged("the LZ4 frame uses dependent blocks, a dictionary or an unknown version");
    }
    if ((size_code & 0x8F) != 0 || (size_code >> 4) < block_size_64_kib) {
      return damaged("the LZ4 frame has an impossible block size");
    }
    max_block = std::size_t{1} << (2 * (size_code >> 4) + 8);
    const std::size_t descriptor_end = has(content_size_flag) ? 14 : 6;
    if (rest.size() <= descriptor_end) return damaged("the LZ4 data end early");
    if (magic > 0 && rest[descriptor_end] != header_checksum(rest.subspan(4, descriptor_end - 4))) {
      return damaged("the header of the LZ4 frame has a wrong checksum");
    }
    rest = rest.subspan(descriptor_end + 1);
    return {};
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    while (ready.empty()) {
      if (ended) return 0;
      auto direct = next_block(out);
      if (!direct || *direct > 0) return direct;
    }
    const std::size_t count = std::min(out.size(), ready.size());
    std::memcpy(out.data(), ready.data(), count);
    ready = ready.subspan(count);
    return count;
  }

  // Decodes the next block into `out` if any block fits there and returns its size; otherwise into `ready`, and returns
  // 0.
  Result<std::size_t> next_block(std::span<std::byte> out) {
    if (rest.size() < 4) return damaged("the LZ4 data end early");
    const std::uint32_t field = load_le(rest.data());
    const std::size_t length = field & ~stored_flag;
    rest = rest.subspan(4);
    if (length == 0) {
      ended = true;
      if (has(content_checksum_flag) && rest.size() < 4) return damaged("the LZ4 data end early");
      return 0;
    }
    const std::size_t checksum_size = has(block_checksum_flag) ? 4 : 0;
    if (length > max_block) return damaged("an LZ4 block has an impossible length");
    if (rest.size() < length + checksum_size) return damaged("the LZ4 data end early");
    const Bytes stored = rest.first(length);
    if (checksum_size != 0 && load_le(rest.data() + length) != xxhash32(stored)) {
      return damaged("an LZ4 block has a wrong checksum");
    }
    rest = rest.subspan(length + checksum_size);
    if ((field & stored_flag) != 0) {
      ready = stored;
      return 0;
    }
    const bool fits = out.size() >= max_block;
    if (!fits && block.size() < max_block) block.resize(max_block);
    std::byte* target = fits ? out.data() : block.data();
    const int count = LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(target),
                                          static_cast<int>(length), static_cast<int>(max_block));
    if (count < 0) return damaged("the LZ4 data are damaged");
    if (fits) return static_cast<std::size_t>(count);
    ready = Bytes(block).first(static_cast<std::size_t>(count));
    return 0;
  }

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }

  Bytes rest;   // compressed, not looked at yet
  Bytes ready;  // not handed out yet: part of `block`, or of the input when stored
  std::uint8_t flags = 0;
  bool ended = false;
  std::size_t max_block = 0;
  std::vector<std::byte> block;
};

struct Lz4Sink final : Compressor::Sink {
  static constexpr std::size_t block_size = std::size_t{64} << 10;

  Lz4Sink(int compression_level, std::int8_t magic, std::vector<std::byte>* target)
      : out(target), level(compression_level) {
    const std::size_t at = out->size();
    append_le(*out, frame_magic);
    out->push_back(static_cast<std::byte>(version_and_independence));
    out->push_back(static_cast<std::byte>(block_size_64_kib << 4));
    out->push_back(header_checksum(Bytes(*out).subspan(magic == 0 ? at : at + 4)));
    buffer.reserve(block_size);
  }

  void write(Bytes data) override {
    while (!data.empty()) {
      if (buffer.size() == block_size) write_block();
      const std::size_t count = std::min(data.size(), block_size - buffer.size());
      append(buffer, data.first(count));
      data = data.subspan(count);
    }
  }

  void finish() override {
    if (!buffer.empty()) write_block();
    append_le(*out, 0);
  }

  void write_block() {
    const auto size = static_cast<int>(buffer.size());
    const std::size_t at = out->size();
    out->resize(at + 4 + static_cast<std::size_t>(LZ4_compressBound(size)));
    const char* from = reinterpret_cast<const char*>(buffer.data());
    char* to = reinterpret_cast<char*>(out->data() + at + 4);
    const bool fast = level == compression_levels(CompressionType::lz4).standard;
    int length = fast ? LZ4_compress_default(from, to, size, LZ4_compressBound(size))
                      : LZ4_compress_HC(from, to, size, LZ4_compressBound(size), level);
    std::uint32_t field = static_cast<std::uint32_t>(length);
    if (length <= 0 || length >= size) {  // incompressible: stored as it is
      std::memcpy(to, from, buffer.size());
      length = size;
      field = static_cast<std::uint32_t>(size) | stored_flag;
    }
    std::memcpy(out->data() + at, &field, sizeof field);
    out->resize(at + 4 + static_cast<std::size_t>(length));
    buffer.clear();
  }

  std::vector<std::byte>* out;
  int level;
  std::vector<std::byte> buffer;
};

}  // namespace

std::unique_ptr<Decompressor::Stream> make_lz4_stream() { return std::make_unique<Lz4Stream>(); }
std::unique_ptr<Compressor::Sink> make_lz4_sink(int level, std::int8_t magic, std::vector<std::byte>* out) {
  return std::make_unique<Lz4Sink>(level, magic, out);
}

}  // namespace protocol
