#include "broker/handlers/fetch.h"
#include "broker/handlers/fetch_conversion.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "broker/replication/test_replicas.h"
#include "protocol/records/record_batch.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::FetchRequest, protocol::FetchResponse;

constexpr std::int32_t max_response_bytes = 50 << 20;

std::vector<std::byte> contents(const protocol::Records& records) {
  std::vector<std::byte> bytes(records.bytes().begin(), records.bytes().end());
  for (const protocol::FileRange& range : records.ranges()) {
    const std::size_t at = bytes.size();
    bytes.resize(at + static_cast<std::size_t>(range.length));
    EXPECT_EQ(::pread(range.fd, bytes.data() + at, static_cast<std::size_t>(range.length), range.position),
              range.length);
  }
  return bytes;
}

class FetchTest : public ::testing::Test {
 protected:
  FetchTest() { env.lead("t", 3); }

  FetchRequest request(std::vector<std::pair<std::int32_t, std::int64_t>> partitions, const std::string& topic = "t") {
    FetchRequest made;
    made.max_wait_ms = 0;
    made.min_bytes = 1;
    auto& wanted = made.topics.emplace_back();
    wanted.topic = topic;
    wanted.topic_id = TestReplicas::id_of(topic);
    for (const auto& [index, offset] : partitions) {
      auto& partition = wanted.partitions.emplace_back();
      partition.partition = index;
      partition.fetch_offset = offset;
      partition.partition_max_bytes = 1 << 20;
    }
    return made;
  }
  FetchResponse send(const FetchRequest& request, protocol::ApiVersion version = 12) {
    return env.loop().handle(handler, request, {.version = version});
  }
  void post(std::function<void()> later) {
    boost::asio::post(env.loop().executor(),
                      [this, later = std::move(later)] { boost::asio::post(env.loop().executor(), later); });
  }

