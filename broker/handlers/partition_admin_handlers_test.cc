// ElectLeaders, AlterPartitionReassignments, ListPartitionReassignments and UpdateFeatures on a cluster of one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/handlers/admin_test_cluster.h"
#include "broker/handlers/alter_partition_reassignments.h"
#include "broker/handlers/create_topics.h"
#include "broker/handlers/elect_leaders.h"
#include "broker/handlers/list_partition_reassignments.h"
#include "broker/handlers/update_features.h"

namespace broker {
namespace {

using protocol::AlterPartitionReassignmentsRequest;
using protocol::ElectLeadersRequest;
using protocol::ErrorCode;
using protocol::ListPartitionReassignmentsRequest;
using protocol::String;

class PartitionAdminHandlers : public testing::Test {
 protected:
  PartitionAdminHandlers() {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = 30'000;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    topic.num_partitions = 2;
    topic.replication_factor = 1;
    CreateTopicsHandler creator(cluster_.controller, cluster_.changes, cluster_.config);
    EXPECT_EQ(cluster_.loop.handle(creator, request, {.version = 7}).topics.at(0).error_code, ErrorCode::none);
  }

  protocol::ElectLeadersResponse elect(std::optional<std::vector<int>> partitions, std::int8_t type = 0,
                                       const char* topic = "t") {
    ElectLeadersRequest request;
    request.election_type = type;
    request.topic_partitions.reset();
    if (partitions) {
      auto& wanted = request.topic_partitions.emplace().emplace_back();
      wanted.topic = String(topic);
      wanted.partitions = *partitions;
    }
    return cluster_.loop.handle(electer_, request, {.version = 2});
  }

  protocol::AlterPartitionReassignmentsResponse reassign(std::optional<std::vector<int>> replicas) {
    AlterPartitionReassignmentsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = 1;
    partition.replicas = std::move(replicas);
    return cluster_.loop.handle(reassigner_, request, {.version = 0});
  }

  AdminTestCluster cluster_;
  ElectLeadersHandler electer_{cluster_.controller, cluster_.metadata};
  AlterPartitionReassignmentsHandler reassigner_{cluster_.controller};
  ListPartitionReassignmentsHandler lister_{cluster_.controller};
  UpdateFeaturesHandler updater_{cluster_.controller};
};

TEST_F(PartitionAdminHandlers, APartitionThatIsLedWellNeedsNoElection) {
  const auto response = elect({{0, 1, 7}});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  ASSERT_EQ(response.replica_election_results.size(), 1U);
  const auto& results = response.replica_election_results[0].partition_result;
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].error_code, ErrorCode::election_not_needed);
  EXPECT_TRUE(results[0].error_message);
  EXPECT_EQ(results[2].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(results[2].error_message, String("The partition does not exist."));
}

TEST_F(PartitionAdminHandlers, WhoAsksForAllPartitionsHearsOnlyOfThoseThatNeededAnElection) {
  EXPECT_TRUE(elect(std::nullopt).replica_election_results.empty());
}

TEST_F(PartitionAdminHandlers, AnUnknownTypeOfElectionIsRefused) {
  const auto response = elect({{0}}, 5);
  EXPECT_EQ(response.error_code, ErrorCode::unknown_server_error);
  EXPECT_EQ(response.replica_election_results.at(0).partition_result.at(0).error_code, ErrorCode::unknown_server_error);
}

TEST_F(PartitionAdminHandlers, AReassignmentToTheSameBrokerIsDoneWhenItIsAnswered) {
  const auto response = reassign({{0}});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  EXPECT_EQ(response.responses.at(0).partitions.at(0).error_code, ErrorCode::none);
  EXPECT_FALSE(response.responses[0].partitions[0].error_message);
  const auto listed = cluster_.loop.handle(lister_, ListPartitionReassignmentsRequest(), {.version = 0});
  EXPECT_EQ(listed.error_code, ErrorCode::none);
  EXPECT_TRUE(listed.topics.empty());
}

TEST_F(PartitionAdminHandlers, ReassignmentsThatCannotBeAreRefusedOneByOne) {
  EXPECT_EQ(reassign({{0, 9}}).responses.at(0).partitions.at(0).error_code, ErrorCode::invalid_replica_assignment);
  const auto nothing = reassign(std::nullopt);
  EXPECT_EQ(nothing.responses.at(0).partitions.at(0).error_code, ErrorCode::no_reassignment_in_progress);
  EXPECT_EQ(nothing.responses[0].partitions[0].error_message, String("No partition reassignment is in progress."));
}

TEST_F(PartitionAdminHandlers, FeaturesThatNobodyHasAreNotUpdated) {
  protocol::UpdateFeaturesRequest request;
  const auto update = [&](const char* feature, std::int16_t level, std::int8_t type) {
    auto& wanted = request.feature_updates.emplace_back();
    wanted.feature = String(feature);
    wanted.max_version_level = level;
    wanted.upgrade_type = type;
  };
  update("metadata.version", 20, 1);
  update("gone", 0, 2);
  update("low", 0, 1);
  update("odd", 1, 9);
  update("", 1, 1);
  update("gone", 7, 1);
  const auto response = cluster_.loop.handle(updater_, request, {.version = 1});
  EXPECT_EQ(response.error_code, ErrorCode::none);
  std::vector<std::string> reasons;
  for (const auto& result : response.results) {
    EXPECT_EQ(result.error_code, ErrorCode::invalid_request);
    reasons.push_back(result.error_message->str());
  }
  EXPECT_THAT(reasons,
              testing::ElementsAre(
                  "Could not apply finalized feature update because the provided feature is not supported.",
                  "Can not delete non-existing finalized feature.",
                  "Can not provide versionLevel: 0 less than 1 without setting the SAFE downgradeType in the request.",
                  "Received unknown upgrade type.", "Feature name can not be empty."));
}

TEST_F(PartitionAdminHandlers, WithoutAControllerNothingIsDone) {
  cluster_.controller.stop();
  EXPECT_EQ(cluster_.loop.handle(updater_, {}, {.version = 1}).error_code, ErrorCode::not_controller);
  EXPECT_EQ(reassign({{0}}).error_code, ErrorCode::not_controller);
  EXPECT_EQ(cluster_.loop.handle(lister_, ListPartitionReassignmentsRequest(), {.version = 0}).error_code,
            ErrorCode::not_controller);
  EXPECT_EQ(elect({{0}}).replica_election_results.at(0).partition_result.at(0).error_code, ErrorCode::not_controller);
}

}  // namespace
}  // namespace broker
