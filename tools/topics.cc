#include "tools/topics.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "protocol/messages/create_partitions.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/describe_configs.h"
#include "protocol/messages/incremental_alter_configs.h"
#include "tools/command.h"
#include "tools/json_writer.h"
#include "tools/text.h"

namespace tools {
namespace {

using broker::client::Cluster, broker::client::Reply;
using protocol::ErrorCode, protocol::MetadataResponse, protocol::Result;
using Topic = MetadataResponse::MetadataResponseTopic;
using Partition = MetadataResponse::MetadataResponsePartition;
using ConfigsResult = protocol::DescribeConfigsResponse::DescribeConfigsResult;

constexpr std::int8_t topic_resource = 2;
constexpr std::int8_t source_topic = 1;  // set for this topic, not inherited
constexpr std::int8_t operation_set = 0, operation_delete = 1;

std::string_view name_of(const Topic& topic) { return topic.name ? topic.name->view() : std::string_view(); }

std::vector<const Topic*> sorted(const MetadataResponse& metadata) {
  std::vector<const Topic*> topics;
  for (const Topic& topic : metadata.topics) topics.push_back(&topic);
  std::ranges::sort(topics, {}, [](const Topic* topic) { return name_of(*topic); });
  return topics;
}

std::size_t replicas_of(const Topic& topic) {
  std::size_t most = 0;
  for (const Partition& partition : topic.partitions) most = std::max(most, partition.replica_nodes.size());
  return most;
}

std::size_t under_replicated(const Topic& topic) {
  return static_cast<std::size_t>(std::ranges::count_if(topic.partitions, [](const Partition& partition) {
    return partition.isr_nodes.size() < partition.replica_nodes.size();
  }));
}

std::size_t leaderless(const Topic& topic) {
  return static_cast<std::size_t>(
      std::ranges::count_if(topic.partitions, [](const Partition& partition) { return partition.leader_id < 0; }));
}

std::string health(const Topic& topic) {
  const std::size_t without = leaderless(topic), behind = under_replicated(topic);
  if (without > 0) return fmt::format("{} without a leader", without);
  return behind > 0 ? fmt::format("{} under-replicated", behind) : "ok";
}

std::string joined(const std::vector<std::int32_t>& numbers) { return fmt::format("{}", fmt::join(numbers, ",")); }

void write_json(JsonWriter& json, std::string_view name, const std::vector<std::int32_t>& numbers) {
  json.name(name).begin_array();
  for (const std::int32_t number : numbers) json.value(number);
  json.end_array();
}

Result<Reply<protocol::DescribeConfigsResponse>> configs_of(Cluster& cluster, const std::vector<const Topic*>& topics) {
  protocol::DescribeConfigsRequest request;
  for (const Topic* topic : topics) {
    request.resources.push_back(
        {.resource_type = topic_resource, .resource_name = name_of(*topic), .configuration_keys = std::nullopt});
  }
  return cluster.call_controller(request);
}

const ConfigsResult* find_configs(const protocol::DescribeConfigsResponse& configs, std::string_view topic) {
  const auto found =
      std::ranges::find_if(configs.results, [&](const ConfigsResult& result) { return result.resource_name == topic; });
  return found == configs.results.end() || found->error_code != ErrorCode::none ? nullptr : &*found;
}

template <typename Config>
bool is_shown(const Config& config, bool all) {
  return all || config.config_source == source_topic;
}

void print_topic(const Topic& topic, const ConfigsResult* configs, bool all_configs) {
  fmt::print("{}: {} partitions, replication {}, {}\n", name_of(topic), topic.partitions.size(), replicas_of(topic),
             health(topic));
  if (!topic.topic_id.is_zero()) fmt::print("  id {}\n", topic.topic_id.to_string());
  if (configs != nullptr) {
    for (const auto& config : configs->configs) {
      if (is_shown(config, all_configs)) {
        fmt::print("  {}={}\n", config.name.view(), config.value ? config.value->view() : "(hidden)");
      }
    }
  }
  Table table({"PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN SYNC"});
  auto partitions = topic.partitions;
  std::ranges::sort(partitions, {}, &Partition::partition_index);
  for (const Partition& partition : partitions) {
    table.add({std::to_string(partition.partition_index),
               partition.leader_id < 0 ? "none" : std::to_string(partition.leader_id),
               std::to_string(partition.leader_epoch), joined(partition.replica_nodes), joined(partition.isr_nodes)});
  }
  fmt::print("{}", table.text(2));
}

void write_topic(JsonWriter& json, const Topic& topic, const ConfigsResult* configs, bool all_configs) {
  json.begin_object().field("topic", name_of(topic));
  if (!topic.topic_id.is_zero()) json.field("id", topic.topic_id.to_string());
  json.field("internal", topic.is_internal).name("partitions").begin_array();
  for (const Partition& partition : topic.partitions) {
    json.begin_object().field("partition", partition.partition_index).field("leader", partition.leader_id);
    json.field("leader_epoch", partition.leader_epoch);
    write_json(json, "replicas", partition.replica_nodes);
    write_json(json, "isr", partition.isr_nodes);
    write_json(json, "offline", partition.offline_replicas);
    json.end_object();
  }
  json.end_array().name("configs").begin_object();
  if (configs != nullptr) {
    for (const auto& config : configs->configs) {
      if (!is_shown(config, all_configs)) continue;
      json.name(config.name.view());
      if (config.value) {
        json.value(config.value->view());
      } else {
        json.null();
      }
    }
  }
  json.end_object().end_object();
}

// Names that were asked for and are not there, told on stderr.
int report_missing(const std::vector<const Topic*>& topics) {
  int missing = 0;
  for (const Topic* topic : topics) {
    if (topic->error_code == ErrorCode::none || topic->error_code == ErrorCode::leader_not_available) continue;
    fmt::print(stderr, "barnabas: {}: {}\n", name_of(*topic), describe(topic->error_code));
    ++missing;
  }
  return missing;
}

}  // namespace

int list_topics(const SessionOptions& session, const ListTopics& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const auto metadata = cluster->metadata(std::nullopt);
  if (!metadata) return report(metadata.error());
  Table table({"TOPIC", "PARTITIONS", "REPLICAS", "STATE"});
  JsonWriter json;
  json.begin_array();
  for (const Topic* topic : sorted(**metadata)) {
    if (topic->is_internal && !wanted.internal) continue;
    table.add({std::string(name_of(*topic)), std::to_string(topic->partitions.size()),
               std::to_string(replicas_of(*topic)), health(*topic)});
    json.begin_object().field("topic", name_of(*topic)).field("partitions", topic->partitions.size());
    json.field("replicas", replicas_of(*topic)).field("internal", topic->is_internal);
    json.field("leaderless", leaderless(*topic)).field("under_replicated", under_replicated(*topic)).end_object();
  }
  json.end_array();
  fmt::print("{}\n", session.json ? json.text() : table.text().substr(0, table.text().size() - 1));
  return exit_code::ok;
}

int describe_topics(const SessionOptions& session, const DescribeTopics& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const auto metadata =
      cluster->metadata(wanted.names.empty() ? std::nullopt : std::optional<std::vector<std::string>>(wanted.names));
  if (!metadata) return report(metadata.error());
  auto topics = sorted(**metadata);
  const int missing = report_missing(topics);
  std::erase_if(topics, [&](const Topic* topic) {
    return topic->partitions.empty() || (wanted.names.empty() && topic->is_internal);
  });
  // Settings are shown where the user may see them; without the right to, the rest is still worth having.
  const auto configs = configs_of(*cluster, topics);
  JsonWriter json;
  json.begin_array();
  for (const Topic* topic : topics) {
    const ConfigsResult* settings = configs ? find_configs(**configs, name_of(*topic)) : nullptr;
    if (session.json) {
      write_topic(json, *topic, settings, wanted.all_configs);
    } else {
      print_topic(*topic, settings, wanted.all_configs);
    }
  }
  if (session.json) fmt::print("{}\n", json.end_array().text());
  if (missing == 0) return exit_code::ok;
  return topics.empty() ? exit_code::failed : exit_code::partly;
}

int create_topics(const SessionOptions& session, const CreateTopics& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  protocol::CreateTopicsRequest request{.timeout_ms = session.timeout_s * 1000, .validate_only = wanted.validate_only};
  for (const std::string& name : wanted.names) {
    auto& topic = request.topics.emplace_back();
    topic.name = std::string_view(name);
    topic.num_partitions = wanted.partitions;
    topic.replication_factor = wanted.replication_factor;
    for (const auto& [key, value] : wanted.configs) {
      topic.configs.push_back({.name = std::string_view(key), .value = std::string_view(value)});
    }
  }
  const auto reply = cluster->call_controller(request);
  if (!reply) return report(reply.error());
  Outcomes outcomes(session, "topic", wanted.validate_only ? "could create" : "created");
  for (const auto& topic : (*reply)->topics) {
    const bool tolerated = wanted.if_not_exists && topic.error_code == ErrorCode::topic_already_exists;
    outcomes.add(topic.name, topic.error_code, topic.error_message, tolerated);
  }
  return outcomes.finish();
}

int delete_topics(const SessionOptions& session, const DeleteTopics& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  std::vector<std::string> names = wanted.names;
  if (wanted.all) {
    const auto metadata = cluster->metadata(std::nullopt);
    if (!metadata) return report(metadata.error());
    for (const Topic* topic : sorted(**metadata)) {
      if (!topic->is_internal) names.emplace_back(name_of(*topic));
    }
  }
  auto controller = cluster->controller();
  if (!controller) return report(controller.error());
  const auto version = (*controller)->pick(protocol::DeleteTopicsRequest::api_key);
  if (!version) return report(version.error());
  protocol::DeleteTopicsRequest request{.timeout_ms = session.timeout_s * 1000};
  for (const std::string& name : names) {
    if (*version >= 6) {
      request.topics.push_back({.name = std::string_view(name)});
    } else {
      request.topic_names.emplace_back(std::string_view(name));
    }
  }
  const auto reply = (*controller)->call(request, *version);
  if (!reply) return report(reply.error());
  Outcomes outcomes(session, "topic", "deleted");
  for (const auto& topic : (*reply)->responses) {
    // With --all another one may have deleted it meanwhile.
    const bool tolerated =
        (wanted.if_exists || wanted.all) && topic.error_code == ErrorCode::unknown_topic_or_partition;
    outcomes.add(topic.name ? topic.name->view() : "?", topic.error_code, topic.error_message, tolerated);
  }
  return outcomes.finish();
}

int alter_topic(const SessionOptions& session, const AlterTopic& wanted) {
  if (wanted.partitions < 0 && wanted.set.empty() && wanted.reset.empty()) {
    fmt::print(stderr, "barnabas: nothing to change; give --partitions, --config or --reset\n");
    return exit_code::usage;
  }
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  Outcomes outcomes(session, "topic", "altered");
  if (!wanted.set.empty() || !wanted.reset.empty()) {
    protocol::IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = topic_resource;
    resource.resource_name = std::string_view(wanted.name);
    for (const auto& [key, value] : wanted.set) {
      resource.configs.push_back(
          {.name = std::string_view(key), .config_operation = operation_set, .value = std::string_view(value)});
    }
    for (const std::string& key : wanted.reset) {
      resource.configs.push_back(
          {.name = std::string_view(key), .config_operation = operation_delete, .value = std::nullopt});
    }
    const auto reply = cluster->call_controller(request);
    if (!reply) return report(reply.error());
    for (const auto& result : (*reply)->responses) {
      outcomes.add(result.resource_name, result.error_code, result.error_message, false);
    }
  }
  if (wanted.partitions >= 0) {
    protocol::CreatePartitionsRequest request{.timeout_ms = session.timeout_s * 1000};
    request.topics.push_back(
        {.name = std::string_view(wanted.name), .count = wanted.partitions, .assignments = std::nullopt});
    const auto reply = cluster->call_controller(request);
    if (!reply) return report(reply.error());
    for (const auto& result : (*reply)->results) {
      outcomes.add(result.name, result.error_code, result.error_message, false);
    }
  }
  return outcomes.finish();
}

}  // namespace tools
