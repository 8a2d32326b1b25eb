// FindCoordinator (API key 10, v0-v6).
//   v1 transactional ids (KIP-98)   v4 several keys (KIP-699)   v6 share groups (KIP-932)
// Follows KafkaApis.handleFindCoordinatorRequest of Kafka 3.9. Where Kafka answers COORDINATOR_NOT_AVAILABLE while it
// creates __consumer_offsets, this waits for it a little: the first client of a new broker gets its coordinator.
// Not done: transactional ids and share groups, whose coordinators don't exist yet (coordinator_not_available).
#include "broker/handlers/find_coordinator.h"

#include <utility>

#include "broker/group_coordinator.h"
#include "broker/groups/internal_topics.h"

namespace broker {

using protocol::ErrorCode;
using protocol::fail;
using protocol::Result;

namespace {

constexpr protocol::ApiVersion first_with_several_keys = 4, first_with_share_groups = 6;
constexpr std::int8_t group_key = 0, transaction_key = 1, share_key = 2;

protocol::FindCoordinatorResponse::Coordinator refusal(std::string_view key, const protocol::Error& error) {
  protocol::FindCoordinatorResponse::Coordinator answer;
  answer.key = key;
  answer.error_code = error.code;
  answer.error_message = protocol::String(error.text());
  answer.node_id = -1;
  answer.port = -1;
  return answer;
}

Result<void> check_key_type(std::int8_t key_type, protocol::ApiVersion version) {
  switch (key_type) {
    case group_key:
      return {};
    case transaction_key:
      return fail(ErrorCode::coordinator_not_available, "This broker has no transaction coordinator yet.");
    case share_key:
      if (version < first_with_share_groups) return fail(ErrorCode::invalid_request);
      return fail(ErrorCode::coordinator_not_available, "This broker has no coordinator of share groups yet.");
    default:
      return fail(ErrorCode::invalid_request);
  }
}

}  // namespace

awaitable<Result<FindCoordinatorHandler::Answer>> FindCoordinatorHandler::find_group(RequestContext& context,
                                                                                     std::string_view group_id) const {
  const auto partition = [this, group_id = std::string(group_id)] { return groups_.partition_for(group_id); };
  const auto metadata = co_await topics_.with_leader(context, partition);
  if (!metadata) co_return std::unexpected(metadata.error());
  const PartitionMetadata* known = (*metadata)->partition(consumer_offsets_topic, partition());
  const BrokerMetadata* leader = known == nullptr ? nullptr : (*metadata)->broker(known->leader);
  const auto address = leader == nullptr ? std::nullopt : address_of_(context, *leader);
  if (!address) co_return fail(ErrorCode::coordinator_not_available);
  Answer answer;
  answer.key = group_id;
  answer.node_id = leader->id;
  answer.host = protocol::String(address->host);
  answer.port = address->port;
  co_return answer;
}

awaitable<FindCoordinatorHandler::Answer> FindCoordinatorHandler::find(RequestContext& context, std::int8_t key_type,
                                                                       std::string_view key) const {
  const auto checked = check_key_type(key_type, context.api_version());
  if (!checked) co_return refusal(key, checked.error());
  Result<Answer> found = co_await find_group(context, key);
  if (!found) co_return refusal(key, found.error());
  co_return std::move(*found);
}

awaitable<protocol::FindCoordinatorResponse> FindCoordinatorHandler::handle(RequestContext& context,
                                                                            const Request& request) const {
  Response response;
  if (context.api_version() >= first_with_several_keys) {
    for (const protocol::String& key : request.coordinator_keys) {
      Answer answer = co_await find(context, request.key_type, key);
      // As in Kafka, whose answers about several keys never carry a sentence of this kind.
      if (request.key_type == share_key && answer.error_code == ErrorCode::invalid_request)
        answer.error_message = protocol::String("");
      response.coordinators.push_back(std::move(answer));
    }
    co_return response;
  }
  const Answer answer = co_await find(context, request.key_type, request.key);
  response.error_code = answer.error_code;
  // Kafka says NONE here when there is no error, and only in these versions.
  response.error_message = answer.error_code == ErrorCode::none ? protocol::String("NONE") : answer.error_message;
  response.node_id = answer.node_id;
  response.host = answer.host;
  response.port = answer.port;
  co_return response;
}

}  // namespace broker
