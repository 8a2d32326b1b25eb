// JoinGroup (API key 11, v0-v9).
//   v1 rebalance timeout        v4 MEMBER_ID_REQUIRED (KIP-394)   v5 static members (KIP-345)
//   v7 protocol type (KIP-559)  v8 reason (KIP-800)               v9 skip assignment (KIP-814)
// Follows KafkaApis.handleJoinGroupRequest and GroupCoordinatorAdapter of Kafka 3.9.
#include "broker/handlers/join_group.h"

#include <algorithm>
#include <utility>

#include "broker/group_coordinator.h"
#include "broker/handlers/group_fields.h"

namespace broker {

namespace group = coordination::group;

namespace {

constexpr protocol::ApiVersion first_with_rebalance_timeout = 1, first_with_required_id = 4,
                               first_with_nullable_protocol = 7, first_with_skip_assignment = 9;

group::JoinCall to_call(const RequestContext& context, const protocol::JoinGroupRequest& request) {
  const protocol::ApiVersion version = context.api_version();
  group::JoinCall call{.group_id = request.group_id,
                       .member_id = request.member_id,
                       .instance_id = viewed(request.group_instance_id),
                       .client_id = context.client_id(),
                       .client_host = context.client_address(),
                       .session_timeout_ms = request.session_timeout_ms,
                       .rebalance_timeout_ms = request.rebalance_timeout_ms,
                       .protocol_type = request.protocol_type,
                       .requires_known_member_id = version >= first_with_required_id && !request.group_instance_id,
                       .supports_skip_assignment = version >= first_with_skip_assignment};
  if (version < first_with_rebalance_timeout) call.rebalance_timeout_ms = request.session_timeout_ms;
  if (request.reason) call.reason = *request.reason;
  for (const auto& protocol : request.protocols) {
    // A repeated name counts once, the first time.
    const bool is_known = std::ranges::any_of(
        call.protocols, [&](const group::MemberProtocol& known) { return known.name == protocol.name.view(); });
    if (!is_known) call.protocols.push_back({protocol.name.str(), std::string(protocol::as_text(protocol.metadata))});
  }
  return call;
}

protocol::JoinGroupResponse to_response(const group::JoinResult& result, protocol::ApiVersion version) {
  protocol::JoinGroupResponse response;
  response.error_code = result.error;
  response.generation_id = result.generation;
  response.protocol_type = owned(result.protocol_type);
  response.protocol_name = owned(result.protocol_name);
  if (!response.protocol_name && version < first_with_nullable_protocol) response.protocol_name.emplace();
  response.leader = result.leader_id;
  response.skip_assignment = result.skip_assignment;
  response.member_id = result.member_id;
  response.members.reserve(result.members.size());
  for (const group::JoinedMember& member : result.members) {
    auto& listed = response.members.emplace_back();
    listed.member_id = member.member_id;
    listed.group_instance_id = owned(member.instance_id);
    listed.metadata = owned_bytes(member.metadata);
  }
  return response;
}

}  // namespace

awaitable<protocol::JoinGroupResponse> JoinGroupHandler::handle(RequestContext& context, const Request& request) const {
  group::JoinCall call = to_call(context, request);
  group::JoinResult result = co_await groups_.join(context, std::move(call));
  co_return to_response(result, context.api_version());
}

}  // namespace broker
