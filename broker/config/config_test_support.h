// For tests: dynamic configurations in a map. Not synchronised.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "broker/config/config_repository.h"

namespace broker {

class FakeConfigs final : public ConfigRepository {
 public:
  protocol::Result<Properties> topic(const std::string& name) override {
    ++reads;
    if (failure) return std::unexpected(*failure);
    return topics.contains(name) ? topics.at(name) : Properties();
  }
  protocol::Result<std::map<std::string, Properties>> all_topics() override {
    if (failure) return std::unexpected(*failure);
    return topics;
  }
  protocol::Result<Properties> brokers(const std::string& entity) override {
    return broker_values.contains(entity) ? broker_values.at(entity) : Properties();
  }
  protocol::Result<void> set_topic(const std::string& name, const Properties& values) override {
    if (failure) return std::unexpected(*failure);
    topics[name] = values;
    return {};
  }
  protocol::Result<void> set_brokers(const std::string& entity, const Properties& values) override {
    if (failure) return std::unexpected(*failure);
    broker_values[entity] = values;
    return {};
  }

  std::map<std::string, Properties> topics;
  std::map<std::string, Properties> broker_values;
  std::optional<protocol::Error> failure;
  int reads = 0;
};

}  // namespace broker
