// The four codecs of record batches, as streams: gzip, Snappy (raw and in snappy-java's "xerial" framing), LZ4 frames
// (with the wrong header checksum that magic 0 needs) and zstd.
//
// Reading is bounded: a Decompressor hands out what the caller has room for and keeps at most one codec block or window
// (LZ4 4 MiB, zstd 128 MiB as zstd's own default, Snappy 22 times its input) whatever the compressed bytes claim.
// It follows the Java readers where they are lenient: concatenated gzip members and zstd frames go on, bytes after an
// LZ4 end mark or after a gzip member that start no further member are ignored.
//
// Objects of this file belong to one thread at a time; they hold no shared state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/bytes.h"
#include "protocol/result.h"

namespace protocol {

// The low three bits of a batch's attributes. Numbers 5 to 7 are unknown to every release.
enum class CompressionType : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

// Whether the three bits name a codec at all.
constexpr bool is_known(CompressionType type) { return static_cast<std::uint8_t>(type) <= 4; }

// "none", "gzip", "snappy", "lz4", "zstd" or "unknown".
std::string_view name(CompressionType type);

// A codec by Kafka's name for it ("uncompressed" is "none" too); nothing for "producer" or a wrong name.
std::optional<CompressionType> parse_compression_type(std::string_view text);

// A codec with its level. Levels are Kafka's: gzip -1 or 1..9, lz4 1..17, zstd -131072..22; Snappy has none. As in
// Kafka, lz4 level 9 (the default) means the fast compressor and every other level the high-compression one.
struct Compression {
  CompressionType type = CompressionType::none;
  int level = 0;

  // The codec at Kafka's default level.
  static Compression of(CompressionType type);
  bool operator==(const Compression&) const = default;
};

// Lowest, highest and default level of a codec; all zero when it has none.
struct CompressionLevels {
  int min = 0, max = 0, standard = 0;
};
CompressionLevels compression_levels(CompressionType type);

// Reads one compressed stream piece by piece. Reusable: start() begins a new stream and keeps the buffers of the last.
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  // Begins to read `input`, which must outlive the reading. `magic` is that of the batch (it matters to LZ4 only).
  // Fails with corrupt_message when the stream's header is not that of the codec, or the codec is unknown.
  Result<void> start(CompressionType type, std::int8_t magic, Bytes input);

  // Fills `out` from the front; returns how many bytes there are, 0 only at the end of the stream (or an empty `out`).
  // Fails with corrupt_message when the stream is damaged or ends early.
  Result<std::size_t> read(std::span<std::byte> out);

  struct Stream;  // one codec's state

 private:
  // Of every codec used so far, kept for its buffers; `current_` is the one being read.
  std::array<std::unique_ptr<Stream>, 5> streams_;
  Stream* current_ = nullptr;
};

// Writes one compressed stream, appending to a byte vector. As Kafka's Java writers frame it: xerial blocks of 32 KiB
// for Snappy, independent 64 KiB blocks without checksums for LZ4.
class Compressor {
 public:
  // Appends to *out, which must outlive this. `magic` 0 gives LZ4 the header checksum that old clients expect.
  Compressor(Compression compression, std::int8_t magic, std::vector<std::byte>* out);
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  void write(Bytes data);
  // Writes what is still buffered and the end of the stream. Nothing may be written afterwards.
  void finish();

  struct Sink;  // one codec's state

 private:
  std::unique_ptr<Sink> sink_;
};

// Whole buffers at once. decompress fails with corrupt_message, also when the result would exceed max_size bytes.
std::vector<std::byte> compress(Compression compression, std::int8_t magic, Bytes data);
Result<std::vector<std::byte>> decompress(CompressionType type, std::int8_t magic, Bytes data, std::size_t max_size);

}  // namespace protocol
