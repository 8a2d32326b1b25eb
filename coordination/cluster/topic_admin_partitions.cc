// CreatePartitions' half of TopicAdmin.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "coordination/cluster/broker_registration.h"
#include "coordination/cluster/topic_admin.h"
#include "coordination/cluster/znodes.h"

namespace coordination::cluster {

using metadata_store::MetadataStore, metadata_store::StoreError;
using protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::PartitionIndex, protocol::Result;

namespace {

// The registered brokers, by ascending id. With racks only if all have one, as Kafka's default demands.
Result<std::vector<BrokerRack>> registered_brokers(MetadataStore& store) {
  const auto registrations = read_brokers(store);
  if (!registrations) return std::unexpected(to_error(registrations.error(), "reading the brokers"));
  std::vector<BrokerRack> brokers;
  for (const BrokerRegistration& broker : *registrations) brokers.push_back({broker.id, broker.rack});
  const auto with_rack = std::ranges::count_if(brokers, [](const BrokerRack& b) { return b.rack.has_value(); });
  if (with_rack > 0 && static_cast<std::size_t>(with_rack) < brokers.size()) {
    return fail(ErrorCode::unknown_server_error,
                "Not all brokers have rack information. Add --disable-rack-aware in command line to make replica "
                "assignment without rack information.");
  }
  return brokers;
}

Result<void> check_count(const NewPartitions& wanted, std::int32_t current) {
  if (wanted.total_count < current) {
    return fail(ErrorCode::invalid_partitions,
                fmt::format("Topic currently has {} partitions, which is higher than the requested {}.", current,
                            wanted.total_count));
  }
  if (wanted.total_count == current) {
    return fail(ErrorCode::invalid_partitions, fmt::format("Topic already has {} partitions.", current));
  }
  return check_partition_count(wanted.total_count);
}

Result<void> check_replicas(PartitionIndex partition, const std::vector<BrokerId>& replicas) {
  if (replicas.empty()) {
    return fail(ErrorCode::invalid_replica_assignment,
                fmt::format("Cannot have replication factor of 0 for partition id {}.", partition));
  }
  if (std::set<BrokerId>(replicas.begin(), replicas.end()).size() != replicas.size()) {
    return fail(ErrorCode::invalid_replica_assignment,
                fmt::format("Duplicate brokers not allowed in replica assignment: {} for partition id {}.",
                            fmt::join(replicas, ", "), partition));
  }
  return {};
}

Result<void> check_factors(const Assignment& added, std::size_t factor) {
  std::vector<PartitionIndex> partitions;
  std::vector<std::size_t> factors;
  for (const auto& [index, replicas] : added) {
    if (replicas.size() == factor) continue;
    partitions.push_back(index);
    factors.push_back(replicas.size());
  }
  if (partitions.empty()) return {};
  return fail(ErrorCode::invalid_replica_assignment,
              fmt::format("Inconsistent replication factor between partitions, partition 0 has {} while partitions "
                          "[{}] have replication factors [{}], respectively.",
                          factor, fmt::join(partitions, ", "), fmt::join(factors, ", ")));
}

Result<Assignment> given_assignment(const NewPartitions& wanted, std::int32_t current, std::size_t factor,
                                    const std::vector<BrokerRack>& brokers) {
  std::set<BrokerId> unknown;
  for (const auto& replicas : *wanted.assignment) unknown.insert(replicas.begin(), replicas.end());
  for (const BrokerRack& broker : brokers) unknown.erase(broker.id);
  if (!unknown.empty()) {
    return fail(ErrorCode::invalid_replica_assignment,
                fmt::format("Unknown broker(s) in replica assignment: {}.", fmt::join(unknown, ", ")));
  }
  const std::int32_t increment = wanted.total_count - current;
  if (wanted.assignment->size() != static_cast<std::size_t>(increment)) {
    return fail(ErrorCode::invalid_replica_assignment,
                fmt::format("Increasing the number of partitions by {} but {} assignments provided.", increment,
                            wanted.assignment->size()));
  }
  Assignment added;
  PartitionIndex next = current;
  for (const auto& replicas : *wanted.assignment) {
    if (auto valid = check_replicas(next, replicas); !valid) return std::unexpected(valid.error());
    added[next++] = replicas;
  }
  if (auto valid = check_factors(added, factor); !valid) return std::unexpected(valid.error());
  return added;
}

// The new partitions follow on where the topic's first one started, so that leaders stay spread.
Result<Assignment> new_assignment(const NewPartitions& wanted, const TopicAssignment& topic,
                                  const std::vector<BrokerRack>& brokers) {
  const auto current = static_cast<std::int32_t>(topic.partitions.size());
  const auto first = topic.partitions.find(0);
  if (first == topic.partitions.end() || first->second.replicas.empty()) {
    return fail(
        ErrorCode::unknown_server_error,
        fmt::format("Unexpected existing replica assignment for topic '{}', partition id 0 is missing.", wanted.topic));
  }
  const std::vector<BrokerId>& model = first->second.replicas;
  if (wanted.assignment) return given_assignment(wanted, current, model.size(), brokers);
  const auto start = std::ranges::find_if(brokers, [&](const BrokerRack& b) { return b.id >= model.front(); });
  const auto index = static_cast<std::uint32_t>(start == brokers.end() ? 0 : start - brokers.begin());
  return assign_replicas(brokers, {.partition_count = wanted.total_count - current,
                                   .replication_factor = static_cast<std::int32_t>(model.size()),
                                   .start_index = index,
                                   .start_shift = index,
                                   .first_partition = current});
}

Result<std::int32_t> add_to_one(MetadataStore& store, const NewPartitions& wanted,
                                const std::vector<BrokerRack>& brokers, bool validate_only,
                                const TopicAdmin::Admit& admit) {
  const std::string path = path::topic(wanted.topic);
  const auto node = store.get(path);
  if (!node && (node.error() == StoreError::no_node || node.error() == StoreError::bad_arguments)) {
    return fail(ErrorCode::unknown_topic_or_partition, fmt::format("The topic '{}' does not exist.", wanted.topic));
  }
  if (!node) return std::unexpected(to_error(node.error(), "reading " + path));
  const auto marked = store.exists(path::delete_topic(wanted.topic));
  if (marked && *marked) return fail(ErrorCode::invalid_topic_exception, "The topic is queued for deletion.");
  auto topic = decode_topic_assignment(wanted.topic, node->data);
  if (!topic) return std::unexpected(topic.error());
  for (const auto& [index, partition] : topic->partitions) {
    if (partition.is_being_reassigned()) {
      return fail(ErrorCode::reassignment_in_progress,
                  fmt::format("A partition reassignment is in progress for the topic '{}'.", wanted.topic));
    }
  }
  const auto current = static_cast<std::int32_t>(topic->partitions.size());
  if (auto valid = check_count(wanted, current); !valid) return std::unexpected(valid.error());
  const auto added = new_assignment(wanted, *topic, brokers);
  if (!added) return std::unexpected(added.error());
  if (validate_only) return wanted.total_count;
  if (auto admitted = admit ? admit(wanted.total_count - current) : Result<void>(); !admitted) {
    return std::unexpected(admitted.error());
  }
  for (const auto& [index, replicas] : *added) topic->partitions[index].replicas = replicas;
  // Kafka sets any version; comparing keeps two requests at once from undoing each other.
  const auto set = store.set(path, encode(*topic), node->stat.version);
  if (!set) return std::unexpected(to_error(set.error(), "adding partitions to " + wanted.topic));
  spdlog::info("Topic {} grows from {} to {} partitions.", wanted.topic, current, wanted.total_count);
  return wanted.total_count;
}

}  // namespace

std::vector<Result<std::int32_t>> TopicAdmin::add_partitions(std::span<const NewPartitions> topics, bool validate_only,
                                                             const Admit& admit) const {
  const auto brokers = registered_brokers(store_);
  std::vector<Result<std::int32_t>> results;
  for (const NewPartitions& wanted : topics) {
    results.push_back(brokers ? add_to_one(store_, wanted, *brokers, validate_only, admit)
                              : Result<std::int32_t>(std::unexpected(brokers.error())));
  }
  return results;
}

}  // namespace coordination::cluster
