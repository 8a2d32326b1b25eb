#include "tools/group_state.h"

#include <gtest/gtest.h>

#include "protocol/messages/consumer_protocol_assignment.h"

namespace tools {
namespace {

std::vector<std::byte> assignment(std::int16_t version) {
  protocol::ConsumerProtocolAssignment message;
  message.assigned_partitions.push_back({.topic = "b", .partitions = {1, 0}});
  message.assigned_partitions.push_back({.topic = "a", .partitions = {7}});
  protocol::Writer writer(64);
  writer.put(version);
  message.encode(writer, 0);
  return {writer.bytes().begin(), writer.bytes().end()};
}

TEST(Assignments, AreSorted) {
  const std::vector<protocol::TopicPartition> wanted = {{"a", 7}, {"b", 0}, {"b", 1}};
  EXPECT_EQ(parse_assignment(assignment(0)), wanted);
  EXPECT_EQ(parse_assignment(assignment(99)), wanted) << "later versions only append";
}

TEST(Assignments, OfOtherProtocolsAreNothing) {
  EXPECT_TRUE(parse_assignment({}).empty());
  EXPECT_TRUE(parse_assignment(protocol::as_bytes("what a Connect worker gets")).empty());
  const auto bytes = assignment(0);
  for (std::size_t size = 0; size + 5 < bytes.size(); ++size) {
    EXPECT_TRUE(parse_assignment(protocol::Bytes(bytes).first(size)).empty()) << size;
  }
}

}  // namespace
}  // namespace tools