  TestReplicas env;
  FetchSessionCache sessions{10, 120'000, 1};
  FetchHandler handler{env.replicas(), env.metadata(), sessions, env.background(), env.clock(), max_response_bytes};
};

TEST_F(FetchTest, ReturnsTheRecordsAsFileRanges) {
  env.append("t", 0, {.records = 3});
  const FetchResponse response = send(request({{0, 0}}));
  ASSERT_EQ(response.responses.size(), 1u);
  const auto& partition = response.responses[0].partitions.at(0);
  EXPECT_EQ(partition.error_code, ErrorCode::none);
  EXPECT_EQ(partition.high_watermark, 3);
  EXPECT_EQ(partition.last_stable_offset, 3);
  EXPECT_EQ(partition.log_start_offset, 0);
  EXPECT_FALSE(partition.aborted_transactions) << "null for read_uncommitted";
  ASSERT_TRUE(partition.records);
  EXPECT_FALSE(partition.records->in_memory());
  const auto bytes = contents(*partition.records);
  protocol::RecordBatchView batch;
  ASSERT_EQ(protocol::RecordBatchView::parse(bytes, batch), protocol::BatchStatus::ok);
  EXPECT_EQ(batch.record_count(), 3);
  EXPECT_TRUE(batch.crc_matches());
}

TEST_F(FetchTest, TrafficIsCounted) {
  env.append("t", 0, {.records = 3});
  const auto size = static_cast<std::int64_t>(make_batch({.records = 3}).size());
  (void)send(request({{0, 0}, {1, 0}}));
  for (const TopicMetrics* metrics : {&env.totals(), &env.topic_metrics()}) {
    EXPECT_EQ(metrics->messages_in.value(), 3);
    EXPECT_EQ(metrics->bytes_in.value(), size);
    EXPECT_EQ(metrics->bytes_out.value(), size);
    EXPECT_EQ(metrics->total_fetch_requests.value(), 2);
  }
}

TEST_F(FetchTest, AtTheEndThereIsNothing) {
  env.append("t");
  const FetchResponse response = send(request({{0, 1}}));
  EXPECT_TRUE(response.responses[0].partitions[0].records->empty());
  EXPECT_EQ(response.responses[0].partitions[0].error_code, ErrorCode::none);
}

TEST_F(FetchTest, ErrorsAreTheirPartitionsOwn) {
  env.append("t");
  FetchRequest wanted = request({{0, 0}, {1, 5}, {9, 0}});
  const FetchResponse response = send(wanted);
  const auto& partitions = response.responses[0].partitions;
  EXPECT_EQ(partitions[0].error_code, ErrorCode::none);
  EXPECT_EQ(partitions[1].error_code, ErrorCode::offset_out_of_range);
  EXPECT_EQ(partitions[1].high_watermark, -1);
  EXPECT_EQ(partitions[2].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(FetchTest, FailuresLookAsKafkasDo) {
  const FetchResponse response = send(request({{0, 100}, {9, 0}}));
  const auto& out_of_range = response.responses.at(0).partitions.at(0);
  EXPECT_EQ(out_of_range.error_code, ErrorCode::offset_out_of_range);
  EXPECT_FALSE(out_of_range.aborted_transactions) << "null: it was read";
  const auto& unknown = response.responses.at(0).partitions.at(1);
  EXPECT_EQ(unknown.error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_TRUE(unknown.aborted_transactions) << "empty: nobody tried";
}

TEST_F(FetchTest, AnyNegativeEpochIsNone) {
  env.append("t", 0, {.records = 3});
  auto wanted = request({{0, 1}});
  wanted.topics[0].partitions[0].current_leader_epoch = -2;
  wanted.topics[0].partitions[0].last_fetched_epoch = -2;
  const FetchResponse response = send(wanted);
  EXPECT_EQ(response.responses.at(0).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(response.responses.at(0).partitions.at(0).diverging_epoch.epoch, -1);
}

TEST_F(FetchTest, ALongPollWakesOnAnAppend) {
  FetchRequest wanted = request({{0, 0}, {1, 0}});
  wanted.max_wait_ms = 600'000;
  post([&] { env.append("t", 1); });
  const FetchResponse response = send(wanted);
  EXPECT_TRUE(response.responses[0].partitions[0].records->empty());
  EXPECT_FALSE(response.responses[0].partitions[1].records->empty());
}

TEST_F(FetchTest, ALongPollWaitsForMinBytes) {
  FetchRequest wanted = request({{0, 0}});
  wanted.max_wait_ms = 600'000;
  wanted.min_bytes = static_cast<std::int32_t>(make_batch().size()) * 3;
  post([&] {
    env.append("t");
    post([&] {
      env.append("t");
      post([&] { env.append("t"); });
    });
  });
  EXPECT_EQ(send(wanted).responses[0].partitions[0].high_watermark, 3);
}

TEST_F(FetchTest, LongPollsFollowAProducerOnAnotherThread) {
  constexpr std::int64_t records = 300;
  std::thread producer([&] {
    for (std::int64_t i = 0; i < records; ++i) env.append("t", static_cast<std::int32_t>(i % 3));
  });
  std::vector<std::pair<std::int32_t, std::int64_t>> positions{{0, 0}, {1, 0}, {2, 0}};
  std::int64_t seen = 0;
  while (seen < records) {
    FetchRequest wanted = request(positions);
    wanted.max_wait_ms = 600'000;
    const FetchResponse response = send(wanted);
    for (const auto& partition : response.responses.at(0).partitions) {
      const auto bytes = contents(*partition.records);
      protocol::BatchReader batches(bytes);
      protocol::RecordBatchView batch;
      auto& position = positions.at(static_cast<std::size_t>(partition.partition_index)).second;
      while (batches.next(batch) == protocol::BatchStatus::ok) {
        ASSERT_EQ(batch.base_offset(), position);
        position = batch.next_offset();
        seen += batch.record_count();
      }
    }
  }
  producer.join();
  EXPECT_EQ(seen, records);
}

TEST_F(FetchTest, ALongPollEndsAtItsTime) {
  FetchRequest wanted = request({{0, 0}});
  wanted.max_wait_ms = 1;
  EXPECT_TRUE(send(wanted).responses[0].partitions[0].records->empty());
}

TEST_F(FetchTest, ALongPollEndsWhenThePartitionGoes) {
  FetchRequest wanted = request({{0, 0}});
  wanted.max_wait_ms = 600'000;
  post([&] { env.stop("t", 0, -2, true); });
  EXPECT_EQ(send(wanted).responses[0].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(FetchTest, ALongPollEndsWithTheConnection) {
  FetchRequest wanted = request({{0, 0}});
  wanted.max_wait_ms = 600'000;
  post([&] { env.loop().cancel_list().cancel_all(); });
  EXPECT_EQ(send(wanted).error_code, ErrorCode::none);
}

TEST_F(FetchTest, AnUnknownPartitionIsNoReasonToHurry) {
  FetchRequest wanted = request({{0, 0}, {9, 0}});
  wanted.max_wait_ms = 600'000;
  post([&] { env.append("t"); });
  EXPECT_FALSE(send(wanted).responses[0].partitions[0].records->empty());
}

TEST_F(FetchTest, NothingButUnknownPartitionsIsAnsweredAtOnce) {
  FetchRequest wanted = request({{9, 0}});
  wanted.max_wait_ms = 600'000;
  EXPECT_EQ(send(wanted).responses[0].partitions[0].error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(FetchTest, TheFirstBatchIsReturnedWholeWhateverTheLimits) {
  env.append("t", 0, {.value_size = 5000});
  env.append("t", 1, {.value_size = 5000});
  FetchRequest wanted = request({{0, 0}, {1, 0}});
  wanted.max_bytes = 100;
  wanted.topics[0].partitions[0].partition_max_bytes = 100;
  const FetchResponse response = send(wanted);
  EXPECT_GT(response.responses[0].partitions[0].records->size(), 5000u);
  EXPECT_EQ(response.responses[0].partitions[1].records->size(), 0u) << "the limit is used up";
}

TEST_F(FetchTest, BeforeVersion3TheLimitIsHard) {
  env.append("t", 0, {.value_size = 5000});
  FetchRequest wanted = request({{0, 0}});
  wanted.topics[0].partitions[0].partition_max_bytes = 100;
  EXPECT_LE(send(wanted, 2).responses[0].partitions[0].records->size(), 100u);
}

TEST_F(FetchTest, PartitionLimitsCutTheSlice) {
  const auto size = static_cast<std::int32_t>(make_batch({.value_size = 1000}).size());
  for (int i = 0; i < 10; ++i) env.append("t", 0, {.value_size = 1000});
  FetchRequest wanted = request({{0, 0}});
  wanted.topics[0].partitions[0].partition_max_bytes = 3 * size;
  EXPECT_EQ(send(wanted).responses[0].partitions[0].records->size(), static_cast<std::size_t>(3 * size));
}

TEST_F(FetchTest, ReadCommittedListsAbortedTransactions) {
  env.append("t");
  FetchRequest wanted = request({{0, 0}});
  wanted.isolation_level = 1;
  const FetchResponse response = send(wanted);
  ASSERT_TRUE(response.responses[0].partitions[0].aborted_transactions);
  EXPECT_TRUE(response.responses[0].partitions[0].aborted_transactions->empty());
}

TEST_F(FetchTest, SessionsAnswerOnlyWhatIsNew) {
  env.append("t", 0);
  FetchRequest open = request({{0, 1}, {1, 0}, {2, 0}});
  open.session_epoch = initial_session_epoch;
  const FetchResponse opened = send(open);
  ASSERT_NE(opened.session_id, no_fetch_session);
  EXPECT_EQ(opened.responses[0].partitions.size(), 3u);

  env.append("t", 2);
  FetchRequest next = request({});
  next.topics.clear();
  next.session_id = opened.session_id;
  next.session_epoch = 1;
  const FetchResponse answered = send(next);
  EXPECT_EQ(answered.session_id, opened.session_id);
  ASSERT_EQ(answered.responses.size(), 1u);
  EXPECT_EQ(answered.responses[0].topic, "t");
  ASSERT_EQ(answered.responses[0].partitions.size(), 1u);
  EXPECT_EQ(answered.responses[0].partitions[0].partition_index, 2);
}

TEST_F(FetchTest, AnIncrementalFetchWithoutNewsIsEmpty) {
  FetchRequest open = request({{0, 0}});
  open.session_epoch = initial_session_epoch;
  FetchRequest next = request({});
  next.topics.clear();
  next.session_id = send(open).session_id;
  next.session_epoch = 1;
  EXPECT_TRUE(send(next).responses.empty());
}

TEST_F(FetchTest, ASessionWhoseAnswerAnOldVersionCannotCarryIsRefused) {
  env.append("t", 0, {.records = 3});
  FetchRequest open = request({{0, 1000}});
  open.session_epoch = initial_session_epoch;
  open.topics[0].partitions[0].last_fetched_epoch = 0;
  FetchRequest next = request({{1, 0}});
  next.session_id = send(open, 12).session_id;
  next.session_epoch = 1;
  const FetchResponse response = send(next, 10);
  EXPECT_EQ(response.error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(response.session_id, next.session_id);
  ASSERT_EQ(response.responses.at(0).partitions.size(), 1u);
  EXPECT_EQ(response.responses[0].partitions[0].error_code, ErrorCode::unsupported_version);
}

TEST_F(FetchTest, SessionErrorsAreAnsweredAtTheTop) {
  FetchRequest next = request({{0, 0}});
  next.session_id = 12345;
  next.session_epoch = 1;
  const FetchResponse response = send(next);
  EXPECT_EQ(response.error_code, ErrorCode::fetch_session_id_not_found);
  EXPECT_TRUE(response.responses.empty());
}

TEST_F(FetchTest, TopicsAreNamedByIdFromVersion13) {
  env.append("t");
  FetchRequest wanted = request({{0, 0}});
  const FetchResponse response = send(wanted, 17);
  EXPECT_EQ(response.responses[0].topic_id, TestReplicas::id_of("t"));
  EXPECT_FALSE(response.responses[0].partitions[0].records->empty());
  EXPECT_EQ(send(request({{0, 0}}, "unknown"), 17).responses[0].partitions[0].error_code, ErrorCode::unknown_topic_id);
}

TEST_F(FetchTest, TheNewLeaderIsNamed) {
  env.tell_metadata("moved", 1, 2, 6, {2});
  const FetchResponse response = send(request({{0, 0}}, "moved"), 16);
  EXPECT_EQ(response.responses[0].partitions[0].error_code, ErrorCode::not_leader_or_follower);
  EXPECT_EQ(response.responses[0].partitions[0].current_leader.leader_id, 2);
  ASSERT_EQ(response.node_endpoints.size(), 1u);
  EXPECT_EQ(response.node_endpoints[0].port, 9092);
}

TEST_F(FetchTest, FollowersSeeTheLogEndAndMoveTheHighWatermark) {
  env.tell_metadata("r", 1, TestReplicas::local, 0, {2});
  env.assign("r", 0, {.isr = {1, 2}, .replicas = {1, 2}});
  env.append("r", 0, {.records = 2});
  FetchRequest wanted = request({{0, 0}}, "r");
  wanted.replica_state.replica_id = 2;
  const FetchResponse first = send(wanted, 17);
  EXPECT_FALSE(first.responses[0].partitions[0].records->empty());
  EXPECT_EQ(first.responses[0].partitions[0].high_watermark, 0);
  wanted.topics[0].partitions[0].fetch_offset = 2;
  (void)send(wanted, 17);
  EXPECT_EQ(env.partition("r")->ends()->high_watermark, 2);
}

TEST_F(FetchTest, OldConsumersGetMessageSets) {
  env.append("t", 0, {.records = 3});
  for (const auto& [version, magic] :
       std::vector<std::pair<protocol::ApiVersion, int>>{{0, 0}, {1, 0}, {2, 1}, {3, 1}}) {
    const FetchResponse response = send(request({{0, 1}}), version);
    const auto bytes = contents(*response.responses[0].partitions[0].records);
    protocol::RecordBatchView message;
    ASSERT_EQ(protocol::RecordBatchView::parse(bytes, message), protocol::BatchStatus::ok) << version;
    EXPECT_EQ(message.magic(), magic) << version;
    EXPECT_EQ(message.base_offset(), 1) << version;
  }
}

TEST_F(FetchTest, MessageSetsAreNoLargerThanTheBatchesWere) {
  // Each message of the old format has its own header of 26 bytes, so that the converted set is larger.
  for (int i = 0; i < 3; ++i) env.append("t", 0, {.records = 20});
  const auto stored = send(request({{0, 0}}), 4).responses[0].partitions[0].records->size();
  const FetchResponse response = send(request({{0, 0}}), 1);
  const auto bytes = contents(*response.responses[0].partitions[0].records);
  EXPECT_EQ(bytes.size(), stored);

  // One batch alone must come whole for the client to get on.
  env.append("t", 1, {.records = 20});
  const auto first = send(request({{1, 0}}), 1);
  const auto whole = contents(*first.responses[0].partitions[0].records);
  protocol::BatchReader messages(whole);
  protocol::RecordBatchView message;
  int count = 0;
  while (messages.next(message) == protocol::BatchStatus::ok) ++count;
  EXPECT_EQ(count, 20);
}

TEST_F(FetchTest, OldConsumersGetNothingOfABatchThatIsCutOff) {
  env.append("t", 0, {.records = 3, .value_size = 100});
  FetchRequest wanted = request({{0, 0}});
  wanted.topics[0].partitions[0].partition_max_bytes = 100;
  const FetchResponse response = send(wanted, 1);
  EXPECT_EQ(response.responses[0].partitions[0].error_code, ErrorCode::none);
  EXPECT_TRUE(response.responses[0].partitions[0].records->empty());
}

TEST_F(FetchTest, OldConsumersGetACutMessageForBatchesWithoutAny) {
  FetchConversion::PartitionData data;
  data.records.emplace(make_batch());
  FetchConversion(3).apply(nullptr, 7, data);  // the batch's only record lies before that offset
  const auto bytes = contents(*data.records);
  EXPECT_EQ(bytes.size(), 12u);
  protocol::RecordBatchView message;
  EXPECT_EQ(protocol::RecordBatchView::parse(bytes, message), protocol::BatchStatus::incomplete);
}

TEST_F(FetchTest, DownConversionMayBeForbidden) {
  storage::LogConfig config;
  config.message_downconversion = false;
  env.logs().update_default_config(config);
  env.append("t");
  EXPECT_EQ(send(request({{0, 0}}), 3).responses[0].partitions[0].error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(send(request({{0, 9}}), 3).responses[0].partitions[0].error_code, ErrorCode::unsupported_version)
      << "whatever else is wrong";
  EXPECT_EQ(send(request({{0, 0}}), 4).responses[0].partitions[0].error_code, ErrorCode::none);
  FetchRequest follower = request({{0, 0}});
  follower.replica_id = 5;
  EXPECT_EQ(send(follower, 3).responses[0].partitions[0].error_code, ErrorCode::not_leader_or_follower)
      << "followers may; this one is none";
}

TEST_F(FetchTest, ZstdTopicsNeedVersion10) {
  storage::LogConfig config;
  config.compression = storage::TopicCompression::zstd;
  env.logs().update_default_config(config);
  env.append("t");
  EXPECT_EQ(send(request({{0, 0}}), 9).responses[0].partitions[0].error_code, ErrorCode::unsupported_compression_type);
  EXPECT_EQ(send(request({{0, 0}}), 10).responses[0].partitions[0].error_code, ErrorCode::none);
}

TEST_F(FetchTest, InASessionOnlyTheZstdTopicIsRefusedToOldVersions) {
  env.lead("plain", 1);
  storage::LogConfig config;
  config.compression = storage::TopicCompression::zstd;
  env.logs().update_topic_config("t", std::make_shared<const storage::LogConfig>(config));
  FetchRequest open = request({{0, 0}});
  open.topics.push_back(request({{0, 0}}, "plain").topics[0]);
  open.session_epoch = initial_session_epoch;
  const std::int32_t session = send(open, 9).session_id;
  ASSERT_NE(session, no_fetch_session);
  // The zstd topic has nothing new now, so that the answer names the other one only.
  FetchRequest leave = request({});
  leave.topics.clear();
  leave.session_id = session;
  leave.session_epoch = 1;
  EXPECT_TRUE(send(leave, 9).responses.empty());
  env.append("plain");
  leave.session_epoch = 2;
  const FetchResponse answered = send(leave, 9);
  ASSERT_EQ(answered.responses.size(), 1u);
  EXPECT_EQ(answered.responses[0].topic, "plain");
  EXPECT_EQ(answered.responses[0].partitions[0].error_code, ErrorCode::none);
}

TEST_F(FetchTest, ATopicIdOfZerosIsUnknown) {
  FetchRequest wanted = request({{0, 0}});
  wanted.topics[0].topic_id = {};
  EXPECT_EQ(send(wanted, 13).responses[0].partitions[0].error_code, ErrorCode::unknown_topic_id);
}

}  // namespace
}  // namespace broker
