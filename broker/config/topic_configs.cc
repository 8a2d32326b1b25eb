#include "broker/config/topic_configs.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "broker/config/topic_config.h"

namespace broker {

using protocol::MutexLock;

void TopicConfigs::on_change(OnChange callback) {
  const MutexLock lock(mutex_);
  on_change_ = std::move(callback);
}

protocol::Result<void> TopicConfigs::load() {
  auto stored = repository_.all_topics();
  if (!stored) return std::unexpected(stored.error());
  const MutexLock lock(mutex_);
  for (auto& [topic, overrides] : *stored) topics_.try_emplace(topic, Entry{std::move(overrides), nullptr});
  return {};
}

TopicConfigs::Config TopicConfigs::log_config(const std::string& topic) {
  const auto broker = broker_.snapshot();
  {
    const MutexLock lock(mutex_);
    if (const auto known = topics_.find(topic); known != topics_.end()) {
      auto& [overrides, config] = known->second;
      if (!config) config = std::make_shared<const storage::LogConfig>(make_log_config(topic, overrides, *broker));
      return config;
    }
  }
  auto overrides = repository_.topic(topic);
  if (!overrides) {
    spdlog::warn("The configuration of topic {} can't be read, so the broker's defaults hold for now: {}", topic,
                 overrides.error().text());
    return std::make_shared<const storage::LogConfig>(make_log_config(topic, {}, *broker));
  }
  auto config = std::make_shared<const storage::LogConfig>(make_log_config(topic, *overrides, *broker));
  const MutexLock lock(mutex_);
  // A change that came meanwhile is newer than what was read.
  return topics_.try_emplace(topic, Entry{std::move(*overrides), std::move(config)}).first->second.config;
}

void TopicConfigs::set_overrides(const std::string& topic, Properties overrides) {
  const auto broker = broker_.snapshot();
  Config config = std::make_shared<const storage::LogConfig>(make_log_config(topic, overrides, *broker));
  OnChange callback;
  {
    const MutexLock lock(mutex_);
    topics_.insert_or_assign(topic, Entry{std::move(overrides), config});
    callback = on_change_;
  }
  if (callback) callback(topic, config);
}

void TopicConfigs::forget(const std::string& topic) {
  const MutexLock lock(mutex_);
  topics_.erase(topic);
}

void TopicConfigs::broker_changed() {
  const auto broker = broker_.snapshot();
  std::vector<std::pair<std::string, Config>> changed;
  OnChange callback;
  {
    const MutexLock lock(mutex_);
    callback = on_change_;
    for (auto& [topic, entry] : topics_) {
      if (!entry.config) continue;
      storage::LogConfig config = make_log_config(topic, entry.overrides, *broker);
      if (config == *entry.config) continue;
      entry.config = std::make_shared<const storage::LogConfig>(config);
      changed.emplace_back(topic, entry.config);
    }
  }
  if (!callback) return;
  for (const auto& [topic, config] : changed) callback(topic, config);
}

}  // namespace broker
