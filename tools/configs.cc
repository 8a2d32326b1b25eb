#include "tools/configs.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "protocol/messages/describe_configs.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "tools/command.h"
#include "tools/group_state.h"
#include "tools/text.h"

namespace tools {
namespace {

using broker::client::Cluster, broker::client::Reply;
using protocol::BrokerId, protocol::DescribeConfigsResponse, protocol::ErrorCode, protocol::fail, protocol::Result;
using Config = DescribeConfigsResponse::DescribeConfigsResourceResult;
using Configs = DescribeConfigsResponse::DescribeConfigsResult;

constexpr std::int8_t source_default = 5;
constexpr std::int8_t operation_set = 0, operation_delete = 1;
constexpr std::string_view all_brokers = "all brokers";

std::string_view kind_name(ConfigKind kind) {
  if (kind == ConfigKind::topic) return "topic";
  return kind == ConfigKind::broker ? "broker" : "group";
}

// "topic orders", "broker 1", "all brokers".
std::string title(const ConfigResource& resource) {
  if (resource.kind == ConfigKind::broker && resource.name.empty()) return std::string(all_brokers);
  return fmt::format("{} {}", kind_name(resource.kind), resource.name);
}

// A broker answers for itself only; everything else any may answer, and the controller is surest to know.
template <typename Request>
auto call(Cluster& cluster, const ConfigResource& resource, const Request& request) {
  BrokerId id = cluster.controller_id();
  if (resource.kind == ConfigKind::broker && !resource.name.empty()) id = std::atoi(resource.name.c_str());
  return cluster.call_broker(id, request);
}

Result<std::vector<ConfigResource>> resources(Cluster& cluster, const DescribeConfigs& wanted) {
  std::vector<ConfigResource> found;
  for (const std::string& name : wanted.names) found.push_back({wanted.kind, name});
  if (!found.empty()) return found;
  if (wanted.kind == ConfigKind::broker) {
    for (const auto& [id, address] : cluster.brokers()) found.push_back({wanted.kind, std::to_string(id)});
  } else if (wanted.kind == ConfigKind::group) {
    const auto groups = list_all_groups(cluster, {});
    if (!groups) return std::unexpected(groups.error());
    for (const ListedGroup& group : *groups) found.push_back({wanted.kind, group.group});
  } else {
    const auto metadata = cluster.metadata(std::nullopt);
    if (!metadata) return std::unexpected(metadata.error());
    for (const auto& topic : (*metadata)->topics) {
      if (!topic.is_internal && topic.name) found.push_back({wanted.kind, topic.name->str()});
    }
    std::ranges::sort(found, {}, &ConfigResource::name);
  }
  return found;
}

Result<Reply<DescribeConfigsResponse>> ask(Cluster& cluster, const ConfigResource& resource) {
  protocol::DescribeConfigsRequest request{.include_synonyms = true};
  request.resources.push_back({.resource_type = static_cast<std::int8_t>(resource.kind),
                               .resource_name = std::string_view(resource.name),
                               .configuration_keys = std::nullopt});
  auto reply = call(cluster, resource, request);
  if (!reply) return reply;
  if ((*reply)->results.empty()) return fail(ErrorCode::unknown_server_error, "The broker's answer lacks the resource");
  const Configs& configs = (*reply)->results.front();
  if (configs.error_code == ErrorCode::none) return reply;
  return fail(configs.error_code, describe(configs.error_code, configs.error_message));
}

std::string_view shown(const Config& config, const std::optional<protocol::String>& value) {
  if (config.is_sensitive) return "(hidden)";
  return value ? value->view() : "(none)";
}

// What stays when the value is unset: the next in the order of precedence.
std::string otherwise(const Config& config) {
  for (const auto& synonym : config.synonyms) {
    if (synonym.source == config.config_source) continue;
    const std::string_view from = source_name(synonym.source);
    return fmt::format("; otherwise {} ({}{})", shown(config, synonym.value), from,
                       synonym.name == config.name ? std::string() : fmt::format(", {}", synonym.name.view()));
  }
  return {};
}

void print(const Config& config) {
  fmt::print("  {} = {}\n", config.name.view(), shown(config, config.value));
  if (config.config_source == source_default) return;
  const std::string text = fmt::format("{}{}{}", source_name(config.config_source), otherwise(config),
                                       config.read_only ? "; needs a restart to change" : "");
  for (const std::string& line : wrapped_words(text, 72)) fmt::print("      {}\n", line);
}

void write_value(JsonWriter& json, const Config& config, const std::optional<protocol::String>& value) {
  json.name("value");
  if (value && !config.is_sensitive) {
    json.value(value->view());
  } else {
    json.null();
  }
}

void write(JsonWriter& json, const Config& config) {
  json.begin_object().field("name", config.name.view());
  write_value(json, config, config.value);
  json.field("source", source_name(config.config_source)).field("read_only", config.read_only);
  json.field("sensitive", config.is_sensitive).name("synonyms").begin_array();
  for (const auto& synonym : config.synonyms) {
    json.begin_object().field("name", synonym.name.view());
    write_value(json, config, synonym.value);
    json.field("source", source_name(synonym.source)).end_object();
  }
  json.end_array().end_object();
}

void print(const ConfigResource& resource, std::vector<const Config*> configs) {
  fmt::print("{}\n", title(resource));
  std::ranges::sort(configs, {}, [](const Config* config) { return config->name.view(); });
  for (const Config* config : configs) print(*config);
  if (configs.empty()) fmt::print("  nothing but defaults; --all shows them\n");
}

}  // namespace

std::string_view source_name(std::int8_t source) {
  switch (source) {
    case 1:
      return "topic";
    case 2:
      return "broker";
    case 3:
      return all_brokers;
    case 4:
      return "broker's file";
    case source_default:
      return "default";
    case 8:
      return "group";
    default:
      return "unknown source";
  }
}

int describe_configs(const SessionOptions& session, const DescribeConfigs& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const auto found = resources(*cluster, wanted);
  if (!found) return report(found.error());
  JsonWriter json;
  json.begin_array();
  std::size_t failures = 0;
  for (const ConfigResource& resource : *found) {
    const auto reply = ask(*cluster, resource);
    if (!reply) {
      report(reply.error(), title(resource));
      ++failures;
      continue;
    }
    std::vector<const Config*> configs;
    for (const Config& config : (*reply)->results.front().configs) {
      if (wanted.all || config.config_source != source_default) configs.push_back(&config);
    }
    if (session.json) {
      json.begin_object().field("type", kind_name(resource.kind)).field("name", std::string_view(resource.name));
      json.name("configs").begin_array();
      for (const Config* config : configs) write(json, *config);
      json.end_array().end_object();
    } else {
      print(resource, std::move(configs));
    }
  }
  if (session.json) fmt::print("{}\n", json.end_array().text());
  if (failures == 0) return exit_code::ok;
  return failures < found->size() ? exit_code::partly : exit_code::failed;
}

int alter_configs(const SessionOptions& session, const AlterConfigs& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  protocol::IncrementalAlterConfigsRequest request{.validate_only = wanted.validate_only};
  auto& resource = request.resources.emplace_back();
  resource.resource_type = static_cast<std::int8_t>(wanted.resource.kind);
  resource.resource_name = std::string_view(wanted.resource.name);
  for (const auto& [key, value] : wanted.set) {
    resource.configs.push_back(
        {.name = std::string_view(key), .config_operation = operation_set, .value = std::string_view(value)});
  }
  for (const std::string& key : wanted.unset) {
    resource.configs.push_back(
        {.name = std::string_view(key), .config_operation = operation_delete, .value = std::nullopt});
  }
  const auto reply = call(*cluster, wanted.resource, request);
  if (!reply) return report(reply.error(), title(wanted.resource));
  Outcomes outcomes(session, kind_name(wanted.resource.kind), wanted.validate_only ? "could alter" : "altered");
  for (const auto& result : (*reply)->responses) {
    outcomes.add(session.json ? wanted.resource.name : title(wanted.resource), result.error_code, result.error_message);
  }
  return outcomes.finish();
}

}  // namespace tools
