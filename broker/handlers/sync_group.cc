// SyncGroup (API key 14, v0-v5).
//   v3 static members (KIP-345)   v5 protocol type and name are mandatory (KIP-559)
// Follows KafkaApis.handleSyncGroupRequest of Kafka 3.9.
#include "broker/handlers/sync_group.h"

#include <utility>

#include "broker/group_coordinator.h"
#include "broker/handlers/group_fields.h"

namespace broker {

namespace group = coordination::group;

namespace {

constexpr protocol::ApiVersion first_with_mandatory_protocol = 5;

}  // namespace

awaitable<protocol::SyncGroupResponse> SyncGroupHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  const bool names_protocol = request.protocol_type && request.protocol_name;
  if (context.api_version() >= first_with_mandatory_protocol && !names_protocol) {
    response.error_code = protocol::ErrorCode::inconsistent_group_protocol;
    co_return response;
  }
  group::SyncCall call{.group_id = request.group_id,
                       .member_id = request.member_id,
                       .instance_id = viewed(request.group_instance_id),
                       .generation = request.generation_id,
                       .protocol_type = viewed(request.protocol_type),
                       .protocol_name = viewed(request.protocol_name)};
  call.assignments.reserve(request.assignments.size());
  for (const auto& assignment : request.assignments) {
    call.assignments.push_back({assignment.member_id, protocol::as_text(assignment.assignment)});
  }
  group::SyncResult result = co_await groups_.sync(context, std::move(call));
  response.error_code = result.error;
  response.protocol_type = owned(result.protocol_type);
  response.protocol_name = owned(result.protocol_name);
  response.assignment = owned_bytes(result.assignment);
  co_return response;
}

}  // namespace broker
