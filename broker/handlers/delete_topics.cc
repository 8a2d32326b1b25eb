// DeleteTopics (API key 20, v0-v6).
//   v3 TOPIC_DELETION_DISABLED   v4 flexible   v5 messages (none is ever needed), strict controller_mutation_rate
//   (KIP-599)   v6 topic ids (KIP-516)
// Follows KafkaApis.handleDeleteTopicsRequest and ZkAdminManager.deleteTopics.
#include "broker/handlers/delete_topics.h"

#include <algorithm>
#include <map>

#include "broker/config/dynamic_config.h"
#include "coordination/cluster/controller.h"

namespace broker {

using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;
using protocol::ErrorCode;
using protocol::Result;

namespace {

constexpr protocol::ApiVersion first_strict_quota = 5;

// Of how many deleted topics a connection knows that it deleted them.
constexpr std::size_t remembered_max = 100;

using TopicResult = DeleteTopicsResponse::DeletableTopicResult;

// The topics of the request in one form: names up to version 5, names or ids later.
std::vector<DeleteTopicsRequest::DeleteTopicState> topics_of(const DeleteTopicsRequest& request,
                                                             protocol::ApiVersion version) {
  if (version >= 6) return request.topics;
  std::vector<DeleteTopicsRequest::DeleteTopicState> topics;
  for (const protocol::String& name : request.topic_names) topics.emplace_back().name = name;
  return topics;
}

TopicResult refuse(const DeleteTopicsRequest::DeleteTopicState& topic, ErrorCode error) {
  TopicResult result;
  result.name.reset();
  if (topic.name) result.name = protocol::String(topic.name->str());
  result.topic_id = topic.topic_id;
  result.error_code = error;
  return result;
}

}  // namespace

awaitable<DeleteTopicsResponse> DeleteTopicsHandler::handle(RequestContext& context, const Request& request) const {
  const auto wanted = topics_of(request, context.api_version());
  Response response;
  ErrorCode refusal = ErrorCode::none;
  if (!controller_.is_active()) {
    refusal = ErrorCode::not_controller;
  } else if (!config_.snapshot()->delete_topic_enable) {
    refusal = context.api_version() < 3 ? ErrorCode::invalid_request : ErrorCode::topic_deletion_disabled;
  } else if (std::ranges::any_of(wanted, [](const auto& t) { return t.name && !t.topic_id.is_zero(); })) {
    refusal = ErrorCode::invalid_request;
  }
  const MetadataCache::Snapshot now = metadata_.snapshot();
  std::map<std::string, std::vector<std::size_t>> positions;  // a topic may be named twice
  for (const auto& topic : wanted) {
    TopicResult& result = response.responses.emplace_back(refuse(topic, refusal));
    if (refusal != ErrorCode::none) continue;
    if (!topic.topic_id.is_zero()) {
      if (const TopicMetadata* known = now->topic(topic.topic_id)) result.name = protocol::String(known->name);
    }
    if (!result.name) {
      // Without a name and without an id there is nothing that anybody could be allowed to delete.
      result.error_code =
          topic.topic_id.is_zero() ? ErrorCode::topic_authorization_failed : ErrorCode::unknown_topic_id;
    } else if (!now->contains(result.name->view())) {
      result.error_code = ErrorCode::unknown_topic_or_partition;
    } else {
      positions[result.name->str()].push_back(response.responses.size() - 1);
    }
  }
  if (positions.empty()) co_return response;
  std::vector<std::string> names;
  MutationQuota quota(context.quotas(), context.api_version() >= first_strict_quota);
  for (const auto& [name, where] : positions) {
    const TopicMetadata* known = now->topic(name);
    const auto allowed = quota.take(known == nullptr ? 0 : static_cast<std::int64_t>(known->partitions.size()));
    if (allowed) names.push_back(name);
    for (const std::size_t position : where) response.responses[position].error_code = allowed.code();
  }
  quota.settle();
  if (names.empty()) co_return response;
  const std::vector<Result<void>> removed = co_await changes_.remove(context, names, request.timeout_ms);
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (const std::size_t position : positions[names[i]]) response.responses[position].error_code = removed[i].code();
    std::vector<std::string>& deleted = context.connection().deleted_topics;
    if (removed[i] && deleted.size() < remembered_max) deleted.push_back(names[i]);
  }
  co_return response;
}

}  // namespace broker
