// Memory for frames: blocks in sizes of powers of two, reference counted, reused by the network thread that owns the
// pool.
//
// A fresh megabyte costs 256 page faults; a reused one costs none and is still in the cache. What a thread hasn't used
// between two trims goes back to the system, so that an idle broker holds nothing.
//
// Pool, blocks and references belong to one network thread; counts aren't atomic. The pool outlives its blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace broker {

class BufferPool;

struct Block {
  BufferPool* pool = nullptr;
  std::uint32_t references = 0;
  std::uint32_t size_class = 0;
  std::size_t capacity = 0;

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
};

class BlockRef {
 public:
  BlockRef() = default;
  explicit BlockRef(Block* block) : block_(block) {
    if (block_ != nullptr) ++block_->references;
  }
  BlockRef(const BlockRef& other) : BlockRef(other.block_) {}
  BlockRef(BlockRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockRef& operator=(BlockRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~BlockRef() { reset(); }

  void reset();
  explicit operator bool() const { return block_ != nullptr; }
  std::byte* data() const { return block_->data(); }
  std::size_t capacity() const { return block_->capacity; }

 private:
  Block* block_ = nullptr;
};

// One request's bytes, without the length in front, and what keeps them.
struct Frame {
  BlockRef block;
  std::span<std::byte> bytes;
};

class BufferPool {
 public:
  BufferPool() = default;
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // A block of at least `size` bytes. Contents are undefined.
  BlockRef take(std::size_t size);

  // A frame of its own with a copy of `bytes`.
  Frame copy(std::span<const std::byte> bytes);

  // Gives back the blocks that weren't needed since the last trim. Call it every few seconds.
  void trim();

  std::size_t kept_bytes() const { return kept_bytes_; }
  std::size_t used_bytes() const { return used_bytes_; }

 private:
  friend class BlockRef;
  static constexpr std::size_t smallest_bits = 8;
  static constexpr std::size_t class_count = 24;                   // 256 bytes to 2 GiB
  static constexpr std::size_t kept_bytes_max = 16 * 1024 * 1024;  // beyond this, a block is freed at once

  struct SizeClass {
    std::vector<Block*> free;
    std::size_t least_free = 0;  // since the last trim: that many weren't needed
  };
  void give_back(Block* block);

  std::array<SizeClass, class_count> classes_;
  std::size_t kept_bytes_ = 0;
  std::size_t used_bytes_ = 0;
};

inline void BlockRef::reset() {
  Block* block = std::exchange(block_, nullptr);
  if (block != nullptr && --block->references == 0) block->pool->give_back(block);
}

}  // namespace broker
