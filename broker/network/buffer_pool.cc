#include "broker/network/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace broker {

BufferPool::~BufferPool() {
  for (SizeClass& size_class : classes_) {
    for (Block* block : size_class.free) ::operator delete(block);
  }
}

BlockRef BufferPool::take(std::size_t size) {
  const std::size_t bits = std::max<std::size_t>(
      smallest_bits, static_cast<std::size_t>(std::bit_width(std::max<std::size_t>(size, 1) - 1)));
  SizeClass& size_class = classes_.at(bits - smallest_bits);
  Block* block = nullptr;
  if (!size_class.free.empty()) {
    block = size_class.free.back();
    size_class.free.pop_back();
    size_class.least_free = std::min(size_class.least_free, size_class.free.size());
    kept_bytes_ -= block->capacity;
  } else {
    const std::size_t capacity = std::size_t{1} << bits;
    block = new (::operator new(sizeof(Block) + capacity)) Block;
    block->pool = this;
    block->size_class = static_cast<std::uint32_t>(bits - smallest_bits);
    block->capacity = capacity;
  }
  used_bytes_ += block->capacity;
  return BlockRef(block);
}

Frame BufferPool::copy(std::span<const std::byte> bytes) {
  Frame frame{.block = take(bytes.size()), .bytes = {}};
  if (!bytes.empty()) std::memcpy(frame.block.data(), bytes.data(), bytes.size());
  frame.bytes = {frame.block.data(), bytes.size()};
  return frame;
}

void BufferPool::give_back(Block* block) {
  used_bytes_ -= block->capacity;
  if (kept_bytes_ + block->capacity > kept_bytes_max) {
    ::operator delete(block);
    return;
  }
  kept_bytes_ += block->capacity;
  classes_[block->size_class].free.push_back(block);
}

void BufferPool::trim() {
  for (SizeClass& size_class : classes_) {
    for (; size_class.least_free > 0 && !size_class.free.empty(); --size_class.least_free) {
      // The oldest: those at the back are the ones still in the cache.
      Block* block = size_class.free.front();
      size_class.free.erase(size_class.free.begin());
      kept_bytes_ -= block->capacity;
      ::operator delete(block);
    }
    size_class.least_free = size_class.free.size();
  }
}

}  // namespace broker
