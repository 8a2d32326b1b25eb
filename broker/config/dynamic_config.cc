#include "broker/config/dynamic_config.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "broker/config/broker_config_check.h"
#include "broker/config/definition.h"
#include "broker/config/synonyms.h"
#include "broker/config/text.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::Result;

// Settings of one listener that Kafka takes for the whole cluster.
constexpr std::string_view cluster_listener_configs[] = {"max.connections", "max.connection.creation.rate",
                                                         "num.network.threads"};

bool has_listener_prefix(std::string_view name) { return without_listener_prefix(name) != name; }

// What can change only for one listener: key and trust stores.
bool is_security_config(const ConfigDefinition& row) {
  return row.name.starts_with("ssl.keystore.") || row.name.starts_with("ssl.truststore.") ||
         row.name == "ssl.key.password";
}

bool is_per_broker(std::string_view name, const ConfigDefinition& row) {
  if (!has_listener_prefix(name)) return row.mode == UpdateMode::per_broker;
  return std::ranges::find(cluster_listener_configs, row.name) == std::end(cluster_listener_configs);
}

// Why `name` may not be in a dynamic layer at all; empty: it may. Kafka's own sentences, without the names.
std::string_view misplaced(std::string_view name, bool broker_layer) {
  const ConfigDefinition* row = find_broker_config(name);
  if (row == nullptr) return {};
  if (row->mode == UpdateMode::read_only)
    return has_listener_prefix(name) ? "" : "Cannot update these configs dynamically";
  if (is_security_config(*row) && !has_listener_prefix(name)) {
    return "These security configs can be dynamically updated only per-listener using the listener prefix";
  }
  if (!broker_layer && is_per_broker(name, *row)) {
    return "Cannot update these configs at default cluster level, broker id must be specified";
  }
  return {};
}

// Lays `over` on `under`; what names the same setting in another unit goes, so that the upper layer wins.
void lay_over(Properties& under, const Properties& over) {
  for (const auto& [name, value] : over) {
    for (const std::string_view synonym : same_setting_names(name)) {
      if (const auto found = under.find(synonym); found != under.end()) under.erase(found);
    }
    under.insert_or_assign(name, value);
  }
}

Properties merge(const ConfigLayers& layers) {
  Properties values = layers.static_values;
  lay_over(values, layers.cluster_values);
  lay_over(values, layers.broker_values);
  return values;
}

Result<void> check_thread_count(std::string_view name, std::int64_t before, std::int64_t after) {
  if (before == after) return {};
  const std::string start = fmt::format("Dynamic thread count update validation failed for {}={}", name, after);
  const auto refuse = [&](std::string_view why) {
    return fail(ErrorCode::invalid_request, fmt::format("{}, value should {}", start, why));
  };
  if (after <= 0) return refuse("be at least 1");
  if (after < before / 2) return refuse(fmt::format("be at least half the current value {}", before));
  if (after > before * 2) return refuse(fmt::format("not be greater than double the current value {}", before));
  return {};
}

// The cleaner has sentences of its own.
Result<void> check_cleaner_threads(std::int64_t before, std::int64_t after) {
  const auto refuse = [&](std::string why) {
    return fail(ErrorCode::invalid_request, "Log cleaner threads " + std::move(why));
  };
  if (after < 1) return refuse("should be at least 1");
  if (after < before / 2)
    return refuse(fmt::format("cannot be reduced to less than half the current value {}", before));
  if (after > before * 2) {
    return refuse(fmt::format("cannot be increased to more than double the current value {}", before));
  }
  return {};
}

// What may not change so, although the new configuration as a whole is fine.
Result<void> check_change(const BrokerConfig& before, const BrokerConfig& after) {
  if (before.listeners != after.listeners) {
    return fail(ErrorCode::invalid_request,
                "listeners can't change while the broker runs; advertised.listeners can. Restart the broker with the "
                "new listeners.");
  }
  const struct {
    std::string_view name;
    std::int64_t before;
    std::int64_t after;
  } thread_counts[] = {
      {"num.io.threads", before.num_io_threads, after.num_io_threads},
      {"num.network.threads", before.num_network_threads, after.num_network_threads},
      {"num.replica.fetchers", before.num_replica_fetchers, after.num_replica_fetchers},
      {"num.recovery.threads.per.data.dir", before.num_recovery_threads_per_data_dir,
       after.num_recovery_threads_per_data_dir},
      {"background.threads", before.background_threads, after.background_threads},
  };
  for (const auto& count : thread_counts) {
    if (auto checked = check_thread_count(count.name, count.before, count.after); !checked) return checked;
  }
  return check_cleaner_threads(before.log_cleaner_threads, after.log_cleaner_threads);
}

Result<void> as_invalid_request(Result<void> result) {
  if (!result) result.error().code = ErrorCode::invalid_request;
  return result;
}

}  // namespace

