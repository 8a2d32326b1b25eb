#include "broker/network/input_buffer.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace broker {

std::size_t InputBuffer::announced() const {
  std::uint32_t raw = 0;
  std::memcpy(&raw, block_.data() + begin_, sizeof(raw));
  return std::byteswap(raw);
}

InputBuffer::Next InputBuffer::next(std::int64_t request_max_bytes, Frame& frame) {
  const std::size_t available = end_ - begin_;
  if (available < length_size) return Next::incomplete;
  const auto length = static_cast<std::int32_t>(announced());
  if (length < 0 || length > request_max_bytes) return Next::bad_length;
  const auto size = static_cast<std::size_t>(length);
  if (available < length_size + size) return Next::incomplete;

  const std::span<std::byte> bytes(block_.data() + begin_ + length_size, size);
  frame = size <= copied_max ? pool_.copy(bytes) : Frame{.block = block_, .bytes = bytes};
  begin_ += length_size + size;
  if (begin_ == end_) {
    // Later bytes go to a block of their own: this one may belong to the frame now.
    block_.reset();
    begin_ = end_ = 0;
  }
  return Next::frame;
}

std::size_t InputBuffer::expected() const { return end_ - begin_ < length_size ? 0 : length_size + announced(); }

std::size_t InputBuffer::missing() const {
  const std::size_t whole = expected();
  return whole > end_ - begin_ ? whole - (end_ - begin_) : 0;
}

void InputBuffer::move_to(BlockRef block) {
  const std::size_t available = end_ - begin_;
  if (available > 0) std::memcpy(block.data(), block_.data() + begin_, available);
  block_ = std::move(block);
  begin_ = 0;
  end_ = available;
}

std::span<std::byte> InputBuffer::prepare() {
  if (!block_) {
    block_ = pool_.take(read_size_);
    begin_ = end_ = 0;
  }
  const std::size_t needed = std::max(expected(), end_ - begin_ + overhang);
  if (begin_ + needed > block_.capacity()) {
    // What was announced is believed up to socket.request.max.bytes: pages that never fill cost nothing.
    move_to(pool_.take(std::max(needed + overhang, read_size_)));
  }
  const std::size_t limit =
      expected() > large_frame ? std::min(begin_ + expected() + overhang, block_.capacity()) : block_.capacity();
  room_ = limit - end_;
  return {block_.data() + end_, room_};
}

void InputBuffer::received(std::size_t size) {
  end_ += size;
  if (missing() > 0 && expected() > large_frame) return;  // its block has the right size already
  if (size == room_) {
    read_size_ = std::min(read_size_ * 4, largest_read);
  } else if (size < read_size_ / 8) {
    read_size_ = std::max(read_size_ / 2, smallest_read);
  }
}

void InputBuffer::release_if_empty() {
  if (begin_ != end_) return;
  block_.reset();
  begin_ = end_ = 0;
}

}  // namespace broker
