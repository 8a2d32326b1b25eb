#include <zstd.h>

#include <array>
#include <new>

#include "protocol/records/compression_streams.h"

namespace protocol {
namespace {

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

struct ZstdStream final : Decompressor::Stream {
  Result<void> start(std::int8_t, Bytes input) override {
    constexpr std::size_t usual_size = 4 * kept_for_reuse;  // with the window of the usual levels
    if (!context || ZSTD_sizeof_DCtx(context.get()) > usual_size) context.reset(ZSTD_createDCtx());
    if (!context) throw std::bad_alloc();
    ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
    in = {.src = input.data(), .size = input.size(), .pos = 0};
    between_frames = true;
    return {};
  }

  Result<std::size_t> read(std::span<std::byte> out) override {
    ZSTD_outBuffer target{.dst = out.data(), .size = out.size(), .pos = 0};
    while (target.pos == 0) {
      if (between_frames && in.pos == in.size) return 0;
      const std::size_t before = in.pos;
      const std::size_t wanted = ZSTD_decompressStream(context.get(), &target, &in);
      if (ZSTD_isError(wanted)) return damaged("the zstd data are damaged");
      between_frames = wanted == 0;
      if (!between_frames && target.pos == 0 && in.pos == before) return damaged("the zstd data end early");
    }
    return target.pos;
  }

  std::unique_ptr<ZSTD_DCtx, FreeContext> context;
  ZSTD_inBuffer in{};
  bool between_frames = true;
};

struct ZstdSink final : Compressor::Sink {
  ZstdSink(int level, std::vector<std::byte>* target) : out(target), context(ZSTD_createCCtx()) {
    if (!context) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  }

  void write(Bytes data) override { push(data, ZSTD_e_continue); }
  void finish() override { push({}, ZSTD_e_end); }

  void push(Bytes data, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{.src = data.data(), .size = data.size(), .pos = 0};
    std::size_t left = 0;
    do {
      ZSTD_outBuffer target{.dst = piece.data(), .size = piece.size(), .pos = 0};
      left = ZSTD_compressStream2(context.get(), &target, &in, directive);
      if (ZSTD_isError(left)) throw std::bad_alloc();  // nothing else can go wrong with valid parameters
      append(*out, std::span(piece).first(target.pos));
    } while (in.pos < in.size || (directive == ZSTD_e_end && left > 0));
  }

  std::vector<std::byte>* out;
  std::unique_ptr<ZSTD_CCtx, FreeContext> context;
  std::array<std::byte, 16384> piece;
};

}  // namespace

std::unique_ptr<Decompressor::Stream> make_zstd_stream() { return std::make_unique<ZstdStream>(); }
std::unique_ptr<Compressor::Sink> make_zstd_sink(int level, std::vector<std::byte>* out) {
  return std::make_unique<ZstdSink>(level, out);
}

}  // namespace protocol
