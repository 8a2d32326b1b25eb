// The handlers that only look into logs: OffsetForLeaderEpoch, DescribeProducers, DescribeLogDirs.
#include <gtest/gtest.h>

#include "broker/handlers/describe_log_dirs.h"
#include "broker/handlers/describe_producers.h"
#include "broker/handlers/offset_for_leader_epoch.h"
#include "broker/replication/test_replicas.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class LogQueriesTest : public ::testing::Test {
 protected:
  LogQueriesTest() { env.lead("t", 2); }
  TestReplicas env;
};

TEST_F(LogQueriesTest, LeaderEpochsHaveEnds) {
  OffsetForLeaderEpochHandler handler{env.replicas(), env.background()};
  env.append("t", 0, {.records = 4});
  protocol::OffsetForLeaderEpochRequest request;
  auto& topic = request.topics.emplace_back();
  topic.topic = "t";
  topic.partitions.push_back({.partition = 0, .current_leader_epoch = 0, .leader_epoch = 0});
  topic.partitions.push_back({.partition = 0, .current_leader_epoch = 4, .leader_epoch = 0});
  topic.partitions.push_back({.partition = 9, .leader_epoch = 0});
  const auto answers = env.loop().handle(handler, request, {.version = 4}).topics.at(0).partitions;
  EXPECT_EQ(answers[0].end_offset, 4);
  EXPECT_EQ(answers[0].leader_epoch, 0);
  EXPECT_EQ(answers[1].error_code, ErrorCode::unknown_leader_epoch);
  EXPECT_EQ(answers[2].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(answers[2].end_offset, -1);
}

TEST_F(LogQueriesTest, ProducersAreDescribed) {
  DescribeProducersHandler handler{env.replicas(), env.metadata(), env.background()};
  env.append("t", 0, {.records = 2, .producer_id = 42, .producer_epoch = 3, .base_sequence = 0});
  protocol::DescribeProducersRequest request;
  request.topics.push_back({.name = "t", .partition_indexes = {0, 9}});
  request.topics.push_back({.name = "unknown", .partition_indexes = {0}});
  request.topics.push_back({.name = "not/valid", .partition_indexes = {0}});
  const auto response = env.loop().handle(handler, request, {.version = 0});
  ASSERT_EQ(response.topics[0].partitions[0].active_producers.size(), 1u);
  const auto& producer = response.topics[0].partitions[0].active_producers[0];
  EXPECT_EQ(producer.producer_id, 42);
  EXPECT_EQ(producer.producer_epoch, 3);
  EXPECT_EQ(producer.last_sequence, 1);
  EXPECT_EQ(producer.current_txn_start_offset, -1);
  EXPECT_EQ(response.topics[0].partitions[1].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics[1].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics[2].partitions[0].error_code, ErrorCode::invalid_topic_exception);
}

TEST_F(LogQueriesTest, LogDirectoriesAreDescribed) {
  DescribeLogDirsHandler handler{env.replicas(), env.logs(), env.background()};
  env.append("t", 0);
  protocol::DescribeLogDirsRequest request;
  request.topics.reset();
  const auto all = env.loop().handle(handler, request, {.version = 4});
  ASSERT_EQ(all.results.size(), 1u);
  EXPECT_EQ(all.results[0].log_dir.view(), env.data_directory());
  EXPECT_GT(all.results[0].total_bytes, 0);
  EXPECT_GT(all.results[0].usable_bytes, 0);
  ASSERT_EQ(all.results[0].topics.size(), 1u);
  EXPECT_EQ(all.results[0].topics[0].partitions.size(), 2u);

  auto& wanted = request.topics.emplace().emplace_back();
  wanted.topic = "t";
  wanted.partitions = {0, 77};
  const auto one = env.loop().handle(handler, request, {.version = 4});
  ASSERT_EQ(one.results[0].topics[0].partitions.size(), 1u);
  EXPECT_EQ(one.results[0].topics[0].partitions[0].partition_size, static_cast<std::int64_t>(make_batch().size()));
  EXPECT_EQ(one.results[0].topics[0].partitions[0].offset_lag, 0);

  env.logs().fail_directory(env.data_directory(), "test");
  EXPECT_EQ(env.loop().handle(handler, request, {.version = 4}).results[0].error_code, ErrorCode::kafka_storage_error);
}

}  // namespace
}  // namespace broker
