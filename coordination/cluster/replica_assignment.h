// Which brokers get the replicas of new partitions: Kafka's AdminUtils, rack-unaware and rack-aware, with the
// randomness as parameters. Pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::cluster {

// A broker that can take replicas.
struct BrokerRack {
  protocol::BrokerId id = -1;
  std::optional<std::string> rack;

  bool operator==(const BrokerRack&) const = default;
};

using Assignment = std::map<protocol::PartitionIndex, std::vector<protocol::BrokerId>>;

struct AssignmentRequest {
  std::int32_t partition_count = 0;
  std::int32_t replication_factor = 0;
  // Position in the sorted broker list that the first partition's leader gets, and the first distance to the follower.
  std::uint32_t start_index = 0;
  std::uint32_t start_shift = 0;
  protocol::PartitionIndex first_partition = 0;
};

// Errors: invalid_partitions. Kafka has no limit of its own here and would try; a topic beyond this doesn't fit into
// its node.
inline constexpr std::int32_t max_partitions_per_topic = 100'000;
protocol::Result<void> check_partition_count(std::int32_t count);

// Spreads replicas over racks if every broker has one. Errors: invalid_partitions, invalid_replication_factor;
// unknown_server_error when only some brokers have a rack.
protocol::Result<Assignment> assign_replicas(std::span<const BrokerRack> brokers, const AssignmentRequest& request);

}  // namespace coordination::cluster
