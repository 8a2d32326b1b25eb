#include "broker/config/config_repository.h"

namespace broker {
namespace {

namespace cluster = coordination::cluster;
using protocol::Result;

Result<Properties> read(coordination::metadata_store::MetadataStore& store, cluster::ConfigType type,
                        const std::string& entity) {
  auto config = cluster::read_config(store, type, entity);
  if (!config) return std::unexpected(config.error());
  return Properties(config->begin(), config->end());
}

Result<void> write(coordination::metadata_store::MetadataStore& store, cluster::ConfigType type,
                   const std::string& entity, const Properties& values) {
  return cluster::write_config(store, type, entity, cluster::ConfigMap(values.begin(), values.end()));
}

}  // namespace

Result<Properties> StoredConfigs::topic(const std::string& name) {
  return read(store_, cluster::ConfigType::topics, name);
}

Result<std::map<std::string, Properties>> StoredConfigs::all_topics() {
  const auto configs = cluster::read_configs(store_, cluster::ConfigType::topics);
  if (!configs) return std::unexpected(configs.error());
  std::map<std::string, Properties> topics;
  for (const auto& [name, config] : *configs) topics.emplace(name, Properties(config.begin(), config.end()));
  return topics;
}

Result<Properties> StoredConfigs::brokers(const std::string& entity) {
  return read(store_, cluster::ConfigType::brokers, entity);
}

Result<void> StoredConfigs::set_topic(const std::string& name, const Properties& values) {
  return write(store_, cluster::ConfigType::topics, name, values);
}

Result<void> StoredConfigs::set_brokers(const std::string& entity, const Properties& values) {
  return write(store_, cluster::ConfigType::brokers, entity, values);
}

}  // namespace broker
