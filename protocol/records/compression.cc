#include "protocol/records/compression.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/records/compression_streams.h"

namespace protocol {
namespace {

// "none" without a codec: bytes pass through.
struct PlainStream final : Decompressor::Stream {
  Result<void> start(std::int8_t, Bytes input) override {
    rest = input;
    return {};
  }
  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::size_t count = std::min(out.size(), rest.size());
    std::copy_n(rest.begin(), count, out.begin());
    rest = rest.subspan(count);
    return count;
  }
  Bytes rest;
};

struct PlainSink final : Compressor::Sink {
  explicit PlainSink(std::vector<std::byte>* target) : out(target) {}
  void write(Bytes data) override { append(*out, data); }
  void finish() override {}
  std::vector<std::byte>* out;
};

std::unique_ptr<Decompressor::Stream> make_stream(CompressionType type) {
  switch (type) {
    case CompressionType::none:
      return std::make_unique<PlainStream>();
    case CompressionType::gzip:
      return make_gzip_stream();
    case CompressionType::snappy:
      return make_snappy_stream();
    case CompressionType::lz4:
      return make_lz4_stream();
    case CompressionType::zstd:
      return make_zstd_stream();
  }
  return nullptr;
}

std::unique_ptr<Compressor::Sink> make_sink(Compression compression, std::int8_t magic, std::vector<std::byte>* out) {
  switch (compression.type) {
    case CompressionType::none:
      return std::make_unique<PlainSink>(out);
    case CompressionType::gzip:
      return make_gzip_sink(compression.level, out);
    case CompressionType::snappy:
      return make_snappy_sink(out);
    case CompressionType::lz4:
      return make_lz4_sink(compression.level, magic, out);
    case CompressionType::zstd:
      return make_zstd_sink(compression.level, out);
  }
  return std::make_unique<PlainSink>(out);
}

constexpr std::array<std::string_view, 5> codec_names = {"none", "gzip", "snappy", "lz4", "zstd"};

}  // namespace

std::string_view name(CompressionType type) {
  return is_known(type) ? codec_names[static_cast<std::size_t>(type)] : "unknown";
}

std::optional<CompressionType> parse_compression_type(std::string_view text) {
  if (text == "uncompressed") return CompressionType::none;
  const auto* found = std::ranges::find(codec_names, text);
  if (found == codec_names.end()) return std::nullopt;
  return static_cast<CompressionType>(found - codec_names.begin());
}

CompressionLevels compression_levels(CompressionType type) {
  switch (type) {
    case CompressionType::gzip:
      return {.min = 1, .max = 9, .standard = -1};
    case CompressionType::lz4:
      return {.min = 1, .max = 17, .standard = 9};
    case CompressionType::zstd:
      return {.min = -131072, .max = 22, .standard = 3};
    case CompressionType::none:
    case CompressionType::snappy:
      break;
  }
  return {};
}

Compression Compression::of(CompressionType type) { return {.type = type, .level = compression_levels(type).standard}; }

Decompressor::Decompressor() = default;
Decompressor::~Decompressor() = default;
Decompressor::Decompressor(Decompressor&& other) noexcept
    : streams_(std::move(other.streams_)), current_(std::exchange(other.current_, nullptr)) {}
Decompressor& Decompressor::operator=(Decompressor&& other) noexcept {
  streams_ = std::move(other.streams_);
  current_ = std::exchange(other.current_, nullptr);
  return *this;
}

Result<void> Decompressor::start(CompressionType type, std::int8_t magic, Bytes input) {
  current_ = nullptr;
  if (!is_known(type)) return damaged("the compression codec is none that Kafka knows");
  if (input.size() > std::numeric_limits<std::int32_t>::max()) return damaged("the compressed data exceed 2 GiB");
  auto& stream = streams_[static_cast<std::size_t>(type)];
  if (!stream) stream = make_stream(type);
  auto started = stream->start(magic, input);
  if (started) current_ = stream.get();
  return started;
}

Result<std::size_t> Decompressor::read(std::span<std::byte> out) {
  if (current_ == nullptr) return damaged("nothing is being decompressed");
  if (out.empty()) return 0;
  auto count = current_->read(out);
  if (!count) current_ = nullptr;
  return count;
}

Compressor::Compressor(Compression compression, std::int8_t magic, std::vector<std::byte>* out)
    : sink_(make_sink(compression, magic, out)) {}
Compressor::~Compressor() = default;
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;

void Compressor::write(Bytes data) { sink_->write(data); }
void Compressor::finish() { sink_->finish(); }

std::vector<std::byte> compress(Compression compression, std::int8_t magic, Bytes data) {
  std::vector<std::byte> out;
  Compressor compressor(compression, magic, &out);
  compressor.write(data);
  compressor.finish();
  return out;
}

Result<std::vector<std::byte>> decompress(CompressionType type, std::int8_t magic, Bytes data, std::size_t max_size) {
  constexpr std::size_t step = std::size_t{64} << 10;
  Decompressor decompressor;
  if (auto started = decompressor.start(type, magic, data); !started) return std::unexpected(started.error());
  std::vector<std::byte> out;
  std::size_t filled = 0;
  while (true) {
    // One byte more than allowed shows that there is more.
    if (out.size() == filled) out.resize(std::min(std::max(filled * 2, step), max_size + 1));
    auto count = decompressor.read(std::span(out).subspan(filled));
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;
    filled += *count;
    if (filled > max_size) return damaged("the decompressed data exceed the limit");
  }
  out.resize(filled);
  return out;
}

}  // namespace protocol
