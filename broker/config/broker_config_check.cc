#include "broker/config/broker_config_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/config/synonyms.h"
#include "broker/config/text.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

struct Rule {
  bool holds;
  std::string_view otherwise;
};

Result<void> require_all(std::initializer_list<Rule> rules) {
  for (const Rule& rule : rules) {
    if (!rule.holds) return fail(ErrorCode::invalid_config, std::string(rule.otherwise));
  }
  return {};
}

std::string names_of(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string_view> names;
  for (const Endpoint& endpoint : endpoints) names.push_back(endpoint.listener);
  return fmt::format("{}", fmt::join(names, ","));
}

bool has_listener(const std::vector<Endpoint>& endpoints, std::string_view name) {
  return std::ranges::find(endpoints, name, &Endpoint::listener) != endpoints.end();
}

Result<void> check_identity(const BrokerConfig& config) {
  const std::string* node = find_property(config.values, "node.id");
  const std::string* broker = find_property(config.values, "broker.id");
  if (node != nullptr && broker != nullptr && trim(*node) != trim(*broker)) {
    return fail(ErrorCode::invalid_config, "You must set `node.id` to the same value as `broker.id`.");
  }
  if (config.broker_id_generation_enable) {
    // A KRaft node.id may be above reserved.broker.max.id: no number is generated for it.
    const bool in_range =
        config.broker_id >= -1 && (node != nullptr || config.broker_id <= config.reserved_broker_max_id);
    return require_all(
        {{in_range, "broker.id must be greater than or equal to -1 and not greater than reserved.broker.max.id"}});
  }
  return require_all({{config.broker_id >= 0, "broker.id must be greater than or equal to 0"}});
}

// One combined node is what this broker is without KRaft as well; anything else would be another cluster than asked
// for.
Result<void> check_kraft(const BrokerConfig& config) {
  const auto text = [&](std::string_view name) -> std::string_view {
    const std::string* value = find_property(config.values, name);
    return value == nullptr ? std::string_view() : trim(*value);
  };
  const auto roles = split_list(text("process.roles"));
  if (!roles.empty() && std::ranges::find(roles, "broker") == roles.end()) {
    return fail(
        ErrorCode::invalid_config,
        "process.roles=controller is refused: there is no KRaft here, so this would be a broker that isn't one");
  }
  if (roles.size() == 1) {
    return fail(ErrorCode::invalid_config,
                "process.roles=broker is refused: it expects KRaft controllers elsewhere, and there is no KRaft here; "
                "leave it out, or join other brokers through zookeeper.connect");
  }
  if (split_list(text("controller.quorum.voters")).size() > 1) {
    return fail(ErrorCode::invalid_config,
                "controller.quorum.voters with several controllers is refused: there is no KRaft here; join other "
                "brokers through zookeeper.connect");
  }
  return {};
}

Result<void> check_protocols(const BrokerConfig& config) {
  for (const Endpoint& endpoint : config.listeners) {
    if (endpoint.security_protocol == "PLAINTEXT") continue;
    return fail(ErrorCode::invalid_config, fmt::format("Listener {} is refused: {} isn't there yet, only PLAINTEXT is",
                                                       endpoint.listener, endpoint.security_protocol));
  }
  return {};
}

Result<void> check_listeners(const BrokerConfig& config) {
  if (config.listeners.empty()) return fail(ErrorCode::invalid_config, "At least one listener must be defined.");
  if (auto checked = check_protocols(config); !checked) return checked;
  const auto& advertised = config.advertised_listeners;
  if (!has_listener(advertised, config.inter_broker_listener_name)) {
    return fail(ErrorCode::invalid_config,
                fmt::format("inter.broker.listener.name must be a listener name defined in advertised.listeners. "
                            "The valid options based on currently configured listeners are {}",
                            names_of(advertised)));
  }
  for (const Endpoint& endpoint : advertised) {
    if (!has_listener(config.listeners, endpoint.listener)) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("advertised.listeners listener names must be equal to or a subset of the ones defined in "
                              "listeners. Found {}. The valid options based on the current configuration are {}",
                              names_of(advertised), names_of(config.listeners)));
    }
    if (config.advertised_listeners_set && (endpoint.host == "0.0.0.0" || endpoint.host == "::")) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("advertised.listeners cannot use the nonroutable meta-address {}. "
                              "Use a routable IP address.",
                              endpoint.host));
    }
  }
  if (!config.control_plane_listener_name) return {};
  if (!has_listener(advertised, *config.control_plane_listener_name)) {
    return fail(ErrorCode::invalid_config,
                fmt::format("control.plane.listener.name must be a listener name defined in advertised.listeners. "
                            "The valid options based on currently configured listeners are {}",
                            names_of(advertised)));
  }
  return require_all({{*config.control_plane_listener_name != config.inter_broker_listener_name,
                       "control.plane.listener.name, when defined, should have a different value from the inter broker "
                       "listener name."}});
}

