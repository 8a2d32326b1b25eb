#include "broker/config/config_admin.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "broker/config/definition.h"
#include "broker/config/loggers.h"
#include "broker/config/text.h"
#include "broker/config/topic_config.h"
#include "coordination/cluster/config_store.h"
#include "protocol/topic_name.h"

namespace broker {
namespace {

using coordination::cluster::default_entity;
using protocol::ErrorCode, protocol::fail, protocol::Result;
using Entries = std::vector<ConfigEntry>;

std::string_view type_text(ResourceType type) {
  switch (type) {
    case ResourceType::topic:
      return "TOPIC";
    case ResourceType::broker:
      return "BROKER";
    case ResourceType::broker_logger:
      return "BROKER_LOGGER";
    case ResourceType::client_metrics:
      return "CLIENT_METRICS";
    case ResourceType::unknown:
      break;
  }
  return "UNKNOWN";
}

// Items without blanks cut off: a list is changed as the client wrote it.
std::vector<std::string> raw_items(std::string_view text) {
  std::vector<std::string> items;
  for (;;) {
    const std::size_t comma = text.find(',');
    items.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  // Java's split drops empty items at the end.
  while (items.size() > 1 && items.back().empty()) items.pop_back();
  return items;
}

std::string with_items(std::string_view list, std::string_view added) {
  std::vector<std::string> items;
  if (!list.empty()) items = raw_items(list);
  const std::vector<std::string> before = items;
  for (std::string& item : raw_items(added)) {
    if (std::ranges::find(before, item) == before.end()) items.push_back(std::move(item));
  }
  return fmt::format("{}", fmt::join(items, ","));
}

std::string without_items(std::string_view list, std::string_view removed) {
  std::vector<std::string> items = raw_items(list);
  for (const std::string& item : raw_items(removed)) {
    if (const auto found = std::ranges::find(items, item); found != items.end()) items.erase(found);
  }
  return fmt::format("{}", fmt::join(items, ","));
}

using FindRow = const ConfigDefinition* (*)(std::string_view);

Result<void> check_operation(const ConfigChange& change) {
  if (change.operation >= AlterOperation::set && change.operation <= AlterOperation::subtract) return {};
  return fail(ErrorCode::invalid_request,
              fmt::format("Unknown operations type {}", static_cast<int>(change.operation)));
}

// One step of an incremental change on `values`.
Result<void> apply_change(const ConfigChange& change, FindRow find_row, Properties& values) {
  if (auto checked = check_operation(change); !checked) return checked;
  switch (change.operation) {
    case AlterOperation::set:
      values.insert_or_assign(change.name, *change.value);
      return {};
    case AlterOperation::remove:
      values.erase(change.name);
      return {};
    case AlterOperation::append:
    case AlterOperation::subtract:
      break;
  }
  const bool append = change.operation == AlterOperation::append;
  const ConfigDefinition* row = find_row(change.name);
  // Kafka stumbles over the missing name here, and answers so.
  if (row == nullptr) return fail(ErrorCode::unknown_server_error);
  if (row->type != ConfigType::list) {
    return fail(ErrorCode::invalid_config, fmt::format("Config value {} is not allowed for config key: {}",
                                                       append ? "append" : "subtract", change.name));
  }
  const std::string* current = find_property(values, change.name);
  const std::string list = current != nullptr ? *current : std::string(row->default_value.value_or(""));
  values.insert_or_assign(change.name, append ? with_items(list, *change.value) : without_items(list, *change.value));
  return {};
}

// What the resource shall hold afterwards. `stored` is what it holds now.
Result<Properties> wanted_values(const ResourceChange& resource, FindRow find_row, Properties stored) {
  for (const ConfigChange& change : resource.changes) {
    if (auto applied = apply_change(change, find_row, stored); !applied) return std::unexpected(applied.error());
  }
  return stored;
}

Properties replacement(const ResourceChange& resource) {
  Properties values;
  for (const ConfigChange& change : resource.changes) values.emplace(change.name, *change.value);
  return values;
}

// Kafka says whose value is wrong when its ConfigDef refused it, and not when a rule of its own did.
Result<void> naming_resource(const ResourceChange& resource, Result<void> result) {
  if (result) return result;
  std::string& message = result.error().message;
  if (message.starts_with("Invalid value ") || message.starts_with("Tiered Storage ")) {
    message = fmt::format("Invalid config value for resource ConfigResource(type={}, name='{}'): {}",
                          type_text(resource.type), resource.name, message);
  }
  return result;
}

// What a log may show of a change.
std::string shown(const Properties& values, FindRow find_row) {
  std::vector<std::string> items;
  for (const auto& [name, value] : values) {
    const ConfigDefinition* row = find_row(name);
    items.push_back(fmt::format("{}={}", name, row == nullptr || row->sensitive() ? "[hidden]" : value));
  }
  return items.empty() ? "nothing" : fmt::format("{}", fmt::join(items, ", "));
}

Result<std::int64_t> integer_name(std::string_view kind, std::string_view name) {
  const auto id = parse_int64(name);
  if (id && *id >= INT32_MIN && *id <= INT32_MAX) return *id;
  return fail(ErrorCode::invalid_request, fmt::format("{} id must be an integer, but it is: {}", kind, name));
}

}  // namespace

ConfigAdmin::Outcomes ConfigAdmin::replace(const std::vector<ResourceChange>& resources, bool validate_only) const {
  return apply_all(resources, false, validate_only);
}

ConfigAdmin::Outcomes ConfigAdmin::change(const std::vector<ResourceChange>& resources, bool validate_only) const {
  return apply_all(resources, true, validate_only);
}

ConfigAdmin::Outcomes ConfigAdmin::apply_all(const std::vector<ResourceChange>& resources, bool incremental,
                                             bool validate_only) const {
  std::multiset<std::pair<ResourceType, std::string_view>> seen;
  for (const ResourceChange& resource : resources) seen.emplace(resource.type, resource.name);
  const protocol::MutexLock lock(changes_);
  Outcomes outcomes;
  outcomes.reserve(resources.size());
  for (const ResourceChange& resource : resources) {
    Result<void> outcome;
    if (seen.count({resource.type, resource.name}) > 1) {
      outcome = fail(ErrorCode::invalid_request, "Each resource must appear at most once.");
    } else {
      outcome = check_shape(resource, incremental);
      if (outcome) outcome = apply(resource, incremental, validate_only);
    }
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

Result<void> ConfigAdmin::check_shape(const ResourceChange& resource, bool incremental) const {
  std::set<std::string_view> names;
  std::vector<std::string_view> nulls;
  for (const ConfigChange& change : resource.changes) {
    if (!names.insert(change.name).second) {
      return fail(ErrorCode::invalid_request, "Error due to duplicate config keys");
    }
    const bool needs_value = !incremental || change.operation != AlterOperation::remove;
    if (needs_value && !change.value) nulls.push_back(change.name);
  }
  if (nulls.empty()) return {};
  return fail(ErrorCode::invalid_request, fmt::format("Null value not supported for : {}", fmt::join(nulls, ", ")));
}

Result<void> ConfigAdmin::apply(const ResourceChange& resource, bool incremental, bool validate_only) const {
  switch (resource.type) {
    case ResourceType::topic:
      return naming_resource(resource, apply_to_topic(resource, incremental, validate_only));
    case ResourceType::broker:
      return apply_to_broker(resource, incremental, validate_only);
    case ResourceType::broker_logger:
      if (!incremental) break;
      if (const auto id = integer_name("Node", resource.name); !id) return std::unexpected(id.error());
      if (auto checked = check_node_id(resource.name); !checked) return checked;
      return change_log_levels(resource.changes, validate_only);
    case ResourceType::client_metrics:
      return fail(ErrorCode::invalid_request,
                  "AlterConfigs is only supported for topics and brokers, but resource type is CLIENT_METRICS");
    default:
      break;
  }
  return fail(ErrorCode::invalid_request, fmt::format("Unknown resource type {}", static_cast<int>(resource.type)));
}

Result<void> ConfigAdmin::apply_to_topic(const ResourceChange& resource, bool incremental, bool validate_only) const {
  if (resource.name.empty()) return fail(ErrorCode::invalid_request, "Default topic resources are not allowed.");
  Properties wanted;
  if (incremental) {
    // No store has a place for such a name. Kafka notices it here, and answers with this code.
    if (resource.name == "." || resource.name == "..") {
      return fail(ErrorCode::invalid_config, fmt::format("Topic name is invalid: '{}' is not allowed", resource.name));
    }
    auto stored = repository_.topic(resource.name);
    if (!stored) return std::unexpected(stored.error());
    auto changed = wanted_values(resource, find_topic_config, std::move(*stored));
    if (!changed) return std::unexpected(changed.error());
    wanted = std::move(*changed);
  } else {
    wanted = replacement(resource);
  }
  if (!topic_exists_(resource.name)) {
    return fail(ErrorCode::unknown_topic_or_partition, fmt::format("The topic '{}' does not exist.", resource.name));
  }
  if (auto valid = validate_topic_config(wanted, *broker_.snapshot()); !valid) return valid;
  if (validate_only) return {};
  if (auto written = repository_.set_topic(resource.name, wanted); !written) return written;
  spdlog::info("Topic {} has its own settings now: {}", resource.name, shown(wanted, find_topic_config));
  // The notification brings it too, a little later; whoever got the answer may rely on it already.
  topics_.set_overrides(resource.name, std::move(wanted));
  return {};
}

Result<void> ConfigAdmin::apply_to_broker(const ResourceChange& resource, bool incremental, bool validate_only) const {
  const bool whole_cluster = resource.name.empty();
  if (!whole_cluster) {
    if (auto checked = check_node_id(resource.name); !checked) return checked;
  }
  const std::string entity = whole_cluster ? std::string(default_entity) : resource.name;
  Properties wanted;
  if (incremental) {
    // Of brokers all operations are looked at first, of topics each when it is its turn.
    for (const ConfigChange& change : resource.changes) {
      if (auto checked = check_operation(change); !checked) return checked;
    }
    auto stored = repository_.brokers(entity);
    if (!stored) return std::unexpected(stored.error());
    auto changed = wanted_values(resource, find_broker_config, std::move(*stored));
    if (!changed) return std::unexpected(changed.error());
    wanted = std::move(*changed);
  } else {
    wanted = replacement(resource);
  }
  auto valid = whole_cluster ? broker_.validate_cluster_values(wanted) : broker_.validate_broker_values(wanted);
  if (!valid || validate_only) return valid;
  if (auto written = repository_.set_brokers(entity, wanted); !written) return written;
  spdlog::info("{} has these dynamic settings now: {}", whole_cluster ? "The cluster" : "This broker",
               shown(wanted, find_broker_config));
  if (whole_cluster) {
    broker_.set_cluster_values(wanted);
  } else {
    broker_.set_broker_values(wanted);
  }
  return {};
}

Result<void> ConfigAdmin::check_node_id(std::string_view name) const {
  const auto id = integer_name("Node", name);
  if (!id) return std::unexpected(id.error());
  const auto own_id = broker_.snapshot()->broker_id;
  if (*id == own_id) return {};
  return fail(ErrorCode::invalid_request,
              fmt::format("Unexpected broker id, expected {}, but received {}", own_id, name));
}

Result<Entries> ConfigAdmin::describe(ResourceType type, const std::string& name) const {
  switch (type) {
    case ResourceType::topic:
      return describe_topic_resource(name);
    case ResourceType::broker:
      return describe_broker_resource(name);
    case ResourceType::broker_logger:
      return describe_loggers(name);
    case ResourceType::client_metrics:
      return fail(ErrorCode::invalid_request, name.empty()
                                                  ? "Client metrics subscription name must not be empty"
                                                  : "Config type client-metrics is only supported on KRaft clusters");
    case ResourceType::unknown:
      break;
  }
  return fail(ErrorCode::invalid_request, "Unsupported resource type: UNKNOWN");
}

Result<Entries> ConfigAdmin::describe_topic_resource(const std::string& name) const {
  if (auto valid = protocol::check_topic_name(name); !valid) return std::unexpected(valid.error());
  if (!topic_exists_(name)) return fail(ErrorCode::unknown_topic_or_partition);
  auto overrides = repository_.topic(name);
  if (!overrides) return std::unexpected(overrides.error());
  return describe_topic(*overrides, *broker_.snapshot(), broker_.layers());
}

Result<Entries> ConfigAdmin::describe_broker_resource(const std::string& name) const {
  if (name.empty()) return describe_cluster_defaults(broker_.layers());
  const auto id = integer_name("Broker", name);
  if (!id) return std::unexpected(id.error());
  const auto broker = broker_.snapshot();
  if (*id != broker->broker_id) {
    return fail(
        ErrorCode::invalid_request,
        fmt::format("Unexpected broker id, expected {} or empty string, but received {}", broker->broker_id, name));
  }
  return describe_broker(*broker, broker_.layers());
}

Result<Entries> ConfigAdmin::describe_loggers(const std::string& name) const {
  if (name.empty()) return fail(ErrorCode::invalid_request, "Broker id must not be empty");
  const auto id = integer_name("Broker", name);
  if (!id) return std::unexpected(id.error());
  const auto own_id = broker_.snapshot()->broker_id;
  if (*id != own_id) {
    return fail(ErrorCode::invalid_request,
                fmt::format("Unexpected broker id, expected {} but received {}", own_id, name));
  }
  ConfigEntry root;
  root.name = "root";
  root.value = std::string(root_log_level());
  root.source = ConfigSource::dynamic_broker_logger;
  return Entries{std::move(root)};
}

}  // namespace broker
