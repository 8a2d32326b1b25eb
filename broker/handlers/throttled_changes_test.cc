// CreateTopics, CreatePartitions and DeleteTopics of clients that are over their controller_mutation_rate (KIP-599).
#include <gtest/gtest.h>

#include "broker/handlers/admin_test_cluster.h"
#include "broker/handlers/create_partitions.h"
#include "broker/handlers/create_topics.h"
#include "broker/handlers/delete_topics.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class ThrottledChanges : public testing::Test {
 protected:
  // Ten partitions are saved up.
  ThrottledChanges() {
    quotas_.set({.user = EntityPart::named("ANONYMOUS"), .client_id = {}},
                {std::nullopt, std::nullopt, std::nullopt, 5.0});
  }

  template <typename H>
  typename H::Response ask(H& handler, const typename H::Request& request, protocol::ApiVersion version) {
    RequestQuotas charged(quotas_, cluster_.clock, {"ANONYMOUS", "c"}, nullptr, std::chrono::steady_clock::now(), 0);
    auto response = cluster_.loop.handle(handler, request, {.version = version, .quotas = &charged});
    throttle_ms_ = charged.settle();
    return response;
  }
  protocol::CreateTopicsResponse create(const std::vector<std::pair<const char*, int>>& topics,
                                        protocol::ApiVersion version, bool validate_only = false) {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = 30'000;
    request.validate_only = validate_only;
    for (const auto& [name, partitions] : topics) {
      auto& topic = request.topics.emplace_back();
      topic.name = name;
      topic.num_partitions = partitions;
      topic.replication_factor = 1;
    }
    return ask(creator_, request, version);
  }
  ErrorCode remove(const char* name, protocol::ApiVersion version) {
    protocol::DeleteTopicsRequest request;
    request.timeout_ms = 30'000;
    request.topic_names = {protocol::String(name)};
    return ask(remover_, request, version).responses.at(0).error_code;
  }
  ErrorCode grow(const char* name, int count, protocol::ApiVersion version) {
    protocol::CreatePartitionsRequest request;
    request.timeout_ms = 30'000;
    request.topics.emplace_back().name = name;
    request.topics.back().count = count;
    request.topics.back().assignments.reset();
    return ask(grower_, request, version).results.at(0).error_code;
  }
  bool exists(const char* name) { return cluster_.metadata.snapshot()->contains(name); }

  AdminTestCluster cluster_;
  ClientQuotas quotas_{{}, {.count = 2, .window_ms = 1'000}};
  CreateTopicsHandler creator_{cluster_.controller, cluster_.changes, cluster_.config};
  DeleteTopicsHandler remover_{cluster_.controller, cluster_.metadata, cluster_.changes, cluster_.config};
  CreatePartitionsHandler grower_{cluster_.controller, cluster_.changes};
  std::int32_t throttle_ms_ = 0;
};

TEST_F(ThrottledChanges, NewVersionsAreRefusedTopicByTopic) {
  const auto response = create({{"a", 12}, {"b", 1}}, 6);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::throttling_quota_exceeded);
  EXPECT_FALSE(response.topics[1].error_message);
  EXPECT_EQ(throttle_ms_, 400) << "two of five a second are missing";
  EXPECT_TRUE(exists("a"));
  EXPECT_FALSE(exists("b"));
  EXPECT_EQ(remove("a", 5), ErrorCode::throttling_quota_exceeded);
  EXPECT_EQ(grow("a", 13, 3), ErrorCode::throttling_quota_exceeded);
  EXPECT_EQ(throttle_ms_, 400);
  cluster_.clock.advance_ms(400);
  EXPECT_EQ(grow("a", 13, 3), ErrorCode::none);
  EXPECT_TRUE(exists("a"));
}

TEST_F(ThrottledChanges, OldVersionsAreServedAndWaitAfterwards) {
  EXPECT_EQ(create({{"a", 15}}, 5).topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(throttle_ms_, 1'000);
  EXPECT_EQ(grow("a", 20, 2), ErrorCode::none);
  EXPECT_EQ(throttle_ms_, 2'000);
  EXPECT_EQ(remove("a", 4), ErrorCode::none);
  EXPECT_EQ(throttle_ms_, 6'000) << "each partition that goes counts as well";
}

TEST_F(ThrottledChanges, WhatIsNotDoneCostsNothing) {
  EXPECT_EQ(create({{"a", 100}}, 7, true).topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(create({{"..", 100}}, 7).topics[0].error_code, ErrorCode::invalid_topic_exception);
  EXPECT_EQ(remove("nothing", 5), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(throttle_ms_, 0);
  EXPECT_DOUBLE_EQ(quotas_.measured(cluster_.clock.monotonic_ms()).size(), 0);
}

}  // namespace
}  // namespace broker
