// Where dynamic configurations are kept: topics' overrides and brokers' dynamic values, by entity name. An interface so
// that what stands on it is tested without a metadata store. Implementations are safe from any thread; calls block.
#pragma once

#include <map>
#include <string>

#include "broker/config/properties.h"
#include "coordination/cluster/config_store.h"
#include "protocol/result.h"

namespace broker {

class ConfigRepository {
 public:
  virtual ~ConfigRepository() = default;

  // Nothing there: empty.
  virtual protocol::Result<Properties> topic(const std::string& name) = 0;
  // All topics that have something there, by name.
  virtual protocol::Result<std::map<std::string, Properties>> all_topics() = 0;
  // `entity` is a broker's number as text, or coordination::cluster::default_entity.
  virtual protocol::Result<Properties> brokers(const std::string& entity) = 0;

  // Replaces everything, and tells all brokers.
  virtual protocol::Result<void> set_topic(const std::string& name, const Properties& values) = 0;
  virtual protocol::Result<void> set_brokers(const std::string& entity, const Properties& values) = 0;
};

// On the metadata store, in Kafka's nodes (/config/topics, /config/brokers).
class StoredConfigs final : public ConfigRepository {
 public:
  // The store outlives it.
  explicit StoredConfigs(coordination::metadata_store::MetadataStore& store) : store_(store) {}

  protocol::Result<Properties> topic(const std::string& name) override;
  protocol::Result<std::map<std::string, Properties>> all_topics() override;
  protocol::Result<Properties> brokers(const std::string& entity) override;
  protocol::Result<void> set_topic(const std::string& name, const Properties& values) override;
  protocol::Result<void> set_brokers(const std::string& entity, const Properties& values) override;

 private:
  coordination::metadata_store::MetadataStore& store_;
};

}  // namespace broker
