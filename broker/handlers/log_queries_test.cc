// The small handlers that ask or trim logs: ListOffsets, OffsetForLeaderEpoch, DeleteRecords, DescribeProducers,
// DescribeLogDirs, InitProducerId.
#include <gtest/gtest.h>

#include "broker/handlers/delete_records.h"
#include "broker/handlers/describe_log_dirs.h"
#include "broker/handlers/describe_producers.h"
#include "broker/handlers/init_producer_id.h"
#include "broker/handlers/list_offsets.h"
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

// ---- ListOffsets

class ListOffsetsTest : public LogQueriesTest {
 protected:
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

// ---- OffsetForLeaderEpoch

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

// ---- DeleteRecords

class DeleteRecordsTest : public LogQueriesTest {
 protected:
  auto remove(const std::string& topic, std::int64_t offset, std::int32_t timeout_ms = 1000) {
    protocol::DeleteRecordsRequest request;
    request.timeout_ms = timeout_ms;
    auto& wanted = request.topics.emplace_back();
    wanted.name = topic;
    wanted.partitions.push_back({.partition_index = 0, .offset = offset});
    return env.loop().handle(handler, request, {.version = 2}).topics.at(0).partitions.at(0);
  }
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

// ---- DescribeProducers, DescribeLogDirs

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
  DescribeLogDirsHandler handler{env.replicas(), env.logs(), env.background(), env.clock()};
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

// ---- InitProducerId

class InitProducerIdTest : public ::testing::Test {
 protected:
  auto ask(const protocol::InitProducerIdRequest& request) { return loop.handle(handler, request, {.version = 5}); }
  protocol::InitProducerIdRequest idempotent() {
    protocol::InitProducerIdRequest request;
    request.transactional_id.reset();
    return request;
  }

  TestLoop loop;
  protocol::ManualClock clock;
  std::function<void(ProducerIds::BlockResult)> pending;
  ProducerIds ids{[this](auto done) { pending = std::move(done); }, clock};
  InitProducerIdHandler handler{ids, 900'000};
};

TEST_F(InitProducerIdTest, TheFirstProducerWaitsForTheControllersBlock) {
  boost::asio::post(loop.executor(), [this] {
    boost::asio::post(loop.executor(), [this] { pending(coordination::cluster::ProducerIdBlock{3000, 1000}); });
  });
  const auto response = ask(idempotent());
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.producer_id, 3000);
  EXPECT_EQ(response.producer_epoch, 0);
  EXPECT_EQ(ask(idempotent()).producer_id, 3001);
}

TEST_F(InitProducerIdTest, WithoutAControllerProducersMustTryAgain) {
  boost::asio::post(loop.executor(), [this] {
    boost::asio::post(loop.executor(), [this] { pending(protocol::fail(ErrorCode::not_controller)); });
  });
  EXPECT_EQ(ask(idempotent()).error_code, ErrorCode::coordinator_load_in_progress);
}

TEST_F(InitProducerIdTest, TransactionsHaveNoCoordinatorYet) {
  auto request = idempotent();
  request.transactional_id = "tx";
  request.transaction_timeout_ms = 60'000;
  EXPECT_EQ(ask(request).error_code, ErrorCode::coordinator_not_available);
  EXPECT_EQ(ask(request).producer_id, -1);
  request.transaction_timeout_ms = 900'001;
  EXPECT_EQ(ask(request).error_code, ErrorCode::invalid_transaction_timeout);
  request.transactional_id = "";
  EXPECT_EQ(ask(request).error_code, ErrorCode::invalid_request);
}

TEST_F(InitProducerIdTest, IdAndEpochComeTogether) {
  auto request = idempotent();
  request.producer_id = 5;
  EXPECT_EQ(ask(request).error_code, ErrorCode::invalid_request);
}

}  // namespace
}  // namespace broker
