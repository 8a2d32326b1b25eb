// CreateTopics (API key 19, v0-v7).
//   v1 validate_only, messages   v4 default partitions and replicas (KIP-464)   v5 configs in the answer (KIP-525)
//   v6 strict controller_mutation_rate (KIP-599)   v7 topic ids (KIP-516)
// Follows KafkaApis.handleCreateTopicsRequest and ZkAdminManager.createTopics.
#include "broker/handlers/create_topics.h"

#include <map>

#include "broker/config/config_entry.h"
#include "broker/config/dynamic_config.h"
#include "broker/handlers/error_message.h"
#include "coordination/cluster/controller.h"

namespace broker {

using coordination::cluster::CreatedTopic;
using coordination::cluster::NewTopic;
using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;
using protocol::ErrorCode;
using protocol::Result;

namespace {

using TopicResult = CreateTopicsResponse::CreatableTopicResult;

constexpr protocol::ApiVersion first_strict_quota = 6;
constexpr std::string_view cluster_metadata_topic = "__cluster_metadata";

NewTopic to_new_topic(const CreateTopicsRequest::CreatableTopic& wanted) {
  NewTopic topic{.name = wanted.name.str(),
                 .partition_count = wanted.num_partitions,
                 .replication_factor = wanted.replication_factor};
  for (const auto& partition : wanted.assignments) topic.assignment[partition.partition_index] = partition.broker_ids;
  for (const auto& config : wanted.configs) {
    topic.config.emplace_back(config.name.str(),
                              config.value ? std::optional(config.value->str()) : std::optional<std::string>());
  }
  return topic;
}

void set_error(TopicResult& result, ErrorCode code, std::optional<protocol::String> message) {
  result.error_code = code;
  result.error_message = std::move(message);
}

}  // namespace

// The configuration that the topic has now, as DescribeConfigs would show it.
void CreateTopicsHandler::fill(TopicResult& result, const CreatedTopic& created) const {
  result.topic_id = created.id;
  result.num_partitions = created.partition_count;
  result.replication_factor = created.replication_factor;
  const Properties overrides(created.config.begin(), created.config.end());
  for (const ConfigEntry& entry : describe_topic(overrides, *config_.snapshot(), config_.layers())) {
    auto& config = result.configs->emplace_back();
    config.name = entry.name;
    config.value.reset();
    if (entry.value) config.value = protocol::String(*entry.value);
    config.read_only = entry.read_only;
    config.config_source = static_cast<std::int8_t>(entry.source);
    config.is_sensitive = entry.sensitive;
  }
}

awaitable<CreateTopicsResponse> CreateTopicsHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  std::map<std::string, int, std::less<>> counts;
  for (const auto& topic : request.topics) ++counts[topic.name.str()];
  const bool active = controller_.is_active();
  std::vector<NewTopic> topics;
  std::vector<std::size_t> positions;
  for (const auto& topic : request.topics) {
    TopicResult& result = response.topics.emplace_back();
    result.name = topic.name.str();
    result.error_message.reset();
    if (!active) {
      set_error(result, ErrorCode::not_controller, std::nullopt);
    } else if (topic.name == cluster_metadata_topic) {
      set_error(result, ErrorCode::invalid_request, "Creation of internal topic __cluster_metadata is prohibited.");
    } else if (counts.find(topic.name.view())->second > 1) {
      set_error(result, ErrorCode::invalid_request, "Found multiple entries for this topic.");
    } else {
      topics.push_back(to_new_topic(topic));
      positions.push_back(response.topics.size() - 1);
    }
  }
  if (topics.empty()) co_return response;
  MutationQuota quota(context.quotas(), context.api_version() >= first_strict_quota);
  const auto admit = [&quota](std::int64_t partitions) { return quota.take(partitions); };
  const std::vector<Result<CreatedTopic>> created =
      co_await changes_.create(context, topics, request.timeout_ms, request.validate_only, admit);
  quota.settle();
  for (std::size_t i = 0; i < created.size(); ++i) {
    TopicResult& result = response.topics[positions[i]];
    if (created[i]) {
      fill(result, *created[i]);
    } else {
      set_error(result, created[i].code(), error_message(created[i].error()));
    }
  }
  co_return response;
}

}  // namespace broker
