#include "coordination/cluster/replica_assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace coordination::cluster {
namespace {

using protocol::BrokerId, protocol::ErrorCode;
using Replicas = std::vector<BrokerId>;

std::vector<BrokerRack> brokers(int count) {
  std::vector<BrokerRack> list;
  for (int i = 0; i < count; ++i) list.push_back({i, std::nullopt});
  return list;
}

// The example in the comment of Kafka's AdminUtils: five brokers, ten partitions, three replicas.
TEST(ReplicaAssignment, SpreadsAsKafkasExampleDoes) {
  const auto assigned = assign_replicas(brokers(5), {.partition_count = 10, .replication_factor = 3});
  ASSERT_TRUE(assigned);
  const std::vector<Replicas> expected = {{0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 0}, {4, 0, 1},
                                          {0, 2, 3}, {1, 3, 4}, {2, 4, 0}, {3, 0, 1}, {4, 1, 2}};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(assigned->at(i), expected[static_cast<std::size_t>(i)]) << i;
}

TEST(ReplicaAssignment, StartsWhereItIsTold) {
  const auto assigned =
      assign_replicas(brokers(5), {.partition_count = 1, .replication_factor = 3, .start_index = 3, .start_shift = 1});
  EXPECT_EQ(assigned->at(0), (Replicas{3, 0, 1}));
}

TEST(ReplicaAssignment, MorePartitionsContinueTheNumbering) {
  const auto assigned =
      assign_replicas(brokers(3), {.partition_count = 2, .replication_factor = 1, .first_partition = 4});
  EXPECT_EQ(assigned->size(), 2U);
  EXPECT_EQ(assigned->at(4), Replicas{1});
  EXPECT_EQ(assigned->at(5), Replicas{2});
}

TEST(ReplicaAssignment, OneBrokerTakesEverything) {
  const auto assigned = assign_replicas(brokers(1), {.partition_count = 3, .replication_factor = 1});
  for (const auto& [partition, replicas] : *assigned) EXPECT_EQ(replicas, Replicas{0});
}

TEST(ReplicaAssignment, ImpossibleNumbersAreRefusedWithKafkasSentences) {
  const auto refused = [](int count, int factor) {
    return assign_replicas(brokers(2), {.partition_count = count, .replication_factor = factor}).error();
  };
  EXPECT_EQ(refused(0, 1).text(), "Number of partitions must be larger than 0.");
  EXPECT_EQ(refused(-5, 1).code, ErrorCode::invalid_partitions);
  EXPECT_EQ(refused(1, 0).text(), "Replication factor must be larger than 0.");
  EXPECT_EQ(refused(1, 3).text(), "Replication factor: 3 larger than available brokers: 2.");
  EXPECT_EQ(refused(1, 3).code, ErrorCode::invalid_replication_factor);
}

TEST(ReplicaAssignment, ReplicasGoToDifferentRacks) {
  std::vector<BrokerRack> list;
  for (int i = 0; i < 6; ++i) list.push_back({i, "rack" + std::to_string(i / 2)});
  for (std::uint32_t start = 0; start < 6; ++start) {
    const auto assigned = assign_replicas(
        list, {.partition_count = 12, .replication_factor = 3, .start_index = start, .start_shift = start});
    std::map<BrokerId, int> leaders, replicas_on;
    for (const auto& [partition, replicas] : *assigned) {
      std::set<int> racks;
      for (const BrokerId broker : replicas) {
        racks.insert(broker / 2);
        ++replicas_on[broker];
      }
      EXPECT_EQ(racks.size(), 3U) << partition;
      ++leaders[replicas[0]];
    }
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(leaders[i], 2) << "leaders are even";
      EXPECT_EQ(replicas_on[i], 6) << "replicas are even";
    }
  }
}

TEST(ReplicaAssignment, MoreReplicasThanRacksStillReachEveryRack) {
  const std::vector<BrokerRack> list = {{0, "a"}, {1, "a"}, {2, "a"}, {3, "b"}};
  const auto assigned = assign_replicas(list, {.partition_count = 8, .replication_factor = 3, .start_index = 1});
  for (const auto& [partition, replicas] : *assigned) {
    EXPECT_EQ(std::set<BrokerId>(replicas.begin(), replicas.end()).size(), 3U);
    EXPECT_THAT(replicas, testing::Contains(3));
  }
}

TEST(ReplicaAssignment, RacksMustBeKnownForAllOrNone) {
  const std::vector<BrokerRack> list = {{0, "a"}, {1, std::nullopt}};
  EXPECT_EQ(assign_replicas(list, {.partition_count = 1, .replication_factor = 1}).code(),
            ErrorCode::unknown_server_error);
}

}  // namespace
}  // namespace coordination::cluster
