// Validated changes to topics: create, delete, add partitions. Each writes what is wanted into the metadata store; the
// controller, whichever broker that is, carries it out. Checks and sentences are those of Kafka's ZkAdminManager and
// AdminZkClient, so that clients read what they would read from Kafka.
//
// Stateless but for what the constructor names; safe from any thread. Calls block on the store: run them in the
// background.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coordination/cluster/config_store.h"
#include "coordination/cluster/replica_assignment.h"
#include "coordination/metadata_store/metadata_store.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::cluster {

inline constexpr std::int32_t default_partition_count = -1;     // of a request: the broker's num.partitions
inline constexpr std::int16_t default_replication_factor = -1;  // of a request: default.replication.factor

// A topic as CreateTopics asks for it.
struct NewTopic {
  std::string name;
  std::int32_t partition_count = default_partition_count;
  std::int16_t replication_factor = default_replication_factor;
  std::map<protocol::PartitionIndex, std::vector<protocol::BrokerId>> assignment;  // empty: assigned here
  std::vector<std::pair<std::string, std::optional<std::string>>> config;
};

struct CreatedTopic {
  protocol::Uuid id;  // zero when only validated
  std::int32_t partition_count = 0;
  std::int16_t replication_factor = 0;
  ConfigMap config;  // the topic's own entries
};

// A topic to grow, as CreatePartitions asks for it.
struct NewPartitions {
  std::string topic;
  std::int32_t total_count = 0;
  std::optional<std::vector<std::vector<protocol::BrokerId>>> assignment;  // of the added partitions, in order
};

struct TopicAdminOptions {
  std::int32_t num_partitions = 1;
  std::int16_t default_replication_factor = 1;
};

class TopicAdmin {
 public:
  // Says whether a topic may have this configuration (invalid_config with the reason).
  using ValidateConfig = std::function<protocol::Result<void>(const ConfigMap&)>;
  // Asked for each topic that passed the checks, with the partitions that it is given, before they are written: an
  // error refuses them. Empty: all are admitted.
  using Admit = std::function<protocol::Result<void>(std::int64_t partitions)>;

  // The store outlives it.
  TopicAdmin(metadata_store::MetadataStore& store, std::function<TopicAdminOptions()> options,
             ValidateConfig validate_config);

  // Checks each topic and, unless `validate_only`, writes all that pass, with one sync of the store. One result each.
  // `brokers` are the live ones; `seed` is the randomness that spreads leaders and makes topic ids.
  std::vector<protocol::Result<CreatedTopic>> create(std::span<const NewTopic> topics,
                                                     std::span<const BrokerRack> brokers, std::uint64_t seed,
                                                     bool validate_only, const Admit& admit = {}) const;

  // Marks topics for deletion; marking one twice is fine. Errors: unknown_topic_or_partition.
  std::vector<protocol::Result<void>> remove(std::span<const std::string> topics) const;

  // Whether none of these topics' nodes is left. If one is, `changed` is called when that one goes; ask again then.
  // Names found free are dropped from the list.
  bool all_gone(std::vector<std::string>& topics, const std::function<void()>& changed) const;

  // Returns each topic's partition count afterwards. Brokers are read from the store.
  std::vector<protocol::Result<std::int32_t>> add_partitions(std::span<const NewPartitions> topics, bool validate_only,
                                                             const Admit& admit = {}) const;

 private:
  struct Planned;
  // The topics there are, by the name that metrics show; read from the store once, when first needed.
  using KnownNames = std::optional<std::multimap<std::string, std::string>>;

  protocol::Result<Planned> plan(const NewTopic& topic, std::span<const BrokerRack> brokers, std::uint64_t seed,
                                 KnownNames& known) const;
  protocol::Result<void> check_name_is_free(const std::string& name, KnownNames& known) const;

  metadata_store::MetadataStore& store_;
  const std::function<TopicAdminOptions()> options_;
  const ValidateConfig validate_config_;
};

}  // namespace coordination::cluster
