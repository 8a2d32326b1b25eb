// CreateTopics, DeleteTopics and CreatePartitions on a cluster of one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/handlers/admin_test_cluster.h"
#include "broker/handlers/create_partitions.h"
#include "broker/handlers/create_topics.h"
#include "broker/handlers/delete_topics.h"
#include "coordination/cluster/znodes.h"

namespace broker {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreateTopicsRequest;
using protocol::DeleteTopicsRequest;
using protocol::ErrorCode;
using testing::HasSubstr;

CreateTopicsRequest::CreatableTopic topic(const std::string& name, int partitions = 1, std::int16_t replicas = 1) {
  CreateTopicsRequest::CreatableTopic wanted;
  wanted.name = name;
  wanted.num_partitions = partitions;
  wanted.replication_factor = replicas;
  return wanted;
}

CreateTopicsRequest request_for(std::vector<CreateTopicsRequest::CreatableTopic> topics) {
  CreateTopicsRequest request;
  request.topics = std::move(topics);
  request.timeout_ms = 30'000;
  return request;
}

class TopicHandlers : public testing::Test {
 protected:
  explicit TopicHandlers(Properties properties = {}) : cluster_(std::move(properties)) {}

  protocol::CreateTopicsResponse create(const CreateTopicsRequest& request, protocol::ApiVersion version = 7) {
    return cluster_.loop.handle(creator_, request, {.version = version});
  }
  ErrorCode create_one(const std::string& name, int partitions = 1) {
    return create(request_for({topic(name, partitions)})).topics.at(0).error_code;
  }
  protocol::DeleteTopicsResponse remove(const DeleteTopicsRequest& request, protocol::ApiVersion version = 6) {
    return cluster_.loop.handle(remover_, request, {.version = version});
  }
  ErrorCode remove_one(const std::string& name) {
    DeleteTopicsRequest request;
    request.timeout_ms = 30'000;
    request.topic_names = {protocol::String(name)};
    return remove(request, 5).responses.at(0).error_code;
  }
  protocol::CreatePartitionsResponse grow(const std::string& name, int count, bool validate_only = false,
                                          std::optional<std::vector<int>> brokers = {}) {
    CreatePartitionsRequest request;
    request.timeout_ms = 30'000;
    request.validate_only = validate_only;
    auto& wanted = request.topics.emplace_back();
    wanted.name = name;
    wanted.count = count;
    wanted.assignments.reset();
    if (brokers) wanted.assignments.emplace().emplace_back().broker_ids = *brokers;
    return cluster_.loop.handle(grower_, request, {.version = 3});
  }
  std::size_t partitions_of(const std::string& name) {
    const auto now = cluster_.metadata.snapshot();
    const TopicMetadata* known = now->topic(name);
    return known ? known->partitions.size() : 0;
  }

