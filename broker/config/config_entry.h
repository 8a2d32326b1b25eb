// Configurations as clients see them: DescribeConfigs' entries with sources and synonyms, which the answer of
// CreateTopics (v5 and later) carries too. Values; free functions safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/definition.h"
#include "broker/config/dynamic_config.h"

namespace broker {

// The numbers of DescribeConfigsResponse.ConfigSource.
enum class ConfigSource : std::int8_t {
  unknown = 0,
  topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_config = 5,
  dynamic_broker_logger = 6,
  client_metrics = 7,
  group = 8,
};

struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;  // unset: sensitive
  ConfigSource source = ConfigSource::unknown;
};

struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // unset: null or sensitive
  ConfigSource source = ConfigSource::default_config;
  bool sensitive = false;
  bool read_only = false;
  std::int8_t type = 0;                 // ConfigType's number; 0: unknown name
  std::string_view documentation;       // lives forever
  std::vector<ConfigSynonym> synonyms;  // where the value could come from, the one in force first
};

// All configs of a topic with these overrides.
std::vector<ConfigEntry> describe_topic(const Properties& overrides, const BrokerConfig& broker,
                                        const ConfigLayers& layers);

// All configs of this broker.
std::vector<ConfigEntry> describe_broker(const BrokerConfig& broker, const ConfigLayers& layers);

// The cluster-wide dynamic values alone (a broker resource without a name).
std::vector<ConfigEntry> describe_cluster_defaults(const ConfigLayers& layers);

}  // namespace broker
