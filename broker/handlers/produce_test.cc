#include "broker/handlers/produce.h"

#include <gtest/gtest.h>

#include "broker/replication/test_replicas.h"
#include "protocol/records/record_batch.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::ProduceRequest, protocol::ProduceResponse;
using Answer = ProduceResponse::PartitionProduceResponse;

constexpr protocol::ApiVersion newest_with_names = 12, newest = 13;

class CountingOwner final : public RequestOwner {
 public:
  void ordered_part_done() override { ++calls; }
  void decoded(std::size_t) override {}
  int calls = 0;
};

class ProduceTest : public ::testing::Test {
 protected:
  ProduceTest() { env.lead("t", 2); }

  ProduceRequest request(std::vector<std::byte> records, const std::string& topic = "t", std::int32_t index = 0,
                         std::int16_t acks = 1) {
    ProduceRequest made;
    made.acks = acks;
    made.timeout_ms = 1000;
    add(made, std::move(records), topic, index);
    return made;
  }
  static void add(ProduceRequest& request, std::vector<std::byte> records, const std::string& topic,
                  std::int32_t index) {
    auto& data = request.topic_data.emplace_back();
    data.name = topic;
    data.topic_id = TestReplicas::id_of(topic);
    auto& partition = data.partition_data.emplace_back();
    partition.index = index;
    partition.records = protocol::Records(std::move(records));
  }
  ProduceResponse send(const ProduceRequest& request, protocol::ApiVersion version = newest_with_names) {
    return env.loop().handle(handler, request, {.version = version});
  }
  Answer produce(std::vector<std::byte> records, protocol::ApiVersion version = newest_with_names) {
    return send(request(std::move(records)), version).responses.at(0).partition_responses.at(0);
  }

  // As dispatch has it: what the handler told the connection.
  struct Told {
    bool suppressed = false;
    bool closed = false;
  };
  Told send_without_acks(const ProduceRequest& request) {
    RequestContext context(env.loop().executor(), env.loop().connection(), {.api_version = newest_with_names});
    (void)env.loop().run(handler.handle(context, request));
    return {.suppressed = context.response_suppressed(), .closed = context.connection_close_wanted()};
  }

  TestReplicas env;
  ProduceHandler handler{env.replicas(), env.metadata(), env.background(), env.clock()};
};

TEST_F(ProduceTest, AppendsAndAnswersTheBaseOffset) {
  EXPECT_EQ(produce(make_batch({.records = 3})).base_offset, 0);
  const Answer second = produce(make_batch());
  EXPECT_EQ(second.error_code, ErrorCode::none);
  EXPECT_EQ(second.base_offset, 3);
  EXPECT_EQ(second.log_append_time_ms, -1);
  EXPECT_EQ(second.log_start_offset, 0);
}

TEST_F(ProduceTest, BytesThatAreNoBatchRefuseTheWholeRequest) {
  auto broken = make_batch();
  broken[16] = std::byte{3};  // the magic byte
  auto both = request(make_batch());
  add(both, std::move(broken), "t", 1);
  const ProduceResponse response = send(both);
  for (const auto& topic : response.responses) {
    EXPECT_EQ(topic.partition_responses.at(0).error_code, ErrorCode::corrupt_message);
    EXPECT_EQ(topic.partition_responses.at(0).error_message->view(), "Invalid magic found in record: 3");
  }
  EXPECT_EQ(produce(make_batch()).base_offset, 0) << "nothing was written";
}

TEST_F(ProduceTest, SaysNothingAboutTopicsWithoutPartitions) {
  auto wanted = request(make_batch());
  wanted.topic_data.emplace_back().name = "u";
  EXPECT_EQ(send(wanted).responses.size(), 1u);
}

