#include "broker/handlers/auto_topics.h"

#include <algorithm>
#include <string_view>

#include "broker/config/broker_config.h"
#include "protocol/topic_name.h"

namespace broker {

using coordination::cluster::NewTopic;

namespace {

// What the configuration says, or, where the cluster is this one embedded store and nobody said anything, at most the
// brokers there are.
std::int16_t replicas(std::int16_t configured, std::string_view key, const BrokerConfig& config,
                      std::size_t broker_count) {
  if (config.zookeeper_connect || config.values.contains(key)) return configured;
  return static_cast<std::int16_t>(std::min<std::size_t>(static_cast<std::size_t>(configured), broker_count));
}

}  // namespace

NewTopic auto_created_topic(const std::string& name, const BrokerConfig& config, std::size_t broker_count) {
  NewTopic topic{.name = name};
  if (name == protocol::consumer_offsets_topic) {
    topic.partition_count = config.offsets_topic_num_partitions;
    topic.replication_factor =
        replicas(config.offsets_topic_replication_factor, "offsets.topic.replication.factor", config, broker_count);
    topic.config = {{"cleanup.policy", "compact"},
                    {"compression.type", "producer"},
                    {"segment.bytes", std::to_string(config.offsets_topic_segment_bytes)}};
  } else if (name == protocol::transaction_state_topic) {
    topic.partition_count = config.transaction_state_log_num_partitions;
    topic.replication_factor = replicas(config.transaction_state_log_replication_factor,
                                        "transaction.state.log.replication.factor", config, broker_count);
    const std::int32_t min_isr = std::min<std::int32_t>(config.transaction_state_log_min_isr, topic.replication_factor);
    topic.config = {{"cleanup.policy", "compact"},
                    {"compression.type", "uncompressed"},
                    {"min.insync.replicas", std::to_string(min_isr)},
                    {"segment.bytes", std::to_string(config.transaction_state_log_segment_bytes)},
                    {"unclean.leader.election.enable", "false"}};
  }
  return topic;
}

}  // namespace broker
