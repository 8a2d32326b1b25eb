#include "broker/handlers/delete_records.h"

#include <gtest/gtest.h>

#include "broker/replication/test_replicas.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class DeleteRecordsTest : public ::testing::Test {
 protected:
  DeleteRecordsTest() { env.lead("t", 1); }

  auto remove(const std::string& topic, std::int64_t offset, std::int32_t timeout_ms = 1000) {
    protocol::DeleteRecordsRequest request;
    request.timeout_ms = timeout_ms;
    auto& wanted = request.topics.emplace_back();
    wanted.name = topic;
    wanted.partitions.push_back({.partition_index = 0, .offset = offset});
    return env.loop().handle(handler, request, {.version = 2}).topics.at(0).partitions.at(0);
  }
  TestReplicas env;
  DeleteRecordsHandler handler{env.replicas(), env.background(), env.clock()};
};

TEST_F(DeleteRecordsTest, RaisesTheLogStart) {
  env.append("t", 0, {.records = 5});
  EXPECT_EQ(remove("t", 3).low_watermark, 3);
  EXPECT_EQ(remove("t", -1).low_watermark, 5);
  EXPECT_EQ(env.partition("t")->find_offset(-2, std::nullopt, -1, true).value()->offset, 5);
}

TEST_F(DeleteRecordsTest, RefusesWhatItMust) {
  env.lead("__consumer_offsets");
  EXPECT_EQ(remove("t", 9).error_code, ErrorCode::offset_out_of_range);
  EXPECT_EQ(remove("t", 9).low_watermark, -1);
  EXPECT_EQ(remove("unknown", 0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(remove("__consumer_offsets", 0).error_code, ErrorCode::invalid_topic_exception);
}

TEST_F(DeleteRecordsTest, TimesOutOnFollowersThatStayBehind) {
  env.tell_metadata("r", 1, TestReplicas::local, 0, {2});
  env.assign("r", 0, {.isr = {1}, .replicas = {1, 2}});
  env.append("r", 0, {.records = 2});
  const auto answer = remove("r", 2, 1);
  EXPECT_EQ(answer.error_code, ErrorCode::request_timed_out);
}

}  // namespace
}  // namespace broker
