#include "broker/handlers/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/handlers/admin_test_cluster.h"
#include "broker/handlers/delete_topics.h"
#include "broker/handlers/describe_cluster.h"
#include "broker/handlers/describe_topic_partitions.h"

namespace broker {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::ErrorCode;
using protocol::MetadataRequest;

MetadataRequest request_for(const std::vector<std::string>& names) {
  MetadataRequest request;
  for (const std::string& name : names) request.topics->emplace_back().name = protocol::String(name);
  return request;
}

MetadataRequest request_for_all() {
  MetadataRequest request;
  request.topics.reset();
  return request;
}

class MetadataTest : public testing::Test {
 protected:
  explicit MetadataTest(Properties properties = {}) : cluster_(std::move(properties)) {}

  protocol::MetadataResponse ask(const MetadataRequest& request, protocol::ApiVersion version = 13) {
    return cluster_.loop.handle(handler_, request, {.version = version});
  }
  void create(const std::string& name, int partitions = 1) {
    const auto response = ask(request_for({name}));
    ASSERT_EQ(response.topics.at(0).error_code, ErrorCode::none);
    if (partitions == 1) return;
    const coordination::cluster::NewPartitions more{.topic = name, .total_count = partitions};
    ASSERT_TRUE(cluster_.admin.add_partitions(std::span(&more, 1), false).front());
    while (cluster_.metadata.snapshot()->topic(name)->partitions.size() < static_cast<std::size_t>(partitions)) {
      std::this_thread::yield();
    }
  }

  AdminTestCluster cluster_;
  const AddressOf address_of_ = [this](const RequestContext& context, const BrokerMetadata& broker) {
    return cluster_.address_of(context, broker);
  };
  MetadataHandler handler_{cluster_.metadata, cluster_.changes, cluster_.config, "the-cluster-id", address_of_};
};

TEST_F(MetadataTest, TellsWhereItSentAClientThatWantsATopic) {
  std::vector<std::string> told;
  const MetadataHandler handler(cluster_.metadata, cluster_.changes, cluster_.config, "the-cluster-id", address_of_,
                                [&](RequestContext&, std::string_view host, std::int32_t port) {
                                  told.push_back(std::string(host) + ":" + std::to_string(port));
                                });
  cluster_.loop.handle(handler, request_for({}), {.version = 13});
  cluster_.loop.handle(handler, request_for_all(), {.version = 13});
  EXPECT_TRUE(told.empty()) << "who only looks around may stay where it is";
  cluster_.loop.handle(handler, request_for({"t"}), {.version = 13});
  EXPECT_EQ(told, std::vector<std::string>{"localhost:9092"});
}

TEST_F(MetadataTest, NamesTheBrokersTheControllerAndTheCluster) {
  const auto response = ask(request_for({}));
  ASSERT_EQ(response.brokers.size(), 1U);
  EXPECT_EQ(response.brokers[0].node_id, 0);
  EXPECT_EQ(response.brokers[0].host, "localhost");
  EXPECT_EQ(response.brokers[0].port, 9092);
  EXPECT_FALSE(response.brokers[0].rack);
  EXPECT_EQ(response.controller_id, 0);
  EXPECT_EQ(response.cluster_id, protocol::String("the-cluster-id"));
  EXPECT_TRUE(response.topics.empty());
  EXPECT_EQ(response.cluster_authorized_operations, INT32_MIN);
}

TEST_F(MetadataTest, TheFirstAnswerForANewTopicNamesItsLeader) {
  const auto response = ask(request_for({"t"}));
  ASSERT_EQ(response.topics.size(), 1U);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[0].name, protocol::String("t"));
  EXPECT_FALSE(response.topics[0].topic_id.is_zero());
  ASSERT_EQ(response.topics[0].partitions.size(), 1U);
  const auto& partition = response.topics[0].partitions[0];
  EXPECT_EQ(partition.error_code, ErrorCode::none);
  EXPECT_EQ(partition.leader_id, 0);
  EXPECT_EQ(partition.leader_epoch, 0);
  EXPECT_EQ(partition.isr_nodes, std::vector{0});
  EXPECT_TRUE(partition.offline_replicas.empty());
}

TEST_F(MetadataTest, AClientThatDeletedATopicSeesThatItIsGoneThoughOneIsCreatedAgain) {
  create("t");
  protocol::DeleteTopicsRequest remove;
  remove.timeout_ms = 30'000;
  remove.topic_names = {protocol::String("t")};
  const DeleteTopicsHandler remover(cluster_.controller, cluster_.metadata, cluster_.changes, cluster_.config);
  ASSERT_EQ(cluster_.loop.handle(remover, remove, {.version = 5}).responses.at(0).error_code, ErrorCode::none);

  const auto response = ask(request_for({"t"}));
  ASSERT_EQ(response.topics.size(), 1U);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::leader_not_available);
  EXPECT_TRUE(response.topics[0].partitions.empty());
  EXPECT_EQ(ask(request_for({"t"})).topics.at(0).error_code, ErrorCode::none) << "asked again, it is there";
}

