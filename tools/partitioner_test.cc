#include "tools/partitioner.h"

#include <gtest/gtest.h>

namespace tools {
namespace {

using protocol::as_bytes;

// Values of Kafka's own test of Utils.murmur2.
TEST(Partitioner, HashesAsKafkaDoes) {
  EXPECT_EQ(static_cast<std::int32_t>(murmur2(as_bytes("21"))), -973932308);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2(as_bytes("foobar"))), -790332482);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2(as_bytes("a-little-bit-long-string"))), -985981536);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2(as_bytes("a-little-bit-longer-string"))), -1486304829);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2(as_bytes("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"))),
            -58897971);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2(as_bytes("abc"))), 479470107);
}

TEST(Partitioner, StaysWithinThePartitions) {
  for (const char* key : {"", "a", "ab", "abc", "21", "foobar"}) {
    const std::int32_t partition = partition_of_key(as_bytes(key), 7);
    EXPECT_GE(partition, 0);
    EXPECT_LT(partition, 7);
  }
}

}  // namespace
}  // namespace tools