  AdminTestCluster cluster_;
  CreateTopicsHandler creator_{cluster_.controller, cluster_.changes, cluster_.config};
  DeleteTopicsHandler remover_{cluster_.controller, cluster_.metadata, cluster_.changes, cluster_.config};
  CreatePartitionsHandler grower_{cluster_.controller, cluster_.changes};
};

TEST_F(TopicHandlers, ACreatedTopicHasItsLeadersWhenTheAnswerComes) {
  const auto response = create(request_for({topic("t", 3)}));
  ASSERT_EQ(response.topics.size(), 1U);
  const auto& created = response.topics[0];
  EXPECT_EQ(created.error_code, ErrorCode::none);
  EXPECT_FALSE(created.error_message);
  EXPECT_EQ(created.num_partitions, 3);
  EXPECT_EQ(created.replication_factor, 1);
  const auto now = cluster_.metadata.snapshot();
  ASSERT_NE(now->topic("t"), nullptr);
  EXPECT_EQ(now->topic("t")->id, created.topic_id);
  EXPECT_EQ(now->partition("t", 2)->leader, 0);
}

TEST_F(TopicHandlers, TheAnswerListsTheTopicsConfiguration) {
  auto wanted = topic("t");
  auto& config = wanted.configs.emplace_back();
  config.name = "retention.ms";
  config.value = protocol::String("1000");
  const auto response = create(request_for({wanted}));
  ASSERT_EQ(response.topics.at(0).error_code, ErrorCode::none);
  bool found = false;
  for (const auto& entry : *response.topics[0].configs) {
    if (entry.name != "retention.ms") continue;
    found = true;
    EXPECT_EQ(entry.value, protocol::String("1000"));
    EXPECT_EQ(entry.config_source, 1);
  }
  EXPECT_TRUE(found);
  EXPECT_GT(response.topics[0].configs->size(), 20U);
}

TEST_F(TopicHandlers, UnsetNumbersAreTheBrokersDefaults) {
  const auto response = create(request_for({topic("t", -1, -1)}));
  EXPECT_EQ(response.topics.at(0).num_partitions, 1);
  EXPECT_EQ(response.topics.at(0).replication_factor, 1);
}

TEST_F(TopicHandlers, EachTopicIsJudgedByItself) {
  ASSERT_EQ(create_one("there"), ErrorCode::none);
  auto both = topic("both", 1, 1);
  both.assignments.emplace_back().broker_ids = {0};
  auto gap = topic("gap", -1, -1);
  gap.assignments.emplace_back().broker_ids = {0};
  gap.assignments[0].partition_index = 1;
  auto bad_config = topic("bad-config");
  bad_config.configs.emplace_back().name = "no.such.config";
  bad_config.configs[0].value = protocol::String("1");
  auto null_config = topic("null-config");
  null_config.configs.emplace_back().name = "retention.ms";
  null_config.configs[0].value.reset();
  const auto response =
      create(request_for({topic("good"), topic("there"), topic("no/slash"), topic(""), topic("none", 0),
                          topic("many-replicas", 1, 2), both, gap, bad_config, null_config, topic("twice"),
                          topic("twice"), topic("__cluster_metadata"), topic("dot.dash_"), topic("dot_dash.")}));
  std::vector<std::pair<std::string, ErrorCode>> codes;
  for (const auto& result : response.topics) codes.emplace_back(result.name.str(), result.error_code);
  using E = ErrorCode;
  EXPECT_THAT(codes,
              testing::ElementsAre(
                  std::pair("good", E::none), std::pair("there", E::topic_already_exists),
                  std::pair("no/slash", E::invalid_topic_exception), std::pair("", E::invalid_topic_exception),
                  std::pair("none", E::invalid_partitions), std::pair("many-replicas", E::invalid_replication_factor),
                  std::pair("both", E::invalid_request), std::pair("gap", E::invalid_replica_assignment),
                  std::pair("bad-config", E::invalid_config), std::pair("null-config", E::invalid_config),
                  std::pair("twice", E::invalid_request), std::pair("twice", E::invalid_request),
                  std::pair("__cluster_metadata", E::invalid_request), std::pair("dot.dash_", E::none),
                  std::pair("dot_dash.", E::invalid_topic_exception)));
  EXPECT_EQ(response.topics[1].error_message, protocol::String("Topic 'there' already exists."));
  EXPECT_EQ(response.topics[4].error_message, protocol::String("Number of partitions must be larger than 0."));
  EXPECT_EQ(response.topics[5].error_message,
            protocol::String("Replication factor: 2 larger than available brokers: 1."));
  EXPECT_TRUE(response.topics[1].configs->empty());
  EXPECT_EQ(response.topics[1].num_partitions, -1);
}

TEST_F(TopicHandlers, NamesThatDifferInDotsOnlyCollide) {
  ASSERT_EQ(create_one("a.b"), ErrorCode::none);
  const auto response = create(request_for({topic("a_b")}));
  EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::invalid_topic_exception);
  EXPECT_EQ(response.topics[0].error_message, protocol::String("Topic 'a_b' collides with existing topics: a.b"));
}