TEST_F(MetadataTest, AClientMayForbidTheCreation) {
  auto request = request_for({"t"});
  request.allow_auto_topic_creation = false;
  const auto response = ask(request);
  EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(cluster_.metadata.snapshot()->topic_count(), 0U);
}

TEST_F(MetadataTest, AnInvalidNameIsNamedSoAndNotCreated) {
  const auto response = ask(request_for({"a b"}));
  EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::invalid_topic_exception);
}

TEST_F(MetadataTest, ATopicAskedForTwiceIsAnsweredOnce) { EXPECT_EQ(ask(request_for({"t", "t"})).topics.size(), 1U); }

TEST_F(MetadataTest, AllTopicsAreAskedForByNullAndInVersionZeroByNone) {
  create("a");
  create("b");
  EXPECT_EQ(ask(request_for_all()).topics.size(), 2U);
  EXPECT_EQ(ask(request_for({}), 0).topics.size(), 2U);
  EXPECT_EQ(ask(request_for({}), 1).topics.size(), 0U);
}

TEST_F(MetadataTest, TopicsAreFoundByTheirIds) {
  create("t");
  MetadataRequest request;
  auto& known = request.topics->emplace_back();
  known.name.reset();
  known.topic_id = cluster_.metadata.snapshot()->topic_id("t");
  auto& unknown = request.topics->emplace_back();
  unknown.name.reset();
  unknown.topic_id.bytes[3] = std::byte{1};
  const auto response = ask(request, 12);
  ASSERT_EQ(response.topics.size(), 2U);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::unknown_topic_id);
  EXPECT_FALSE(response.topics[0].name);
  EXPECT_EQ(response.topics[1].name, protocol::String("t"));
  EXPECT_EQ(response.topics[1].partitions.size(), 1U);
}

TEST_F(MetadataTest, IdsBeforeVersionTwelveAreRefused) {
  MetadataRequest request;
  auto& topic = request.topics->emplace_back();
  topic.name = protocol::String("t");
  topic.topic_id.bytes[3] = std::byte{1};
  EXPECT_EQ(ask(request, 11).topics.at(0).error_code, ErrorCode::invalid_request);
}

TEST_F(MetadataTest, AListenerThatTheLeaderDoesNotHaveIsNamedFromVersionSix) {
  create("t");
  cluster_.loop.connection().listener_name = "SSL";
  const auto newer = ask(request_for({"t"}), 6);
  EXPECT_TRUE(newer.brokers.empty());
  EXPECT_EQ(newer.topics.at(0).partitions.at(0).error_code, ErrorCode::listener_not_found);
  EXPECT_EQ(newer.topics[0].partitions[0].leader_id, -1);
  EXPECT_EQ(ask(request_for({"t"}), 5).topics.at(0).partitions.at(0).error_code, ErrorCode::leader_not_available);
}

TEST_F(MetadataTest, VersionZeroLeavesOutReplicasThatAreNotThere) {
  create("t");
  protocol::UpdateMetadataRequest update;
  auto& state = update.topic_states.emplace_back();
  state.topic_name = "t";
  state.topic_id = cluster_.metadata.snapshot()->topic_id("t");
  auto& partition = state.partition_states.emplace_back();
  partition.leader = 0;
  partition.replicas = {0, 5};
  partition.isr = {0};
  auto& live = update.live_brokers.emplace_back();
  live.rack.reset();
  live.endpoints.emplace_back().listener = "PLAINTEXT";
  cluster_.metadata.update(update);
  const auto v0 = ask(request_for({"t"}), 0);
  EXPECT_EQ(v0.topics.at(0).partitions.at(0).error_code, ErrorCode::replica_not_available);
  EXPECT_EQ(v0.topics[0].partitions[0].replica_nodes, std::vector{0});
  const auto v1 = ask(request_for({"t"}), 1);
  EXPECT_EQ(v1.topics.at(0).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(v1.topics[0].partitions[0].replica_nodes, (std::vector{0, 5}));
}

TEST_F(MetadataTest, AuthorisedOperationsAreAnsweredWhenAskedFor) {
  auto request = request_for({"t"});
  request.include_topic_authorized_operations = true;
  request.include_cluster_authorized_operations = true;
  const auto response = ask(request, 8);
  EXPECT_EQ(response.topics.at(0).topic_authorized_operations, 3576);
  EXPECT_EQ(response.cluster_authorized_operations, 8096);
}

TEST_F(MetadataTest, TheOffsetsTopicIsCreatedWithItsOwnSettings) {
  const auto response = ask(request_for({"__consumer_offsets"}));
  EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::none);
  EXPECT_TRUE(response.topics[0].is_internal);
  EXPECT_EQ(response.topics[0].partitions.size(), 50U);
  EXPECT_EQ(response.topics[0].partitions[0].replica_nodes.size(), 1U) << "no more than there are brokers";
}

