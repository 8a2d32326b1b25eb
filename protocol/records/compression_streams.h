// What each codec implements for compression.h. Only the compression_*.cc files include this.
// Streams and sinks belong to one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/records/compression.h"
#include "protocol/result.h"

namespace protocol {

// One codec's reader. A failed stream must be started again before it is read again.
struct Decompressor::Stream {
  virtual ~Stream() = default;
  virtual Result<void> start(std::int8_t magic, Bytes input) = 0;
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
};

// One codec's writer.
struct Compressor::Sink {
  virtual ~Sink() = default;
  virtual void write(Bytes data) = 0;
  virtual void finish() = 0;
};

std::unique_ptr<Decompressor::Stream> make_gzip_stream();
std::unique_ptr<Decompressor::Stream> make_snappy_stream();
std::unique_ptr<Decompressor::Stream> make_lz4_stream();
std::unique_ptr<Decompressor::Stream> make_zstd_stream();

std::unique_ptr<Compressor::Sink> make_gzip_sink(int level, std::vector<std::byte>* out);
std::unique_ptr<Compressor::Sink> make_snappy_sink(std::vector<std::byte>* out);
std::unique_ptr<Compressor::Sink> make_lz4_sink(int level, std::int8_t magic, std::vector<std::byte>* out);
std::unique_ptr<Compressor::Sink> make_zstd_sink(int level, std::vector<std::byte>* out);

// Buffers larger than this are given back before the next stream: one extraordinary batch must not cost memory for
// ever.
inline constexpr std::size_t kept_for_reuse = std::size_t{1} << 20;

inline void give_back_if_large(std::vector<std::byte>& buffer) {
  if (buffer.size() > kept_for_reuse) std::vector<std::byte>().swap(buffer);
}

inline std::unexpected<Error> damaged(std::string_view why) {
  return fail(ErrorCode::corrupt_message, std::string(why));
}

inline void append(std::vector<std::byte>& to, Bytes bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

}  // namespace protocol