TEST_F(TopicHandlers, NamesThatCollideAreFoundBeforeAnythingElseIsLookedAt) {
  auto colliding = topic("a_b");
  colliding.configs.resize(1);
  colliding.configs[0].name = "no.such.config";
  colliding.configs[0].value = "1";
  EXPECT_EQ(create(request_for({topic("a.b"), colliding})).topics.at(1).error_code, ErrorCode::invalid_topic_exception);
}

TEST_F(TopicHandlers, NamesThatAreOnlyValidatedDontCollide) {
  auto request = request_for({topic("a.b"), topic("a_b")});
  request.validate_only = true;
  EXPECT_EQ(create(request).topics.at(1).error_code, ErrorCode::none);
}

TEST_F(TopicHandlers, AnAssignmentWithoutReplicasIsRefused) {
  auto empty = topic("t", -1, -1);
  empty.assignments.resize(1);
  const auto response = create(request_for({empty}));
  EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(response.topics[0].error_message,
            protocol::String("The manual partition assignment includes an empty replica list."));
}

TEST_F(TopicHandlers, ValidatingCreatesNothing) {
  auto request = request_for({topic("t", 2)});
  request.validate_only = true;
  const auto response = create(request);
  EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(response.topics[0].num_partitions, 2);
  EXPECT_TRUE(response.topics[0].topic_id.is_zero());
  EXPECT_FALSE(*cluster_.store->exists(coordination::cluster::path::topic("t")));
}

TEST_F(TopicHandlers, WithoutTimeTheTopicIsCreatedAndTheAnswerIsATimeout) {
  auto request = request_for({topic("t")});
  request.timeout_ms = 0;
  const auto response = create(request);
  EXPECT_EQ(response.topics.at(0).error_code, ErrorCode::request_timed_out);
  EXPECT_FALSE(response.topics[0].error_message);
  EXPECT_TRUE(*cluster_.store->exists(coordination::cluster::path::topic("t")));
}

TEST_F(TopicHandlers, ABrokerThatHearsNothingOfItsTopicTimesOut) {
  cluster_.paper.hold(true);
  auto request = request_for({topic("t")});
  request.timeout_ms = 50;
  EXPECT_EQ(create(request).topics.at(0).error_code, ErrorCode::request_timed_out);
}

TEST_F(TopicHandlers, OnlyTheControllerChangesTopics) {
  cluster_.controller.stop();
  EXPECT_EQ(create_one("t"), ErrorCode::not_controller);
  EXPECT_EQ(remove_one("t"), ErrorCode::not_controller);
  EXPECT_EQ(grow("t", 2).results.at(0).error_code, ErrorCode::not_controller);
}

TEST_F(TopicHandlers, ADeletedTopicCanBeCreatedAgainAtOnce) {
  for (int round = 0; round < 10; ++round) {
    ASSERT_EQ(create_one("t", 2), ErrorCode::none) << round;
    ASSERT_EQ(remove_one("t"), ErrorCode::none) << round;
    EXPECT_EQ(partitions_of("t"), 0U);
  }
}

TEST_F(TopicHandlers, TopicsAreDeletedByIdToo) {
  const auto created = create(request_for({topic("t")}));
  DeleteTopicsRequest request;
  request.timeout_ms = 30'000;
  auto& by_id = request.topics.emplace_back();
  by_id.name.reset();
  by_id.topic_id = created.topics[0].topic_id;
  auto& unknown = request.topics.emplace_back();
  unknown.name.reset();
  unknown.topic_id.bytes[0] = std::byte{9};
  const auto response = remove(request);
  ASSERT_EQ(response.responses.size(), 2U);
  EXPECT_EQ(response.responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.responses[0].name, protocol::String("t"));
  EXPECT_EQ(response.responses[0].topic_id, created.topics[0].topic_id);
  EXPECT_EQ(response.responses[1].error_code, ErrorCode::unknown_topic_id);
  EXPECT_FALSE(response.responses[1].name);
  EXPECT_EQ(partitions_of("t"), 0U);
}

