// Produce and Fetch of clients that are over their quotas.
#include <gtest/gtest.h>

#include "broker/handlers/fetch.h"
#include "broker/handlers/produce.h"
#include "broker/replication/test_replicas.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::FetchRequest, protocol::FetchResponse;

class ThrottledRecords : public testing::Test {
 protected:
  ThrottledRecords() { env_.lead("t", 2); }

  void limit(QuotaKind kind, double bytes_per_second) {
    QuotaValues values;
    values[static_cast<std::size_t>(kind)] = bytes_per_second;
    quotas_.set({.user = {}, .client_id = EntityPart::named("c")}, values);
  }

  FetchResponse fetch(std::int32_t session_id, std::int32_t session_epoch, const char* name = "t",
                      std::int32_t replica = -1) {
    FetchRequest request;
    request.max_wait_ms = 0;
    request.max_bytes = 50 << 20;
    request.session_id = session_id;
    request.session_epoch = session_epoch;
    request.replica_id = replica;
    auto& topic = request.topics.emplace_back();
    topic.topic = name;
    topic.partitions.emplace_back().partition_max_bytes = 1 << 20;
    RequestQuotas charged(quotas_, env_.clock(), {"ANONYMOUS", "c"}, nullptr, std::chrono::steady_clock::now(), 0);
    FetchResponse response = env_.loop().handle(fetcher_, request, {.version = 12, .quotas = &charged});
    throttle_ms_ = charged.settle();
    return response;
  }
  static std::size_t records_in(const FetchResponse& response) {
    if (response.responses.empty()) return 0;
    return response.responses[0].partitions.at(0).records->size();
  }

  TestReplicas env_;
  ClientQuotas quotas_{{.count = 11, .window_ms = 1'000}, {}};
  FetchSessionCache sessions_{10, 120'000, 1};
  FetchHandler fetcher_{env_.replicas(), env_.metadata(), sessions_, env_.background(), env_.clock(), 50 << 20};
  std::int32_t throttle_ms_ = 0;
};

TEST_F(ThrottledRecords, WhoFetchesTooMuchGetsAnEmptyAnswerAndLoosesNothing) {
  env_.append("t", 0, {.records = 50, .value_size = 100});
  const FetchResponse first = fetch(0, 0);
  const std::size_t size = records_in(first);
  ASSERT_GT(size, 5'000u);
  EXPECT_GT(first.session_id, 0);
  limit(QuotaKind::fetch, static_cast<double>(size) / 8);
  EXPECT_EQ(records_in(fetch(first.session_id, 1)), size);
  EXPECT_EQ(throttle_ms_, 0);
  const FetchResponse throttled = fetch(first.session_id, 2);
  EXPECT_TRUE(throttled.responses.empty());
  EXPECT_EQ(throttled.error_code, ErrorCode::none);
  EXPECT_EQ(throttled.session_id, first.session_id);
  EXPECT_GT(throttle_ms_, 0);
  quotas_.set({.user = {}, .client_id = EntityPart::named("c")}, {});
  EXPECT_EQ(records_in(fetch(first.session_id, 3)), size) << "the session stood still";
}

TEST_F(ThrottledRecords, AnAnswerIsNeverLargerThanWhatIsAllowedInAllWindows) {
  for (int i = 0; i < 10; ++i) env_.append("t", 0, {.records = 10, .value_size = 100});
  const std::size_t all = records_in(fetch(0, -1));
  limit(QuotaKind::fetch, static_cast<double>(all) / 20);
  // With what an answer has beside records, that is just too much, until a little time has passed.
  EXPECT_EQ(records_in(fetch(0, -1)), 0u);
  env_.clock().advance_ms(500);
  const std::size_t some = records_in(fetch(0, -1));
  EXPECT_LE(some, all / 2);
  EXPECT_GT(some, 0u);
}

TEST_F(ThrottledRecords, FollowersAreNotLimited) {
  env_.tell_metadata("r", 1, TestReplicas::local, 0, {2});
  env_.assign("r", 0, {.isr = {TestReplicas::local, 2}, .replicas = {TestReplicas::local, 2}});
  env_.append("r", 0, {.records = 50, .value_size = 100});
  limit(QuotaKind::fetch, 1);
  for (int i = 0; i < 3; ++i) EXPECT_GT(records_in(fetch(0, -1, "r", 2)), 5'000u);
  EXPECT_EQ(throttle_ms_, 0);
}

TEST_F(ThrottledRecords, WhatIsProducedIsWrittenAndChargedWithTheWholeRequest) {
  limit(QuotaKind::produce, 100);
  ProduceHandler producer(env_.replicas(), env_.metadata(), env_.background(), env_.clock());
  std::vector<std::byte> frame(2'000);
  protocol::ProduceRequest request;
  request.acks = 1;
  request.timeout_ms = 1'000;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "t";
  const std::vector<std::byte> batch = make_batch({.records = 3});
  std::ranges::copy(batch, frame.begin());
  topic.partition_data.emplace_back().records =
      protocol::Records(std::span<const std::byte>(frame).first(batch.size()));
  RequestQuotas charged(quotas_, env_.clock(), {"ANONYMOUS", "c"}, nullptr, std::chrono::steady_clock::now(), 0);
  const auto response = env_.loop().handle(producer, request, {.version = 9, .frame = frame, .quotas = &charged});
  EXPECT_EQ(response.responses[0].partition_responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(charged.settle(), 10'000) << "2000 bytes in ten seconds are twice what is allowed";
}

}  // namespace
}  // namespace broker
