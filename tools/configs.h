// What `barnabas configs` does with a live cluster: each function is one action, prints its result to stdout and gives
// the exit code. The reference of settings, which needs no cluster, is config_reference.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/cluster_session.h"

namespace tools {

using ConfigValue = std::pair<std::string, std::string>;

// What has settings. The numbers are the protocol's.
enum class ConfigKind : std::int8_t { topic = 2, broker = 4, group = 32 };

struct ConfigResource {
  ConfigKind kind = ConfigKind::topic;
  std::string name;  // "" of a broker: what all brokers share
};

struct DescribeConfigs {
  ConfigKind kind = ConfigKind::topic;
  std::vector<std::string> names;  // none: all of this kind
  bool all = false;                // settings at their default, too
};
int describe_configs(const SessionOptions& session, const DescribeConfigs& wanted);

struct AlterConfigs {
  ConfigResource resource;
  std::vector<ConfigValue> set;
  std::vector<std::string> unset;
  bool validate_only = false;
};
int alter_configs(const SessionOptions& session, const AlterConfigs& wanted);

// Where a value comes from, for people: "topic", "broker", "all brokers", "broker's file", "default".
std::string_view source_name(std::int8_t source);

}  // namespace tools
