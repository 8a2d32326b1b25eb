#include "coordination/group/records.h"

#include <gtest/gtest.h>

#include "coordination/group/members.h"
#include "coordination/group/test_support.h"

namespace coordination::group {
namespace {

using protocol::as_bytes;

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr char digits[] = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

TEST(GroupRecords, AnOffsetIsWrittenAsKafkaWritesIt) {
  const Record record =
      offset_record("g", "topic", 3, {.offset = 42, .leader_epoch = 7, .metadata = "m", .commit_timestamp_ms = 1});
  EXPECT_EQ(hex(record.key),
            "0001"
            "000167"
            "0005746f706963"
            "00000003");
  EXPECT_EQ(hex(*record.value),
            "0003"
            "000000000000002a"
            "00000007"
            "00016d"
            "0000000000000001");
}

TEST(GroupRecords, AnOffsetWithItsOwnExpiryIsWrittenInVersion1) {
  const Record record =
      offset_record("g", "t", 0, {.offset = 42, .leader_epoch = 7, .commit_timestamp_ms = 1, .expire_timestamp_ms = 2});
  EXPECT_EQ(hex(*record.value),
            "0001"
            "000000000000002a"
            "0000"
            "0000000000000001"
            "0000000000000002");
}

TEST(GroupRecords, AGroupIsWrittenAsKafkaWritesIt) {
  const GroupRecord group{.protocol_type = "consumer",
                          .generation = 2,
                          .protocol = "range",
                          .leader = "m",
                          .state_timestamp_ms = 5,
                          .members = {{.member_id = "m",
                                       .client_id = "c",
                                       .client_host = "/h",
                                       .rebalance_timeout_ms = 1,
                                       .session_timeout_ms = 2,
                                       .subscription = "s",
                                       .assignment = "a"}}};
  const Record record = group_record("g", group);
  EXPECT_EQ(hex(record.key),
            "0002"
            "000167");
  EXPECT_EQ(hex(*record.value),
            "0003"
            "0008636f6e73756d6572"
            "00000002"
            "000572616e6765"
            "00016d"
            "0000000000000005"
            "00000001"
            "00016d"
            "ffff"
            "000163"
            "00022f68"
            "00000001"
            "00000002"
            "0000000173"
            "0000000161");
}

TEST(GroupRecords, WhatWasWrittenIsRead) {
  const OffsetAndMetadata offset{.offset = 42, .leader_epoch = 7, .metadata = "x", .commit_timestamp_ms = 9};
  const Record written = offset_record("g", "t", 3, offset);
  EXPECT_EQ(std::get<OffsetKey>(*decode_key(as_bytes(written.key))), (OffsetKey{"g", "t", 3}));
  EXPECT_EQ(*decode_offset(as_bytes(*written.value)), offset);

  const GroupRecord empty{.protocol_type = "consumer", .generation = 3};
  const Record written_group = group_record("g", empty);
  EXPECT_EQ(std::get<GroupKey>(*decode_key(as_bytes(written_group.key))), (GroupKey{"g"}));
  EXPECT_EQ(*decode_group(as_bytes(*written_group.value)), empty);
  EXPECT_FALSE(group_tombstone("g").value);
  EXPECT_EQ(group_tombstone("g").key, written_group.key);
  EXPECT_EQ(offset_tombstone("g", "t", 3).key, written.key);
}

TEST(GroupRecords, OldVersionsAreRead) {
  // Offset value 0: offset, metadata, timestamp.
  const std::string v0(
      "\0\0"
      "\0\0\0\0\0\0\0\x05"
      "\0\1m"
      "\0\0\0\0\0\0\0\x07",
      21);
  EXPECT_EQ(*decode_offset(as_bytes(v0)), (OffsetAndMetadata{.offset = 5, .metadata = "m", .commit_timestamp_ms = 7}));
  // Group value 0: one timeout for both purposes, no state timestamp.
  const std::string group(
      "\0\0"
      "\0\0"
      "\0\0\0\1"
      "\0\1p"
      "\0\1m"
      "\0\0\0\1"
      "\0\1m"
      "\0\1c"
      "\0\1h"
      "\0\0\x17\x70"
      "\0\0\0\0"
      "\0\0\0\0",
      39);
  const auto decoded = decode_group(as_bytes(group));
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(decoded->members.at(0).session_timeout_ms, 6000);
  EXPECT_EQ(decoded->members.at(0).rebalance_timeout_ms, 6000);
  EXPECT_FALSE(decoded->state_timestamp_ms);
}

TEST(GroupRecords, KeysOfOtherProtocolsAreLeftAlone) {
  const std::string consumer_group_epoch("\0\3\0\1g", 5);
  EXPECT_EQ(std::get<UnknownKey>(*decode_key(as_bytes(consumer_group_epoch))), (UnknownKey{3}));
}

TEST(GroupRecords, EveryTruncationIsRefused) {
  const Record offset = offset_record("group", "topic", 3, {.offset = 42, .metadata = "metadata"});
  const Record group = group_record(
      "group",
      {.protocol_type = "consumer", .protocol = "range", .members = {{.member_id = "m", .subscription = "s"}}});
  const auto check = [](const std::string& whole, auto decode) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(decode(as_bytes(std::string_view(whole).substr(0, size)))) << size;
    }
    EXPECT_TRUE(decode(as_bytes(whole)));
  };
  check(offset.key, decode_key);
  check(*offset.value, decode_offset);
  check(group.key, decode_key);
  check(*group.value, decode_group);
}

TEST(GroupRecords, SubscriptionsAreRead) {
  EXPECT_EQ(subscribed_topics(subscription_to({"a", "topic"})), (std::vector<std::string>{"a", "topic"}));
  EXPECT_EQ(subscribed_topics(subscription_to({})), std::vector<std::string>());
  EXPECT_FALSE(subscribed_topics("metadata"));
  EXPECT_FALSE(subscribed_topics(""));
  EXPECT_FALSE(subscribed_topics(subscription_to(std::vector<std::string>(3'000'000)))) << "would take 96 MB";
  EXPECT_FALSE(subscribed_topics(std::string("\0\0\x7f\xff\xff\xff\0\0", 8)));
  const std::string whole = subscription_to({"a", "topic"});
  for (std::size_t size = 0; size + 4 < whole.size(); ++size) EXPECT_FALSE(subscribed_topics(whole.substr(0, size)));
}

}  // namespace
}  // namespace coordination::group
