// Snappy: a raw block, or snappy-java's ("xerial") framing: 16 bytes of header, then blocks each with an i32 length.
#include <snappy.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "protocol/records/big_endian.h"
#include "protocol/records/compression_streams.h"

namespace protocol {
namespace {

constexpr std::array<unsigned char, 8> xerial_magic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t xerial_header_size = 16;  // magic, i32 version, i32 lowest compatible version
constexpr std::int32_t xerial_version = 1;

// Snappy's densest element turns 3 bytes into 64; a block that claims more than that lies.
constexpr std::size_t densest_expansion = 22;

bool starts_with_magic(Bytes data) {
  return data.size() >= xerial_magic.size() && std::memcmp(data.data(), xerial_magic.data(), xerial_magic.size()) == 0;
}

struct SnappyStream final : Decompressor::Stream {
  Result<void> start(std::int8_t, Bytes input) override {
    if (input.empty()) return damaged("the Snappy data are empty");
    give_back_if_large(buffer);
    rest = input;
    ready = {};
    framed = starts_with_magic(input) && input.size() >= xerial_header_size;
    if (!framed) return {};
    if (load_be<std::int32_t>(input.data() + xerial_magic.size()) < xerial_version) {
      return damaged("the version of the Snappy framing is not supported");
    }
    rest = input.subspan(xerial_header_size);
    return {};
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    while (ready.empty()) {
      auto compressed = next_block();
      if (!compressed) return std::unexpected(compressed.error());
      if (compressed->empty()) return 0;
      auto direct = decode(*compressed, out);
      if (!direct || *direct > 0) return direct;
    }
    const std::size_t count = std::min(out.size(), ready.size());
    std::memcpy(out.data(), ready.data(), count);
    ready = ready.subspan(count);
    return count;
  }

  // The next compressed block; empty at the end.
  Result<Bytes> next_block() {
    if (!framed) return std::exchange(rest, {});
    while (rest.size() >= sizeof(std::int32_t)) {
      // A second stream may follow the first; its header starts where a length would.
      if (starts_with_magic(rest)) {
        if (rest.size() < xerial_header_size) return damaged("the Snappy data end early");
        rest = rest.subspan(xerial_header_size);
        continue;
      }
      const auto length = load_be<std::int32_t>(rest.data());
      rest = rest.subspan(sizeof length);
      if (length <= 0) return damaged("a Snappy block has an impossible length");
      if (rest.size() < static_cast<std::size_t>(length)) return damaged("the Snappy data end early");
      const Bytes block = rest.first(static_cast<std::size_t>(length));
      rest = rest.subspan(static_cast<std::size_t>(length));
      return block;
    }
    return Bytes();
  }

  // Decodes a block into `out` if it fits there and returns its size; otherwise into `ready`, and returns 0.
  Result<std::size_t> decode(Bytes compressed, std::span<std::byte> out) {
    const char* data = reinterpret_cast<const char*>(compressed.data());
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(data, compressed.size(), &size) ||
        size > compressed.size() * densest_expansion) {
      return damaged("a Snappy block has an impossible length");
    }
    const bool fits = size <= out.size();
    if (!fits && buffer.size() < size) buffer.resize(size);
    char* target = reinterpret_cast<char*>(fits ? out.data() : buffer.data());
    if (!snappy::RawUncompress(data, compressed.size(), target)) return damaged("the Snappy data are damaged");
    if (fits) return size;
    ready = Bytes(buffer).first(size);
    return 0;
  }

  Bytes rest;   // compressed, not looked at yet
  Bytes ready;  // decompressed, not handed out yet: part of `buffer`
  bool framed = false;
  std::vector<std::byte> buffer;
};

struct SnappySink final : Compressor::Sink {
  static constexpr std::size_t block_size = std::size_t{32} << 10;

  explicit SnappySink(std::vector<std::byte>* target) : out(target) {
    std::array<std::byte, xerial_header_size> header;
    std::memcpy(header.data(), xerial_magic.data(), xerial_magic.size());
    store_be(header.data() + 8, xerial_version);
    store_be(header.data() + 12, xerial_version);
    append(*out, header);
    buffer.reserve(block_size);
  }

  void write(Bytes data) override {
    while (!data.empty()) {
      const std::size_t count = std::min(data.size(), block_size - buffer.size());
      append(buffer, data.first(count));
      data = data.subspan(count);
      if (buffer.size() == block_size) write_block();
    }
  }

  void finish() override {
    if (!buffer.empty()) write_block();
  }

  void write_block() {
    const std::size_t at = out->size();
    out->resize(at + sizeof(std::int32_t) + snappy::MaxCompressedLength(buffer.size()));
    std::size_t length = 0;
    snappy::RawCompress(reinterpret_cast<const char*>(buffer.data()), buffer.size(),
                        reinterpret_cast<char*>(out->data() + at + sizeof(std::int32_t)), &length);
    store_be(out->data() + at, static_cast<std::int32_t>(length));
    out->resize(at + sizeof(std::int32_t) + length);
    buffer.clear();
  }

  std::vector<std::byte>* out;
  std::vector<std::byte> buffer;
};

}  // namespace

std::unique_ptr<Decompressor::Stream> make_snappy_stream() { return std::make_unique<SnappyStream>(); }
std::unique_ptr<Compressor::Sink> make_snappy_sink(std::vector<std::byte>* out) {
  return std::make_unique<SnappySink>(out);
}

}  // namespace protocol
