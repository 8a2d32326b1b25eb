#include "broker/config/config_sync.h"

#include "broker/config/topic_config.h"
#include "storage/log_manager.h"

namespace broker {

using coordination::cluster::ConfigMap, coordination::cluster::default_entity;
using protocol::Result;
using Stored = coordination::cluster::ConfigType;

ConfigSync::ConfigSync(coordination::metadata_store::MetadataStore& store, const protocol::Clock& clock,
                       ConfigRepository& repository, DynamicConfig& broker, TopicConfigs& topics, QuotaSync& quotas,
                       storage::LogManager& logs)
    : store_(store),
      repository_(repository),
      broker_(broker),
      topics_(topics),
      quotas_(quotas),
      logs_(logs),
      listener_(store, clock, [this](Stored type, const std::string& entity, const ConfigMap& config) {
        apply(type, entity, Properties(config.begin(), config.end()));
      }) {}

Result<void> ConfigSync::start() {
  topics_.on_change([this](const std::string& topic, const TopicConfigs::Config& config) {
    logs_.update_topic_config(topic, config);
  });
  broker_.subscribe([this](const BrokerConfigSnapshot&, const BrokerConfigSnapshot& after) {
    logs_.update_default_config(make_log_config("", {}, *after));
    topics_.broker_changed();
  });
  const std::string own_entity = std::to_string(broker_.snapshot()->broker_id);
  for (const std::string& entity : {std::string(default_entity), own_entity}) {
    auto values = repository_.brokers(entity);
    if (!values) return std::unexpected(values.error());
    apply(Stored::brokers, entity, std::move(*values));
  }
  if (auto loaded = quotas_.load(store_); !loaded) return loaded;
  if (auto listening = listener_.start(); !listening) return listening;
  return topics_.load();
}

void ConfigSync::apply(Stored type, const std::string& entity, Properties values) {
  if (type == Stored::topics) {
    topics_.set_overrides(entity, std::move(values));
  } else if (type == Stored::brokers && entity == default_entity) {
    broker_.set_cluster_values(values);
  } else if (type == Stored::brokers && entity == std::to_string(broker_.snapshot()->broker_id)) {
    broker_.set_broker_values(values);
  } else if (type != Stored::brokers) {
    quotas_.apply(type, entity, values);
  }
}

}  // namespace broker
