#include "broker/network/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>

namespace broker {
namespace {

TEST(BufferPool, BlocksAreAtLeastAsLargeAsAsked) {
  BufferPool pool;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{256}, std::size_t{257},
                                 std::size_t{1} << 20, (std::size_t{1} << 20) + 1}) {
    const BlockRef block = pool.take(size);
    EXPECT_GE(block.capacity(), size);
    EXPECT_LE(block.capacity(), std::max<std::size_t>(256, size * 2));
  }
}

TEST(BufferPool, AReturnedBlockIsUsedAgain) {
  BufferPool pool;
  BlockRef block = pool.take(1000);
  const std::byte* where = block.data();
  block.reset();
  EXPECT_EQ(pool.used_bytes(), 0u);
  EXPECT_EQ(pool.take(700).data(), where);
}

TEST(BufferPool, ABlockLivesUntilItsLastReferenceGoes) {
  BufferPool pool;
  BlockRef first = pool.take(100);
  BlockRef second = first;
  first.reset();
  EXPECT_EQ(pool.used_bytes(), 256u);
  second.reset();
  EXPECT_EQ(pool.used_bytes(), 0u);
}

TEST(BufferPool, TrimFreesWhatWasNotNeededSinceTheLastOne) {
  BufferPool pool;
  {
    const BlockRef one = pool.take(1 << 20);
    const BlockRef two = pool.take(1 << 20);
  }
  EXPECT_EQ(pool.kept_bytes(), std::size_t{2} << 20);
  pool.trim();
  {
    const BlockRef one = pool.take(1 << 20);
  }
  pool.trim();
  EXPECT_EQ(pool.kept_bytes(), std::size_t{1} << 20);
  pool.trim();
  EXPECT_EQ(pool.kept_bytes(), 0u);
}

TEST(BufferPool, HugeBlocksAreNotKept) {
  BufferPool pool;
  {
    const BlockRef huge = pool.take(64 << 20);
  }
  EXPECT_EQ(pool.kept_bytes(), 0u);
}

TEST(BufferPool, CopyGivesAFrameOfItsOwn) {
  BufferPool pool;
  std::byte bytes[3] = {std::byte{1}, std::byte{2}, std::byte{3}};
  const Frame frame = pool.copy(bytes);
  bytes[0] = std::byte{9};
  ASSERT_EQ(frame.bytes.size(), 3u);
  EXPECT_EQ(frame.bytes[0], std::byte{1});
}

}  // namespace
}  // namespace broker
