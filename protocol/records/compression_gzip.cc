#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <string_view>

#include "protocol/records/compression_streams.h"

namespace protocol {
namespace {

// 15 bits of window; 16 more select gzip's header and trailer.
constexpr int gzip_window_bits = 15 + 16;

struct GzipStream final : Decompressor::Stream {
  ~GzipStream() override {
    if (ready) inflateEnd(&z);
  }

  Result<void> start(std::int8_t, Bytes input) override {
    if (ready ? inflateReset(&z) != Z_OK : inflateInit2(&z, gzip_window_bits) != Z_OK) throw std::bad_alloc();
    ready = true;
    ended = false;
    z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input.data()));
    z.avail_in = static_cast<uInt>(input.size());
    if (!at_member()) return damaged("the data do not start with a gzip header");
    return {};
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    const auto room = static_cast<uInt>(std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max()));
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = room;
    while (!ended && z.avail_out == room) {
      const int outcome = inflate(&z, Z_NO_FLUSH);
      if (outcome == Z_STREAM_END) {
        next_member();
      } else if (outcome == Z_BUF_ERROR) {
        return damaged("the gzip data end early");
      } else if (outcome != Z_OK && !(trailer_is_wrong() && z.avail_out < room)) {
        return damaged("the gzip data are damaged");
      }
    }
    return room - z.avail_out;
  }

  // As Java's reader: all data are handed out before it says that their checksum or size is wrong. zlib then fails
  // again, with no more data.
  bool trailer_is_wrong() const {
    using namespace std::string_view_literals;
    return z.msg != nullptr && (z.msg == "incorrect data check"sv || z.msg == "incorrect length check"sv);
  }

  // As Java's reader: whatever follows a member and does not begin another one is ignored.
  void next_member() {
    constexpr uInt smallest_member = 18;
    ended = z.avail_in < smallest_member || !at_member() || inflateReset(&z) != Z_OK;
  }

  bool at_member() const {
    return z.avail_in >= 3 && z.next_in[0] == 0x1F && z.next_in[1] == 0x8B && z.next_in[2] == 8;
  }

  z_stream z{};
  bool ready = false;
  bool ended = false;
};

struct GzipSink final : Compressor::Sink {
  GzipSink(int level, std::vector<std::byte>* target) : out(target) {
    constexpr int standard_memory = 8;
    if (deflateInit2(&z, level, Z_DEFLATED, gzip_window_bits, standard_memory, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~GzipSink() override { deflateEnd(&z); }

  void write(Bytes data) override { deflate_all(data, Z_NO_FLUSH); }
  void finish() override { deflate_all({}, Z_FINISH); }

  void deflate_all(Bytes data, int flush) {
    z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
    z.avail_in = static_cast<uInt>(data.size());
    int outcome = Z_OK;
    do {
      z.next_out = reinterpret_cast<Bytef*>(piece.data());
      z.avail_out = static_cast<uInt>(piece.size());
      outcome = deflate(&z, flush);
      append(*out, std::span(piece).first(piece.size() - z.avail_out));
    } while (z.avail_out == 0 || (flush == Z_FINISH && outcome == Z_OK));
  }

  std::vector<std::byte>* out;
  z_stream z{};
  std::array<std::byte, 8192> piece;
};

}  // namespace

std::unique_ptr<Decompressor::Stream> make_gzip_stream() { return std::make_unique<GzipStream>(); }
std::unique_ptr<Compressor::Sink> make_gzip_sink(int level, std::vector<std::byte>* out) {
  return std::make_unique<GzipSink>(level, out);
}

}  // namespace protocol
