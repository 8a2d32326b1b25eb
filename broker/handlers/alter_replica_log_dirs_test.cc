#include "broker/handlers/alter_replica_log_dirs.h"

#include <gtest/gtest.h>

#include "broker/handlers/describe_log_dirs.h"
#include "broker/replication/log_dir_moves.h"
#include "broker/replication/test_replicas.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class AlterReplicaLogDirsTest : public ::testing::Test {
 protected:
  AlterReplicaLogDirsTest() { env.lead("t", 2); }

  static void wish(protocol::AlterReplicaLogDirsRequest& request, const std::string& path, const std::string& topic,
                   std::vector<std::int32_t> partitions) {
    auto& dir = request.dirs.emplace_back();
    dir.path = path;
    dir.topics.push_back({.name = topic, .partitions = std::move(partitions)});
  }
  std::string other_directory() {
    const auto place = env.logs().place_of({"t", 0});
    return place->log_dir == env.directory(0) ? env.directory(1) : env.directory(0);
  }

  TestReplicas env{{}, 2};
  AlterReplicaLogDirsHandler handler{env.replicas(), env.background()};
};

TEST_F(AlterReplicaLogDirsTest, EachPartitionGetsItsAnswerInEveryVersion) {
  for (const protocol::ApiVersion version : {0, 1, 2}) {
    protocol::AlterReplicaLogDirsRequest request;
    wish(request, "/elsewhere", "t", {0, 1});
    wish(request, env.logs().place_of({"t", 1})->log_dir, "t", {1, 7});  // what comes last counts
    wish(request, env.directory(0), "unknown", {3});
    const auto response = env.loop().handle(handler, request, {.version = version});
    ASSERT_EQ(response.results.size(), 2u);
    EXPECT_EQ(response.results[0].topic_name.view(), "t");
    ASSERT_EQ(response.results[0].partitions.size(), 3u);
    EXPECT_EQ(response.results[0].partitions[0].error_code, ErrorCode::log_dir_not_found);
    EXPECT_EQ(response.results[0].partitions[1].error_code, ErrorCode::none);
    EXPECT_EQ(response.results[0].partitions[2].partition_index, 7);
    EXPECT_EQ(response.results[0].partitions[2].error_code, ErrorCode::unknown_topic_or_partition);
    EXPECT_EQ(response.results[1].topic_name.view(), "unknown");
    EXPECT_EQ(response.results[1].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
  }
}

TEST_F(AlterReplicaLogDirsTest, NothingWantedIsNothingDone) {
  EXPECT_TRUE(env.loop().handle(handler, {}, {.version = 2}).results.empty());
}

TEST_F(AlterReplicaLogDirsTest, AMoveIsSeenInBothDirectories) {
  for (int i = 0; i < 3; ++i) env.append("t", 0);
  const std::string to = other_directory();
  protocol::AlterReplicaLogDirsRequest request;
  wish(request, to, "t", {0});
  EXPECT_EQ(env.loop().handle(handler, request, {.version = 2}).results.at(0).partitions.at(0).error_code,
            ErrorCode::none);

  DescribeLogDirsHandler describe{env.replicas(), env.logs(), env.background()};
  protocol::DescribeLogDirsRequest question;
  auto& wanted = question.topics.emplace().emplace_back();
  wanted.topic = "t";
  wanted.partitions = {0};
  const auto look = [&] {
    const auto response = env.loop().handle(describe, question, {.version = 4});
    std::map<std::string, std::vector<protocol::DescribeLogDirsResponse::DescribeLogDirsPartition>> found;
    for (const auto& dir : response.results) {
      for (const auto& topic : dir.topics) found[dir.log_dir.str()] = topic.partitions;
    }
    return found;
  };
  auto found = look();
  ASSERT_EQ(found.size(), 2u);
  ASSERT_EQ(found[to].size(), 1u);
  EXPECT_TRUE(found[to][0].is_future_key);
  EXPECT_EQ(found[to][0].offset_lag, 3);
  EXPECT_EQ(found[to][0].partition_size, 0);
  found.erase(to);
  EXPECT_FALSE(found.begin()->second.at(0).is_future_key);
  EXPECT_EQ(found.begin()->second.at(0).offset_lag, 0);

  while (!env.partition("t")->continue_move(1 << 20)->over) {
  }
  found = look();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_FALSE(found[to].at(0).is_future_key);
  EXPECT_EQ(found[to].at(0).partition_size, static_cast<std::int64_t>(3 * make_batch().size()));
}

}  // namespace
}  // namespace broker
