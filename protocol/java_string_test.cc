#include "protocol/java_string.h"

#include <gtest/gtest.h>

namespace protocol {
namespace {

// Values of String.hashCode() on a JVM.
TEST(JavaString, HashesAsJavaDoes) {
  EXPECT_EQ(java_hash(""), 0);
  EXPECT_EQ(java_hash("a"), 97);
  EXPECT_EQ(java_hash("hello"), 99162322);
  EXPECT_EQ(java_hash("polygenelubricants"), -2147483648);
  EXPECT_EQ(java_hash("\xC3\xA9"), 233);              // é, one unit
  EXPECT_EQ(java_hash("\xF0\x9F\x98\x80"), 1772899);  // a surrogate pair: 0xD83D * 31 + 0xDE00
}

TEST(JavaString, LengthCountsUtf16Units) {
  EXPECT_EQ(java_length("abc"), 3u);
  EXPECT_EQ(java_length("\xC3\xA9"), 1u);
  EXPECT_EQ(java_length("\xE2\x82\xAC"), 1u);
  EXPECT_EQ(java_length("\xF0\x9F\x98\x80"), 2u);
}

TEST(JavaString, BytesThatAreNoUtf8CountAsReplacementCharacters) {
  EXPECT_EQ(java_length("\xFF"), 1u);
  EXPECT_EQ(java_hash("\xFF"), 0xFFFD);
  EXPECT_EQ(java_length("\xE2\x82"), 1u);  // cut off
}

TEST(JavaString, PartitionIsTheAbsoluteHash) {
  EXPECT_EQ(partition_for("hello", 50), 99162322 % 50);
  EXPECT_EQ(partition_for("polygenelubricants", 50), 0);
  EXPECT_EQ(partition_for("", 50), 0);
  EXPECT_EQ(partition_for("anything", 1), 0);
}

}  // namespace
}  // namespace protocol