DynamicConfig::DynamicConfig(Properties static_values) {
  auto config = make_broker_config(static_values);
  if (!config) throw std::invalid_argument(config.error().message);
  layers_.static_values = std::move(static_values);
  current_ = std::move(*config);
}

void DynamicConfig::assign_broker_id(protocol::BrokerId id) {
  const MutexLock lock(mutex_);
  assigned_id_ = id;
  if (auto config = make_snapshot(layers_)) current_ = std::move(*config);
}

Result<BrokerConfigSnapshot> DynamicConfig::make_snapshot(const ConfigLayers& layers) const {
  auto config = make_broker_config(merge(layers));
  if (!config || !assigned_id_) return config;
  auto with_id = std::make_shared<BrokerConfig>(**config);
  with_id->broker_id = *assigned_id_;
  return BrokerConfigSnapshot(std::move(with_id));
}

BrokerConfigSnapshot DynamicConfig::snapshot() const {
  const MutexLock lock(mutex_);
  return current_;
}

ConfigLayers DynamicConfig::layers() const {
  const MutexLock lock(mutex_);
  return layers_;
}

void DynamicConfig::set_broker_values(const Properties& stored) { set_layer(Layer::broker, stored); }
void DynamicConfig::set_cluster_values(const Properties& stored) { set_layer(Layer::cluster, stored); }

void DynamicConfig::set_layer(Layer layer, const Properties& stored) {
  const bool broker_layer = layer == Layer::broker;
  Properties usable;
  for (const auto& [name, value] : stored) {
    const ConfigDefinition* row = find_broker_config(name);
    if (const auto why = misplaced(name, broker_layer); !why.empty()) {
      spdlog::warn("The stored dynamic config {} is left out: {}", name, why);
    } else if (const auto valid = row == nullptr ? Result<void>() : validate_value(*row, value); !valid) {
      spdlog::warn("A stored dynamic config is left out: {}", valid.error().message);
    } else {
      usable.emplace(name, value);
      if (row != nullptr && row->support == Support::no_effect && differs_from_default(*row, value)) {
        spdlog::warn("{} has no effect: {}", name, row->reason);
      }
    }
  }
  const MutexLock change(changing_);
  BrokerConfigSnapshot before;
  BrokerConfigSnapshot after;
  std::vector<Listener> listeners;
  {
    const MutexLock lock(mutex_);
    ConfigLayers layers = layers_;
    Properties& target = broker_layer ? layers.broker_values : layers.cluster_values;
    if (target == usable) return;
    target = std::move(usable);
    auto config = make_snapshot(layers);
    if (!config) {
      spdlog::error("Stored dynamic configs are not applied: {}", config.error().message);
      return;
    }
    before = std::exchange(current_, std::move(*config));
    after = current_;
    layers_ = std::move(layers);
    listeners = listeners_;
  }
  for (const Listener& listener : listeners) listener(before, after);
}

Result<void> DynamicConfig::validate_broker_values(const Properties& wanted) const {
  return validate_layer(Layer::broker, wanted);
}

Result<void> DynamicConfig::validate_cluster_values(const Properties& wanted) const {
  return validate_layer(Layer::cluster, wanted);
}

Result<void> DynamicConfig::validate_layer(Layer layer, const Properties& wanted) const {
  const bool broker_layer = layer == Layer::broker;
  // Kafka names all offenders of the first rule that is broken.
  std::vector<std::string_view> offenders;
  std::string_view rule;
  for (const auto& [name, value] : wanted) {
    const std::string_view why = misplaced(name, broker_layer);
    if (why.empty() || (!rule.empty() && rule != why)) continue;
    rule = why;
    offenders.push_back(name);
  }
  if (!offenders.empty()) {
    return fail(ErrorCode::invalid_request, fmt::format("{}: Set({})", rule, fmt::join(offenders, ", ")));
  }
  if (auto checked = check_values(wanted); !checked) return as_invalid_request(std::move(checked));
  // In files a blank value means that a setting is unset. Whoever sends one could have said so.
  for (const auto& [name, value] : wanted) {
    const ConfigDefinition* row = find_broker_config(name);
    auto checked = row == nullptr ? Result<void>() : validate_value(*row, value);
    if (!checked) return as_invalid_request(std::move(checked));
  }

  ConfigLayers layers;
  BrokerConfigSnapshot before;
  {
    const MutexLock lock(mutex_);
    layers = layers_;
    before = current_;
  }
  (broker_layer ? layers.broker_values : layers.cluster_values) = wanted;
  const auto after = make_broker_config(merge(layers));
  if (!after) return fail(ErrorCode::invalid_request, after.error().message);
  return check_change(*before, **after);
}

void DynamicConfig::subscribe(Listener listener) {
  const MutexLock lock(mutex_);
  listeners_.push_back(std::move(listener));
}

}  // namespace broker
