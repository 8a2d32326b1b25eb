// What the configuration requests do, apart from the wire: describes and changes the configs of topics, brokers and
// loggers, with the checks, codes and sentences of Kafka 3.9's ConfigHelper, ConfigAdminManager and ZkAdminManager.
//
// Self-locking: changes happen one after the other, so that two of one resource don't lose each other's values. Calls
// block on the repository: run them in the background.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config_entry.h"
#include "broker/config/config_repository.h"
#include "broker/config/dynamic_config.h"
#include "broker/config/topic_configs.h"
#include "protocol/mutex.h"
#include "protocol/result.h"

namespace broker {

// The numbers of ConfigResource.Type. Anything else is unknown to Kafka 3.9.
enum class ResourceType : std::int8_t { unknown = 0, topic = 2, broker = 4, broker_logger = 8, client_metrics = 16 };

// The numbers of AlterConfigOp.OpType.
enum class AlterOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct ConfigChange {
  std::string name;
  AlterOperation operation = AlterOperation::set;
  std::optional<std::string> value;
};

struct ResourceChange {
  ResourceType type = ResourceType::unknown;
  std::string name;
  std::vector<ConfigChange> changes;
};

class ConfigAdmin {
 public:
  using TopicExists = std::function<bool(std::string_view topic)>;
  using Outcomes = std::vector<protocol::Result<void>>;  // one for each resource, in their order

  // All outlive it.
  ConfigAdmin(ConfigRepository& repository, DynamicConfig& broker, TopicConfigs& topics, TopicExists topic_exists)
      : repository_(repository), broker_(broker), topics_(topics), topic_exists_(std::move(topic_exists)) {}

  // AlterConfigs: the resource shall have these values and no others. Operations are ignored.
  Outcomes replace(const std::vector<ResourceChange>& resources, bool validate_only) const;

  // IncrementalAlterConfigs: the resource's values are changed one by one.
  Outcomes change(const std::vector<ResourceChange>& resources, bool validate_only) const;

  // All configs of a resource. REQUIRES: the type isn't unknown.
  protocol::Result<std::vector<ConfigEntry>> describe(ResourceType type, const std::string& name) const;

 private:
  protocol::Result<void> check_shape(const ResourceChange& resource, bool incremental) const;
  protocol::Result<void> apply(const ResourceChange& resource, bool incremental, bool validate_only) const;
  protocol::Result<void> apply_to_topic(const ResourceChange& resource, bool incremental, bool validate_only) const;
  protocol::Result<void> apply_to_broker(const ResourceChange& resource, bool incremental, bool validate_only) const;
  Outcomes apply_all(const std::vector<ResourceChange>& resources, bool incremental, bool validate_only) const;
  protocol::Result<void> check_node_id(std::string_view name) const;
  protocol::Result<std::vector<ConfigEntry>> describe_topic_resource(const std::string& name) const;
  protocol::Result<std::vector<ConfigEntry>> describe_broker_resource(const std::string& name) const;
  protocol::Result<std::vector<ConfigEntry>> describe_loggers(const std::string& name) const;

  ConfigRepository& repository_;
  DynamicConfig& broker_;
  TopicConfigs& topics_;
  const TopicExists topic_exists_;
  mutable protocol::Mutex changes_;  // held from reading a resource's values to writing them
};

}  // namespace broker
