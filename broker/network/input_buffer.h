// InputBuffer: cuts what a socket gives into request frames. No I/O: the connection receives into prepare() and reports
// with received().
//
// A frame that lies whole in the receive block is used where it lies; small ones are copied out, so that a request that
// waits long (a long poll) doesn't hold the block; one larger than the block gets a block of its size, into which the
// socket then delivers it directly. Nothing is held while there is nothing to read.
//
// Belongs to one connection, used on its network thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "broker/network/buffer_pool.h"

namespace broker {

class InputBuffer {
 public:
  enum class Next : std::uint8_t {
    frame,       // `frame` is the next request
    incomplete,  // receive more first
    bad_length,  // the announced length is negative or beyond the limit: start() shows the bytes
  };

  explicit InputBuffer(BufferPool& pool) : pool_(pool) {}

  Next next(std::int64_t request_max_bytes, Frame& frame);

  // Room to receive into, never empty.
  std::span<std::byte> prepare();
  void received(std::size_t size);

  // Gives the block back when nothing is in it; call it before waiting for the socket.
  void release_if_empty();

  // How much is missing to the end of the frame that is being received; 0 while its length isn't known.
  std::size_t missing() const;
  // The length of the frame that is being received, its length field included; 0 while it isn't known.
  std::size_t expected() const;

  bool has_partial_frame() const { return end_ > begin_; }
  std::span<const std::byte> start() const { return {block_.data() + begin_, end_ - begin_}; }

 private:
  static constexpr std::size_t length_size = 4;
  static constexpr std::size_t smallest_read = 4 * 1024;
  static constexpr std::size_t largest_read = 256 * 1024;
  static constexpr std::size_t copied_max = 2 * 1024;  // frames up to this are copied out of the block
  static constexpr std::size_t large_frame = 64 * 1024;
  // Received beyond a large frame's end: usually the next frame's length, little enough to be copied.
  static constexpr std::size_t overhang = 64;

  std::size_t announced() const;  // REQUIRES: the length is there
  void move_to(BlockRef block);

  BufferPool& pool_;
  BlockRef block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t room_ = 0;  // of the last prepare()
  std::size_t read_size_ = smallest_read;
};

}  // namespace broker