TEST_F(TopicHandlers, AnUnknownTopicIsNotDeleted) {
  EXPECT_EQ(remove_one("none"), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(remove_one("../../brokers"), ErrorCode::unknown_topic_or_partition);
}

TEST_F(TopicHandlers, ANameAndAnIdTogetherAreRefused) {
  DeleteTopicsRequest request;
  auto& both = request.topics.emplace_back();
  both.name = protocol::String("t");
  both.topic_id.bytes[0] = std::byte{9};
  EXPECT_EQ(remove(request).responses.at(0).error_code, ErrorCode::invalid_request);
}

TEST_F(TopicHandlers, AddedPartitionsHaveLeadersWhenTheAnswerComes) {
  ASSERT_EQ(create_one("t"), ErrorCode::none);
  const auto response = grow("t", 4);
  EXPECT_EQ(response.results.at(0).error_code, ErrorCode::none);
  EXPECT_FALSE(response.results[0].error_message);
  EXPECT_EQ(partitions_of("t"), 4U);
}

TEST_F(TopicHandlers, PartitionsAreAddedByKafkasRules) {
  ASSERT_EQ(create_one("t", 2), ErrorCode::none);
  const auto fewer = grow("t", 1).results.at(0);
  EXPECT_EQ(fewer.error_code, ErrorCode::invalid_partitions);
  EXPECT_EQ(fewer.error_message,
            protocol::String("Topic currently has 2 partitions, which is higher than the requested 1."));
  EXPECT_EQ(grow("t", 2).results.at(0).error_message, protocol::String("Topic already has 2 partitions."));
  EXPECT_EQ(grow("none", 2).results.at(0).error_code, ErrorCode::unknown_topic_or_partition);
  const auto unknown = grow("t", 3, false, std::vector{7}).results.at(0);
  EXPECT_EQ(unknown.error_code, ErrorCode::invalid_replica_assignment);
  EXPECT_EQ(unknown.error_message, protocol::String("Unknown broker(s) in replica assignment: 7."));
  EXPECT_EQ(grow("t", 4, false, std::vector{0}).results.at(0).error_message,
            protocol::String("Increasing the number of partitions by 2 but 1 assignments provided."));
  EXPECT_EQ(grow("t", 3, true).results.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(partitions_of("t"), 2U) << "validated only";
  EXPECT_EQ(grow("t", 3, false, std::vector{0}).results.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(partitions_of("t"), 3U);
}

TEST_F(TopicHandlers, ATopicNamedTwiceDoesNotGrow) {
  ASSERT_EQ(create_one("t"), ErrorCode::none);
  CreatePartitionsRequest request;
  for (int i = 0; i < 2; ++i) {
    auto& wanted = request.topics.emplace_back();
    wanted.name = "t";
    wanted.count = 2 + i;
    wanted.assignments.reset();
  }
  const auto response = cluster_.loop.handle(grower_, request, {.version = 3});
  ASSERT_EQ(response.results.size(), 1U);
  EXPECT_EQ(response.results[0].error_code, ErrorCode::invalid_request);
  EXPECT_EQ(response.results[0].error_message, protocol::String("Duplicate topic in request."));
}

class TopicHandlersWithoutDeletion : public TopicHandlers {
 protected:
  TopicHandlersWithoutDeletion() : TopicHandlers({{"delete.topic.enable", "false"}}) {}
};

TEST_F(TopicHandlersWithoutDeletion, TheDisabledDeletionIsNamed) {
  ASSERT_EQ(create_one("t"), ErrorCode::none);
  EXPECT_EQ(remove_one("t"), ErrorCode::topic_deletion_disabled);
  DeleteTopicsRequest request;
  request.topic_names = {protocol::String("t")};
  EXPECT_EQ(remove(request, 2).responses.at(0).error_code, ErrorCode::invalid_request);
  EXPECT_EQ(partitions_of("t"), 1U);
}

}  // namespace
}  // namespace broker
