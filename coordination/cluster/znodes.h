// Kafka's tree in the metadata store: where everything is, and the JSON it holds, as Kafka 3.9 in ZooKeeper mode writes
// and reads it. Reading is as strict as Kafka's (an int is an int) and ignores unknown keys.
//
// Pure functions and values. Decoders fail with unknown_server_error and a sentence that names the node.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::cluster {

using protocol::BrokerId;
using protocol::PartitionIndex;
using protocol::TopicPartition;

namespace path {

inline constexpr const char* broker_ids = "/brokers/ids";
inline constexpr const char* broker_sequence = "/brokers/seqid";
inline constexpr const char* topics = "/brokers/topics";
inline constexpr const char* controller = "/controller";
inline constexpr const char* controller_epoch = "/controller_epoch";
inline constexpr const char* cluster_id = "/cluster/id";
inline constexpr const char* config_changes = "/config/changes";
inline constexpr const char* config_change_prefix = "/config/changes/config_change_";
inline constexpr const char* delete_topics = "/admin/delete_topics";
inline constexpr const char* isr_changes = "/isr_change_notification";
inline constexpr const char* log_dir_events = "/log_dir_event_notification";
inline constexpr const char* log_dir_event_prefix = "/log_dir_event_notification/log_dir_event_";
inline constexpr const char* producer_id_block = "/latest_producer_id_block";
inline constexpr const char* features = "/feature";

std::string broker_id(BrokerId id);
std::string topic(std::string_view topic);
std::string topic_partitions(std::string_view topic);
std::string partition(std::string_view topic, PartitionIndex partition);
std::string partition_state(std::string_view topic, PartitionIndex partition);
std::string delete_topic(std::string_view topic);
std::string config(std::string_view type, std::string_view entity);

}  // namespace path

// The replicas of one partition. While it is reassigned, `replicas` is old and new together.
struct ReplicaAssignment {
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> adding;
  std::vector<BrokerId> removing;

  bool is_being_reassigned() const { return !adding.empty() || !removing.empty(); }
  std::vector<BrokerId> origin() const;  // without what is being added
  std::vector<BrokerId> target() const;  // without what is being removed
  // The assignment while the partition is on its way to this target. Replaces a way that it is on already.
  ReplicaAssignment reassigned_to(const std::vector<BrokerId>& target) const;
  bool operator==(const ReplicaAssignment&) const = default;
};

// /brokers/topics/<topic>
struct TopicAssignment {
  std::optional<protocol::Uuid> topic_id;  // none: created before Kafka 2.8
  std::map<PartitionIndex, ReplicaAssignment> partitions;

  bool operator==(const TopicAssignment&) const = default;
};

std::string encode(const TopicAssignment& topic);
protocol::Result<TopicAssignment> decode_topic_assignment(std::string_view topic, std::string_view json);

enum class LeaderRecoveryState : std::int8_t { recovered = 0, recovering = 1 };

inline constexpr BrokerId no_leader = -1;
inline constexpr BrokerId leader_during_delete = -2;
inline constexpr std::int32_t leader_epoch_during_delete = -2;

// Who leads a partition, and who is in sync with the leader.
struct LeaderAndIsr {
  BrokerId leader = no_leader;
  std::int32_t leader_epoch = 0;
  std::vector<BrokerId> isr;
  LeaderRecoveryState recovery = LeaderRecoveryState::recovered;
  std::int32_t partition_epoch = 0;  // the data version of the state node; not part of its data

  bool operator==(const LeaderAndIsr&) const = default;
};

// /brokers/topics/<topic>/partitions/<partition>/state
struct PartitionStateNode {
  LeaderAndIsr leader_and_isr;
  std::int32_t controller_epoch = 0;  // of the controller that wrote it

  bool operator==(const PartitionStateNode&) const = default;
};

std::string encode(const PartitionStateNode& state);
protocol::Result<PartitionStateNode> decode_partition_state(const TopicPartition& partition, std::string_view json,
                                                            std::int32_t data_version);

// /controller
std::string encode_controller(BrokerId id, std::int64_t timestamp_ms);
protocol::Result<BrokerId> decode_controller(std::string_view json);

// /controller_epoch
protocol::Result<std::int32_t> decode_controller_epoch(std::string_view text);

// /cluster/id
std::string encode_cluster_id(std::string_view id);
protocol::Result<std::string> decode_cluster_id(std::string_view json);

// /config/<type>/<entity>
std::string encode_config(const std::map<std::string, std::string>& config);
protocol::Result<std::map<std::string, std::string>> decode_config(std::string_view path, std::string_view json);

// /config/changes/config_change_<n>: which node changed, "topics/foo"
std::string encode_config_change(std::string_view entity_path);
protocol::Result<std::string> decode_config_change(std::string_view json);

// /latest_producer_id_block
struct ProducerIdBlockNode {
  BrokerId broker = -1;
  std::int64_t first = 0;
  std::int64_t last = 0;  // inclusive
};

std::string encode(const ProducerIdBlockNode& block);
protocol::Result<ProducerIdBlockNode> decode_producer_id_block(std::string_view json);

// /log_dir_event_notification/log_dir_event_<n>: a log directory of the broker failed
std::string encode_log_dir_event(BrokerId broker);
protocol::Result<BrokerId> decode_log_dir_event(std::string_view json);

// /feature of a cluster without finalized features
std::string encode_no_features();

}  // namespace coordination::cluster