class MetadataWithoutAutoCreation : public MetadataTest {
 protected:
  MetadataWithoutAutoCreation() : MetadataTest({{"auto.create.topics.enable", "false"}}) {}
};

TEST_F(MetadataWithoutAutoCreation, UnknownTopicsStayUnknown) {
  EXPECT_EQ(ask(request_for({"t"})).topics.at(0).error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(MetadataTest, DescribeClusterNamesBrokersAndController) {
  DescribeClusterHandler handler(cluster_.metadata, "the-cluster-id", address_of_);
  protocol::DescribeClusterRequest request;
  request.include_cluster_authorized_operations = true;
  const auto response = cluster_.loop.handle(handler, request, {.version = 2});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.cluster_id, "the-cluster-id");
  EXPECT_EQ(response.controller_id, 0);
  ASSERT_EQ(response.brokers.size(), 1U);
  EXPECT_EQ(response.brokers[0].port, 9092);
  EXPECT_EQ(response.cluster_authorized_operations, 8096);
}

TEST_F(MetadataTest, DescribeClusterRefusesOtherEndpointTypes) {
  DescribeClusterHandler handler(cluster_.metadata, "the-cluster-id", address_of_);
  protocol::DescribeClusterRequest request;
  request.endpoint_type = 2;
  EXPECT_EQ(cluster_.loop.handle(handler, request, {.version = 1}).error_code, ErrorCode::mismatched_endpoint_type);
  request.endpoint_type = 9;
  const auto unknown = cluster_.loop.handle(handler, request, {.version = 1});
  EXPECT_EQ(unknown.error_code, ErrorCode::unsupported_endpoint_type);
  EXPECT_EQ(unknown.error_message, protocol::String("Unsupported endpoint type 9"));
}

class DescribeTopicPartitionsTest : public MetadataTest {
 protected:
  protocol::DescribeTopicPartitionsResponse describe(const DescribeTopicPartitionsRequest& request) {
    DescribeTopicPartitionsHandler handler(cluster_.metadata, cluster_.config);
    return cluster_.loop.handle(handler, request, {.version = 0});
  }
};

TEST_F(DescribeTopicPartitionsTest, PagesThroughAllTopicsInTheOrderOfTheirNames) {
  create("b", 3);
  create("a", 2);
  create("c");
  DescribeTopicPartitionsRequest request;
  request.response_partition_limit = 2;
  std::vector<std::string> seen;
  for (int page = 0; page < 10; ++page) {
    const auto response = describe(request);
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) {
        seen.push_back(topic.name->str() + std::to_string(partition.partition_index));
        EXPECT_EQ(partition.leader_id, 0);
      }
    }
    if (!response.next_cursor) break;
    request.cursor.emplace();
    request.cursor->topic_name = response.next_cursor->topic_name;
    request.cursor->partition_index = response.next_cursor->partition_index;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a0", "a1", "b0", "b1", "b2", "c0"}));
}

TEST_F(DescribeTopicPartitionsTest, UnknownTopicsAreNamedWhenAskedFor) {
  create("a");
  DescribeTopicPartitionsRequest request;
  request.topics.emplace_back().name = "x y";
  request.topics.emplace_back().name = "unknown";
  request.topics.emplace_back().name = "a";
  const auto response = describe(request);
  ASSERT_EQ(response.topics.size(), 3U);
  EXPECT_EQ(response.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[1].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.topics[2].error_code, ErrorCode::invalid_topic_exception);
  EXPECT_FALSE(response.next_cursor);
}

TEST_F(DescribeTopicPartitionsTest, AnImpossibleCursorIsRefused) {
  DescribeTopicPartitionsRequest request;
  request.topics.emplace_back().name = "a";
  request.cursor.emplace();
  request.cursor->topic_name = "b";
  EXPECT_EQ(describe(request).topics.at(0).error_code, ErrorCode::invalid_request);
  request.cursor->topic_name = "a";
  request.cursor->partition_index = -1;
  EXPECT_EQ(describe(request).topics.at(0).error_code, ErrorCode::invalid_request);
}

}  // namespace
}  // namespace broker