Result<void> check_logs(const BrokerConfig& config) {
  const std::int64_t retention_ms = effective_milliseconds(config.values, "log.retention.ms");
  const std::int64_t threads = std::max<std::int32_t>(1, config.log_cleaner_threads);
  return require_all({
      {effective_milliseconds(config.values, "log.roll.ms") >= 1, "log.roll.ms must be greater than or equal to 1"},
      {effective_milliseconds(config.values, "log.roll.jitter.ms") >= 0,
       "log.roll.jitter.ms must be greater than or equal to 0"},
      {retention_ms != 0, "log.retention.ms must be unlimited (-1) or, greater than or equal to 1"},
      {!config.log_dirs.empty(), "At least one log directory must be defined via log.dirs or log.dir."},
      {config.log_cleaner_dedupe_buffer_size / threads > 1024 * 1024,
       "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."},
  });
}

Result<void> check_limits(const BrokerConfig& config) {
  const std::int64_t queued = config.queued_max_request_bytes;
  return require_all({
      {queued <= 0 || queued >= config.socket_request_max_bytes,
       "queued.max.request.bytes must be larger or equal to socket.request.max.bytes"},
      {config.max_connections_per_ip != 0 || !config.max_connections_per_ip_overrides.empty(),
       "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."},
      {config.replica_fetch_wait_max_ms <= config.replica_socket_timeout_ms,
       "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary socket "
       "timeouts"},
      {config.replica_fetch_wait_max_ms <= config.replica_lag_time_max_ms,
       "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent frequent "
       "changes in ISR"},
      {config.default_replication_factor >= 1, "default.replication.factor must be at least 1"},
      {config.offsets_topic_compression_codec >= 0 && config.offsets_topic_compression_codec <= 4,
       "offsets.topic.compression.codec must be from 0 to 4: none, gzip, snappy, lz4, zstd"},
      {config.group_min_session_timeout_ms <= config.group_max_session_timeout_ms,
       "group.min.session.timeout.ms must not be greater than group.max.session.timeout.ms"},
  });
}

}  // namespace

bool differs_from_default(const ConfigDefinition& definition, std::string_view value) {
  const std::string normalized = normalized_value(definition, value);
  if (!definition.default_value) return !normalized.empty();
  return normalized != normalized_value(definition, *definition.default_value);
}

Result<void> check_values(const Properties& values) {
  for (const auto& [name, value] : values) {
    if (name.starts_with("config.providers")) {
      return fail(ErrorCode::invalid_config,
                  name + " is refused: values can't come from Java classes, and ${…} would be taken literally");
    }
    const ConfigDefinition* row = find_broker_config(name);
    if (row == nullptr) continue;
    // A blank value of a setting that may be unset means unset, as container files write it.
    const bool blank_is_unset = !row->default_value && trim(value).empty();
    if (!blank_is_unset) {
      if (auto valid = validate_value(*row, value); !valid) return valid;
    }
    if (row->support == Support::refused && differs_from_default(*row, value)) {
      return fail(ErrorCode::invalid_config, fmt::format("{} is refused: {}", name, row->reason));
    }
  }
  return {};
}

Result<void> check_together(const BrokerConfig& config) {
  for (const auto check : {check_identity, check_kraft, check_listeners, check_logs, check_limits}) {
    if (auto checked = check(config); !checked) return checked;
  }
  return {};
}

}  // namespace broker
