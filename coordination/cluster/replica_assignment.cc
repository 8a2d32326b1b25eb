#include "coordination/cluster/replica_assignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace coordination::cluster {

using protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::PartitionIndex, protocol::Result;

namespace {

// Where the next follower goes, counted from the first replica.
std::size_t follower_index(std::size_t first, std::size_t shift, std::size_t position, std::size_t brokers) {
  return (first + 1 + (shift + position) % (brokers - 1)) % brokers;
}

Assignment assign_without_racks(const std::vector<BrokerId>& brokers, const AssignmentRequest& request) {
  Assignment assignment;
  const std::size_t count = brokers.size();
  std::size_t shift = request.start_shift;
  for (PartitionIndex i = 0; i < request.partition_count; ++i) {
    const PartitionIndex partition = request.first_partition + i;
    if (partition > 0 && static_cast<std::size_t>(partition) % count == 0) ++shift;
    const std::size_t first = (static_cast<std::size_t>(partition) + request.start_index) % count;
    std::vector<BrokerId>& replicas = assignment[partition];
    replicas.push_back(brokers[first]);
    for (std::size_t j = 0; j + 1 < static_cast<std::size_t>(request.replication_factor); ++j) {
      replicas.push_back(brokers[follower_index(first, shift, j, count)]);
    }
  }
  return assignment;
}

// Brokers in an order that changes the rack with each step: one of each rack in turn.
std::vector<BrokerRack> alternate_racks(std::span<const BrokerRack> brokers) {
  std::map<std::string, std::vector<BrokerId>> by_rack;
  for (const BrokerRack& broker : brokers) by_rack[*broker.rack].push_back(broker.id);
  for (auto& [rack, ids] : by_rack) std::ranges::sort(ids);
  std::vector<BrokerRack> order;
  for (std::size_t round = 0; order.size() < brokers.size(); ++round) {
    for (const auto& [rack, ids] : by_rack) {
      if (round < ids.size()) order.push_back({ids[round], rack});
    }
  }
  return order;
}

// Takes brokers whose rack has no replica yet while there are such racks, then brokers without one.
std::vector<BrokerId> replicas_over_racks(const std::vector<BrokerRack>& order, std::size_t rack_count,
                                          std::size_t first, std::size_t shift, std::size_t replication_factor) {
  std::vector<BrokerId> replicas = {order[first].id};
  std::set<std::string> racks = {*order[first].rack};
  std::set<BrokerId> taken = {order[first].id};
  std::size_t position = 0;
  while (replicas.size() < replication_factor) {
    const std::size_t step = shift * rack_count;
    const BrokerRack& candidate = order[follower_index(first, step, position, order.size())];
    ++position;
    const bool new_rack = !racks.contains(*candidate.rack) || racks.size() == rack_count;
    const bool new_broker = !taken.contains(candidate.id) || taken.size() == order.size();
    if (!new_rack || !new_broker) continue;
    replicas.push_back(candidate.id);
    racks.insert(*candidate.rack);
    taken.insert(candidate.id);
  }
  return replicas;
}

Assignment assign_over_racks(std::span<const BrokerRack> brokers, const AssignmentRequest& request) {
  const std::vector<BrokerRack> order = alternate_racks(brokers);
  std::set<std::string> racks;
  for (const BrokerRack& broker : order) racks.insert(*broker.rack);
  Assignment assignment;
  std::size_t shift = request.start_shift;
  for (PartitionIndex i = 0; i < request.partition_count; ++i) {
    const PartitionIndex partition = request.first_partition + i;
    if (partition > 0 && static_cast<std::size_t>(partition) % order.size() == 0) ++shift;
    const std::size_t first = (static_cast<std::size_t>(partition) + request.start_index) % order.size();
    assignment[partition] =
        replicas_over_racks(order, racks.size(), first, shift, static_cast<std::size_t>(request.replication_factor));
  }
  return assignment;
}

}  // namespace

Result<void> check_partition_count(std::int32_t count) {
  if (count <= max_partitions_per_topic) return {};
  return fail(ErrorCode::invalid_partitions,
              fmt::format("Number of partitions must be at most {}.", max_partitions_per_topic));
}

Result<Assignment> assign_replicas(std::span<const BrokerRack> brokers, const AssignmentRequest& request) {
  if (request.partition_count <= 0) {
    return fail(ErrorCode::invalid_partitions, "Number of partitions must be larger than 0.");
  }
  if (request.replication_factor <= 0) {
    return fail(ErrorCode::invalid_replication_factor, "Replication factor must be larger than 0.");
  }
  if (static_cast<std::size_t>(request.replication_factor) > brokers.size()) {
    return fail(ErrorCode::invalid_replication_factor,
                fmt::format("Replication factor: {} larger than available brokers: {}.", request.replication_factor,
                            brokers.size()));
  }
  const auto with_rack = std::ranges::count_if(brokers, [](const BrokerRack& b) { return b.rack.has_value(); });
  if (with_rack == 0) {
    std::vector<BrokerId> ids;
    for (const BrokerRack& broker : brokers) ids.push_back(broker.id);
    std::ranges::sort(ids);
    return assign_without_racks(ids, request);
  }
  if (static_cast<std::size_t>(with_rack) < brokers.size()) {
    return fail(ErrorCode::unknown_server_error,
                "Not all brokers have rack information for replica rack aware "
                "assignment.");
  }
  return assign_over_racks(brokers, request);
}

}  // namespace coordination::cluster