TEST_F(ProduceTest, WhatFlushMessagesAsksForIsOnDiskBeforeTheAnswer) {
  storage::LogConfig config;
  config.flush_messages = 2;
  env.logs().update_default_config(config);
  (void)produce(make_batch());
  EXPECT_EQ(env.partition("t")->open_log()->recovery_point(), 0);
  CountingOwner owner;
  const auto wanted = request(make_batch());
  const auto response = env.loop().handle(handler, wanted, {.version = newest_with_names, .owner = &owner});
  EXPECT_EQ(response.responses.at(0).partition_responses.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(env.partition("t")->open_log()->recovery_point(), 2);
  EXPECT_EQ(owner.calls, 1) << "later requests of the connection needn't wait for the disk";
}

TEST_F(ProduceTest, EveryPartitionGetsItsOwnAnswer) {
  ProduceRequest several = request(make_batch());
  add(several, make_batch(), "unknown", 0);
  add(several, make_batch(), "t", 1);
  add(several, make_batch(), "t", 7);
  const ProduceResponse response = send(several);
  ASSERT_EQ(response.responses.size(), 2u) << "each topic is named once";
  const auto& known = response.responses[0].partition_responses;
  ASSERT_EQ(known.size(), 3u);
  EXPECT_EQ(known[0].error_code, ErrorCode::none);
  EXPECT_EQ(known[1].error_code, ErrorCode::none);
  EXPECT_EQ(known[2].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(known[2].base_offset, -1);
  EXPECT_EQ(response.responses[1].partition_responses.at(0).error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(ProduceTest, OfAPartitionThatIsNamedTwiceTheLastRecordsAreAppended) {
  ProduceRequest twice = request(make_batch({.records = 2}));
  add(twice, make_batch({.records = 3}), "t", 0);
  add(twice, make_batch(), "t", 1);
  const ProduceResponse response = send(twice);
  ASSERT_EQ(response.responses.size(), 1u);
  ASSERT_EQ(response.responses[0].partition_responses.size(), 2u);
  EXPECT_EQ(response.responses[0].partition_responses[0].base_offset, 0);
  EXPECT_EQ(env.partition("t")->ends()->log_end, 3);
}

TEST_F(ProduceTest, OfAPartitionThatIsNamedTwiceAWrongFormatIsAnsweredAndTheOtherAppended) {
  for (const bool wrong_first : {true, false}) {
    const auto before = env.partition("t")->open_log()->log_end_offset();
    ProduceRequest twice = request(make_batch({.magic = static_cast<std::int8_t>(wrong_first ? 1 : 2)}));
    add(twice, make_batch({.magic = static_cast<std::int8_t>(wrong_first ? 2 : 1)}), "t", 0);
    const ProduceResponse response = send(twice);
    ASSERT_EQ(response.responses.at(0).partition_responses.size(), 1u);
    EXPECT_EQ(response.responses[0].partition_responses[0].error_code, ErrorCode::invalid_record);
    EXPECT_EQ(response.responses[0].partition_responses[0].base_offset, -1);
    EXPECT_EQ(env.partition("t")->ends()->log_end, before + 1);
  }
}

TEST_F(ProduceTest, TopicsAreNamedByIdFromVersion13) {
  const ProduceResponse response = send(request(make_batch()), newest);
  EXPECT_EQ(response.responses[0].topic_id, TestReplicas::id_of("t"));
  EXPECT_EQ(response.responses[0].partition_responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(send(request(make_batch(), "unknown"), newest).responses[0].partition_responses[0].error_code,
            ErrorCode::unknown_topic_id);
}

TEST_F(ProduceTest, AcksMustBeMinusOneZeroOrOne) {
  EXPECT_EQ(send(request(make_batch(), "t", 0, 2)).responses[0].partition_responses[0].error_code,
            ErrorCode::invalid_required_acks);
}

TEST_F(ProduceTest, WrongAcksAreToldBeforeABatchThatIsTooShort) {
  auto batch = make_batch();
  protocol::store_be(batch.data() + protocol::batch_v2::length, std::int32_t{48});  // its header has 49 bytes more
  batch.resize(60);
  EXPECT_EQ(send(request(batch, "t", 0, 2)).responses[0].partition_responses[0].error_code,
            ErrorCode::invalid_required_acks);
  EXPECT_EQ(produce(batch).error_code, ErrorCode::corrupt_message);
}

TEST_F(ProduceTest, AcksAllWithOneReplicaDoesNotWait) {
  CountingOwner owner;
  const auto response =
      env.loop().handle(handler, request(make_batch(), "t", 0, -1), {.version = newest_with_names, .owner = &owner});
  EXPECT_EQ(response.responses[0].partition_responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(owner.calls, 0) << "the response ends the request anyway";
}

TEST_F(ProduceTest, AcksAllTimesOutWhenFollowersDoNotFetch) {
  env.tell_metadata("r", 1, TestReplicas::local, 0, {2});
  env.assign("r", 0, {.isr = {1, 2}, .replicas = {1, 2}});
  ProduceRequest wanted = request(make_batch(), "r", 0, -1);
  wanted.timeout_ms = 1;
  CountingOwner owner;
  const auto response = env.loop().handle(handler, wanted, {.version = newest_with_names, .owner = &owner});
  EXPECT_EQ(response.responses[0].partition_responses[0].error_code, ErrorCode::request_timed_out);
  EXPECT_EQ(response.responses[0].partition_responses[0].base_offset, 0);
  EXPECT_EQ(owner.calls, 1) << "later requests of the connection go on";
}

TEST_F(ProduceTest, AcksAllIsAnsweredWhenTheFollowerHasFetched) {
  env.tell_metadata("r", 1, TestReplicas::local, 0, {2});
  env.assign("r", 0, {.isr = {1, 2}, .replicas = {1, 2}});
  const auto follow = [&] {
    PartitionRead read{.fetch_offset = 1, .max_bytes = 1024, .isolation = storage::FetchIsolation::log_end};
    read.follower = 2;
    EXPECT_TRUE(env.partition("r")->read(read));
  };
  // Posted to the same thread: it runs while the produce request waits.
  boost::asio::post(env.loop().executor(), [&] { boost::asio::post(env.loop().executor(), follow); });
  ProduceRequest wanted = request(make_batch(), "r", 0, -1);
  wanted.timeout_ms = 60'000;
  EXPECT_EQ(send(wanted).responses[0].partition_responses[0].error_code, ErrorCode::none);
}

TEST_F(ProduceTest, TooFewInSyncReplicasRefuseAcksAll) {
  storage::LogConfig config;
  config.min_insync_replicas = 2;
  env.logs().update_default_config(config);
  env.tell_metadata("r", 1, TestReplicas::local, 0, {2});
  env.assign("r", 0, {.isr = {1}, .replicas = {1, 2}});
  EXPECT_EQ(send(request(make_batch(), "r", 0, -1)).responses[0].partition_responses[0].error_code,
            ErrorCode::not_enough_replicas);
  EXPECT_EQ(send(request(make_batch(), "r", 0, 1)).responses[0].partition_responses[0].error_code, ErrorCode::none);
}

TEST_F(ProduceTest, WithoutAcksNothingIsAnswered) {
  const Told told = send_without_acks(request(make_batch(), "t", 0, 0));
  EXPECT_TRUE(told.suppressed);
  EXPECT_FALSE(told.closed);
  EXPECT_EQ(env.partition("t")->ends()->log_end, 1);
}

TEST_F(ProduceTest, WithoutAcksAFailureClosesTheConnection) {
  EXPECT_TRUE(send_without_acks(request(make_batch(), "unknown", 0, 0)).closed);
}

TEST_F(ProduceTest, FromVersion3OneBatchOfMagic2) {
  EXPECT_EQ(produce({}).error_code, ErrorCode::invalid_record);
  EXPECT_EQ(produce(make_batch({.magic = 1})).error_code, ErrorCode::invalid_record);
  std::vector<std::byte> two = make_batch();
  const std::vector<std::byte> second = make_batch();
  two.insert(two.end(), second.begin(), second.end());
  EXPECT_EQ(produce(two).error_code, ErrorCode::invalid_record);
  std::vector<std::byte> cut = make_batch();
  cut.resize(cut.size() - 1);
  EXPECT_EQ(produce(cut).error_code, ErrorCode::invalid_record);
}

TEST_F(ProduceTest, OldVersionsBringMessageSets) {
  EXPECT_EQ(produce(make_batch({.records = 2, .magic = 0}), 0).error_code, ErrorCode::none);
  const Answer answer = produce(make_batch({.records = 2, .magic = 1}), 2);
  EXPECT_EQ(answer.error_code, ErrorCode::none);
  EXPECT_EQ(answer.base_offset, 2);
  EXPECT_EQ(env.partition("t")->ends()->log_end, 4);
}

TEST_F(ProduceTest, ZstdNeedsVersion7) {
  const auto batch = make_batch({.compression = protocol::CompressionType::zstd});
  EXPECT_EQ(produce(batch, 6).error_code, ErrorCode::unsupported_compression_type);
  EXPECT_EQ(produce(batch, 7).error_code, ErrorCode::none);
}

TEST_F(ProduceTest, BeforeVersion7AnUnknownCodecRefusesTheWholeRequest) {
  auto batch = make_batch();
  batch[protocol::batch_v2::attributes + 1] = std::byte{7};
  auto both = request(make_batch());
  add(both, batch, "t", 1);
  EXPECT_EQ(send(both, 6).responses.at(0).partition_responses.at(0).error_code, ErrorCode::unknown_server_error);
  EXPECT_EQ(env.partition("t")->ends()->log_end, 0);
  EXPECT_EQ(send(both, 7).responses.at(0).partition_responses.at(0).error_code, ErrorCode::none);
}

TEST_F(ProduceTest, DamagedBatchesAreRefused) {
  auto batch = make_batch();
  batch.back() ^= std::byte{1};
  const Answer answer = produce(batch);
  EXPECT_EQ(answer.error_code, ErrorCode::corrupt_message);
  EXPECT_EQ(answer.base_offset, -1);
  EXPECT_EQ(answer.log_start_offset, -1);
  EXPECT_EQ(env.partition("t")->ends()->log_end, 0);
}

TEST_F(ProduceTest, OversizeBatchesAreRefused) {
  EXPECT_EQ(produce(make_batch({.value_size = 2 << 20})).error_code, ErrorCode::message_too_large);
}

TEST_F(ProduceTest, BadRecordsAreNamed) {
  storage::LogConfig config;
  config.cleanup_compact = true;
  config.cleanup_delete = false;
  env.logs().update_default_config(config);
  protocol::RecordBatchBuilder builder({});
  builder.append(1, protocol::as_bytes("k"), protocol::as_bytes("v"));
  builder.append(1, std::nullopt, protocol::as_bytes("v"));
  const Answer answer = produce(*builder.build());
  EXPECT_EQ(answer.error_code, ErrorCode::invalid_record);
  ASSERT_EQ(answer.record_errors.size(), 1u);
  EXPECT_EQ(answer.record_errors[0].batch_index, 1);
  EXPECT_TRUE(answer.error_message);
  EXPECT_EQ(answer.log_start_offset, 0);
}

TEST_F(ProduceTest, RepeatedBatchesOfAnIdempotentProducerKeepTheirOffset) {
  const auto first = make_batch({.records = 2, .producer_id = 7, .producer_epoch = 0, .base_sequence = 0});
  EXPECT_EQ(produce(first).base_offset, 0);
  const auto second = make_batch({.records = 1, .producer_id = 7, .producer_epoch = 0, .base_sequence = 2});
  EXPECT_EQ(produce(second).base_offset, 2);
  EXPECT_EQ(produce(first).base_offset, 0);
  EXPECT_EQ(env.partition("t")->ends()->log_end, 3);
  const auto gap = make_batch({.records = 1, .producer_id = 7, .producer_epoch = 0, .base_sequence = 9});
  EXPECT_EQ(produce(gap).error_code, ErrorCode::out_of_order_sequence_number);
}

TEST_F(ProduceTest, InternalTopicsAreForKafkasOwnTools) {
  env.lead("__consumer_offsets");
  const ProduceRequest wanted = request(make_batch(), "__consumer_offsets");
  EXPECT_EQ(send(wanted).responses[0].partition_responses[0].error_code, ErrorCode::invalid_topic_exception);
  const auto response =
      env.loop().handle(handler, wanted, {.version = newest_with_names, .client_id = "__admin_client"});
  EXPECT_EQ(response.responses[0].partition_responses[0].error_code, ErrorCode::none);
}

TEST_F(ProduceTest, TransactionsAreRefused) {
  const auto batch = make_batch({.producer_id = 7, .producer_epoch = 0, .base_sequence = 0, .transactional = true});
  EXPECT_EQ(produce(batch).error_code, ErrorCode::transactional_id_authorization_failed);
  ProduceRequest wanted = request(batch);
  wanted.transactional_id = "tx";
  EXPECT_EQ(send(wanted).responses[0].partition_responses[0].error_code, ErrorCode::not_enough_replicas);
  EXPECT_EQ(env.partition("t")->ends()->log_end, 0);
}

TEST_F(ProduceTest, OnlyTheFirstBatchTellsOfATransaction) {
  auto batches = make_batch({.magic = 0});
  const auto second = make_batch({.producer_id = 7, .producer_epoch = 0, .base_sequence = 0, .transactional = true});
  batches.insert(batches.end(), second.begin(), second.end());
  EXPECT_EQ(produce(batches, 1).error_code, ErrorCode::invalid_record) << "mixed formats";
  EXPECT_EQ(produce(second, 1).error_code, ErrorCode::transactional_id_authorization_failed);
}

TEST_F(ProduceTest, TheNewLeaderIsNamed) {
  env.tell_metadata("moved", 1, 2, 6, {2});
  const ProduceResponse response = send(request(make_batch(), "moved"), 10);
  const Answer& answer = response.responses[0].partition_responses[0];
  EXPECT_EQ(answer.error_code, ErrorCode::not_leader_or_follower);
  EXPECT_EQ(answer.current_leader.leader_id, 2);
  EXPECT_EQ(answer.current_leader.leader_epoch, 6);
  ASSERT_EQ(response.node_endpoints.size(), 1u);
  EXPECT_EQ(response.node_endpoints[0].host, "host2");
  EXPECT_TRUE(send(request(make_batch(), "moved"), 9).node_endpoints.empty());
}

}  // namespace
}  // namespace broker
