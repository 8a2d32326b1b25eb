// Brings the dynamic configurations of the metadata store into force on this broker: at start what is there, then each
// change as it is notified. Owned by the Broker; the work happens on the metadata store's callback thread.
#pragma once

#include <string>

#include "broker/config/config_repository.h"
#include "broker/config/dynamic_config.h"
#include "broker/config/quota_sync.h"
#include "broker/config/topic_configs.h"
#include "coordination/cluster/config_store.h"
#include "protocol/clock.h"
#include "protocol/result.h"

namespace storage {
class LogManager;
}

namespace broker {

class ConfigSync {
 public:
  // All outlive it.
  ConfigSync(coordination::metadata_store::MetadataStore& store, const protocol::Clock& clock,
             ConfigRepository& repository, DynamicConfig& broker, TopicConfigs& topics, QuotaSync& quotas,
             storage::LogManager& logs);

  // REQUIRES: the broker's number is known (DynamicConfig::assign_broker_id, if it wasn't configured). Blocks on the
  // store. Call it before the logs are loaded, so that they open with the right settings.
  protocol::Result<void> start();

 private:
  void apply(coordination::cluster::ConfigType type, const std::string& entity, Properties values);

  coordination::metadata_store::MetadataStore& store_;
  ConfigRepository& repository_;
  DynamicConfig& broker_;
  TopicConfigs& topics_;
  QuotaSync& quotas_;
  storage::LogManager& logs_;
  coordination::cluster::ConfigChangeListener listener_;  // last: it stops calling apply() before the rest goes
};

}  // namespace broker
