// Dynamic configurations in the metadata store: /config/<type>/<entity>, and the notifications under /config/changes by
// which every broker learns of a change.
//
// The functions are stateless and block on the store. ConfigChangeListener is self-locking; its callback runs on the
// store's callback thread, one change at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "coordination/metadata_store/metadata_store.h"
#include "protocol/clock.h"
#include "protocol/mutex.h"
#include "protocol/result.h"

namespace coordination::cluster {

// The keys and values a node holds. An absent node holds none.
using ConfigMap = std::map<std::string, std::string>;

// Entities as in Kafka's tree. A broker's name is its id; the default of all brokers is `default_entity`.
enum class ConfigType { topics, brokers, users, clients, ips };
inline constexpr std::string_view default_entity = "<default>";

std::string_view name(ConfigType type);  // "topics"

protocol::Result<ConfigMap> read_config(metadata_store::MetadataStore& store, ConfigType type, std::string_view entity);

// The configurations of every entity of a type that has a node.
protocol::Result<std::map<std::string, ConfigMap>> read_configs(metadata_store::MetadataStore& store, ConfigType type);

// Those of users' client ids, by "USER/clients/CLIENT".
protocol::Result<std::map<std::string, ConfigMap>> read_user_client_configs(metadata_store::MetadataStore& store);

// Replaces the entity's configuration and notifies all brokers. The values were validated by the caller. Needs a
// controller in the cluster, as Kafka does. Users, clients and ips that hold nothing any more, and have nothing below
// them, lose their nodes.
protocol::Result<void> write_config(metadata_store::MetadataStore& store, ConfigType type, std::string_view entity,
                                    const ConfigMap& config);

class ConfigChangeListener {
 public:
  using OnChange = std::function<void(ConfigType type, const std::string& entity, const ConfigMap& config)>;

  // The store and the clock outlive the listener.
  ConfigChangeListener(metadata_store::MetadataStore& store, const protocol::Clock& clock, OnChange on_change);
  ConfigChangeListener(const ConfigChangeListener&) = delete;
  ConfigChangeListener& operator=(const ConfigChangeListener&) = delete;
  ~ConfigChangeListener();  // afterwards the callback isn't called any more

  // Reports the changes from now on. Notifications that are there already are reported too: they may be newer than what
  // the caller has read. Goes on by itself in a renewed session.
  protocol::Result<void> start();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace coordination::cluster
