#include "broker/handlers/list_offsets.h"

#include <gtest/gtest.h>

#include "broker/replication/test_replicas.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class ListOffsetsTest : public ::testing::Test {
 protected:
  ListOffsetsTest() { env.lead("t", 1); }

  protocol::ListOffsetsRequest request(std::int64_t timestamp, const std::string& topic = "t") {
    protocol::ListOffsetsRequest made;
    made.replica_id = -1;
    auto& wanted = made.topics.emplace_back();
    wanted.name = topic;
    auto& partition = wanted.partitions.emplace_back();
    partition.timestamp = timestamp;
    partition.max_num_offsets = 5;
    return made;
  }
  auto ask(std::int64_t timestamp, protocol::ApiVersion version, const std::string& topic = "t") {
    return env.loop().handle(handler, request(timestamp, topic), {.version = version}).topics.at(0).partitions.at(0);
  }
  TestReplicas env;
  ListOffsetsHandler handler{env.replicas(), env.background(), env.clock()};
};

TEST_F(ListOffsetsTest, FindsTheEndsAndRecordsByTime) {
  env.append("t", 0, {.records = 2, .timestamp = 500});
  EXPECT_EQ(ask(-1, 7).offset, 2);
  EXPECT_EQ(ask(-2, 7).offset, 0);
  EXPECT_EQ(ask(-3, 7).offset, 1);
  EXPECT_EQ(ask(-3, 7).timestamp, 501);
  EXPECT_EQ(ask(501, 7).offset, 1);
  EXPECT_EQ(ask(502, 7).offset, -1);
  EXPECT_EQ(ask(502, 7).error_code, ErrorCode::none);
  EXPECT_EQ(ask(-1, 4).leader_epoch, 0);
  EXPECT_EQ(ask(-1, 3).leader_epoch, -1);
}

TEST_F(ListOffsetsTest, SpecialTimestampsNeedTheirVersions) {
  EXPECT_EQ(ask(-3, 6).error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(ask(-4, 7).error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(ask(-4, 8).error_code, ErrorCode::none);
  EXPECT_EQ(ask(-5, 8).error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(ask(-5, 9).offset, -1);
  EXPECT_EQ(ask(-6, 10).error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(ask(-6, 11).error_code, ErrorCode::none);
  EXPECT_EQ(ask(-7, 11).error_code, ErrorCode::unsupported_version);
}

TEST_F(ListOffsetsTest, VersionZeroListsOffsets) {
  env.append("t", 0, {.records = 3});
  EXPECT_EQ(ask(-1, 0).old_style_offsets, (std::vector<std::int64_t>{3, 0}));
  EXPECT_EQ(ask(-2, 0).old_style_offsets, (std::vector<std::int64_t>{0}));
  EXPECT_EQ(ask(-3, 0).error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(ask(-1, 0, "unknown").error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(ListOffsetsTest, DuplicatesAreInvalid) {
  auto twice = request(-1);
  twice.topics[0].partitions.push_back(twice.topics[0].partitions[0]);
  const auto response = env.loop().handle(handler, twice, {.version = 5});
  EXPECT_EQ(response.topics[0].partitions[0].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(response.topics[0].partitions[1].error_code, ErrorCode::invalid_request);
}

TEST_F(ListOffsetsTest, EpochsAndUnknownTopicsAreChecked) {
  auto fenced = request(-1);
  fenced.topics[0].partitions[0].current_leader_epoch = 3;
  EXPECT_EQ(env.loop().handle(handler, fenced, {.version = 5}).topics[0].partitions[0].error_code,
            ErrorCode::unknown_leader_epoch);
  EXPECT_EQ(ask(-1, 5, "unknown").error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(ListOffsetsTest, ATrailingHighWatermarkHasItsOwnErrorFromVersion5) {
  env.tell_metadata("r", 1, TestReplicas::local, 0, {2});
  env.assign("r", 0, {.isr = {1, 2}, .replicas = {1, 2}});
  env.append("r");
  env.assign("r", 0, {.leader_epoch = 1, .partition_epoch = 1, .isr = {1, 2}, .replicas = {1, 2}});
  EXPECT_EQ(ask(-1, 5, "r").error_code, ErrorCode::offset_not_available);
  EXPECT_EQ(ask(-1, 4, "r").error_code, ErrorCode::leader_not_available);
}

}  // namespace
}  // namespace broker
