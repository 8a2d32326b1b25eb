// LeaveGroup (API key 13, v0-v5).
//   v3 several members, by member id or instance id (KIP-345)   v5 reason (KIP-800)
// Follows KafkaApis.handleLeaveGroupRequest and LeaveGroupResponse of Kafka 3.9.
#include "broker/handlers/leave_group.h"

#include <utility>
#include <vector>

#include "broker/group_coordinator.h"
#include "broker/handlers/group_fields.h"

namespace broker {

namespace group = coordination::group;

namespace {

constexpr protocol::ApiVersion first_with_members = 3;

std::vector<group::LeavingMember> leaving_members(const protocol::LeaveGroupRequest& request,
                                                  protocol::ApiVersion version) {
  std::vector<group::LeavingMember> leaving;
  if (version < first_with_members) leaving.push_back({.member_id = request.member_id});
  for (const auto& member : request.members) {
    auto& left = leaving.emplace_back();
    left.member_id = member.member_id;
    left.instance_id = viewed(member.group_instance_id);
    if (member.reason) left.reason = *member.reason;
  }
  return leaving;
}

}  // namespace

awaitable<protocol::LeaveGroupResponse> LeaveGroupHandler::handle(RequestContext& context,
                                                                  const Request& request) const {
  const protocol::ApiVersion version = context.api_version();
  std::vector<group::LeavingMember> leaving = leaving_members(request, version);
  const group::LeaveResult result = co_await groups_.leave(context, request.group_id, std::move(leaving));
  Response response;
  response.error_code = result.error;
  if (version < first_with_members) {
    // The one member's error is the answer.
    if (result.error == protocol::ErrorCode::none && !result.members.empty()) response.error_code = result.members[0];
    co_return response;
  }
  for (std::size_t i = 0; i < result.members.size(); ++i) {
    auto& answer = response.members.emplace_back();
    answer.member_id = request.members[i].member_id;
    answer.group_instance_id = request.members[i].group_instance_id;
    answer.error_code = result.members[i];
  }
  co_return response;
}

}  // namespace broker
