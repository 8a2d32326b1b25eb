// The settings that each topic's logs run with, kept up to date: overrides from the repository over the broker's
// dynamic defaults. Self-locking; log_config() may block on the repository the first time it is asked for a topic that
// came after load().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "broker/config/config_repository.h"
#include "broker/config/dynamic_config.h"
#include "protocol/mutex.h"
#include "storage/log_config.h"

namespace broker {

class TopicConfigs {
 public:
  using Config = std::shared_ptr<const storage::LogConfig>;
  // Told a topic's new settings; for its open logs.
  using OnChange = std::function<void(const std::string& topic, const Config& config)>;

  // Both outlive it.
  TopicConfigs(ConfigRepository& repository, const DynamicConfig& broker) : repository_(repository), broker_(broker) {}

  // Who is told of changes. Set while the broker starts, before any change.
  void on_change(OnChange callback);

  // Reads what the repository holds of all topics, so that opening their logs needn't ask it. Changes that came already
  // are newer, and stay. Blocks.
  protocol::Result<void> load() EXCLUDES(mutex_);

  // Reads the repository when the topic isn't known yet. When that fails the broker's defaults are returned, with a
  // warning, and the next call tries again.
  Config log_config(const std::string& topic) EXCLUDES(mutex_);

  // The topic's overrides are these now.
  void set_overrides(const std::string& topic, Properties overrides) EXCLUDES(mutex_);

  // The topic is deleted: a later one of the same name starts afresh.
  void forget(const std::string& topic) EXCLUDES(mutex_);

  // The broker's own values changed: recomputes every known topic.
  void broker_changed() EXCLUDES(mutex_);

 private:
  struct Entry {
    Properties overrides;
    Config config;  // null: not asked for so far
  };

  ConfigRepository& repository_;
  const DynamicConfig& broker_;
  protocol::Mutex mutex_;
  OnChange on_change_ GUARDED_BY(mutex_);
  std::map<std::string, Entry> topics_ GUARDED_BY(mutex_);
};

}  // namespace broker
