// DescribeGroups (API key 15, v0-v6).
//   v3 authorised operations   v4 instance ids (KIP-345)   v6 GROUP_ID_NOT_FOUND instead of a dead group (KIP-1043)
// Follows KafkaApis.handleDescribeGroupsRequest of Kafka 3.9, v6 as in 4.x.
#include "broker/handlers/describe_groups.h"

#include <fmt/format.h>

#include <utility>

#include "broker/group_coordinator.h"
#include "broker/handlers/group_fields.h"
#include "broker/handlers/repeated_answers.h"

namespace broker {

namespace group = coordination::group;

namespace {

constexpr protocol::ApiVersion first_with_not_found = 6;
// Read, delete and describe: the operations that exist for groups. Without an authorizer everyone has all of them. Bits
// are numbered as Kafka's AclOperation.
constexpr std::int32_t all_group_operations = 1 << 3 | 1 << 6 | 1 << 8;

protocol::DescribeGroupsResponse::DescribedGroup to_answer(std::string_view group_id,
                                                           const group::GroupDescription& description) {
  protocol::DescribeGroupsResponse::DescribedGroup answer;
  answer.error_code = description.error;
  answer.group_id = group_id;
  answer.group_state = description.state;
  answer.protocol_type = protocol::String(description.protocol_type);
  answer.protocol_data = protocol::String(description.protocol);
  for (const group::DescribedMember& member : description.members) {
    auto& described = answer.members.emplace_back();
    described.member_id = member.member_id;
    described.group_instance_id = owned(member.instance_id);
    described.client_id = member.client_id;
    described.client_host = member.client_host;
    described.member_metadata = owned_bytes(member.metadata);
    described.member_assignment = owned_bytes(member.assignment);
  }
  return answer;
}

std::size_t size_of(const group::GroupDescription& description) {
  std::size_t bytes = sizeof(protocol::DescribeGroupsResponse::DescribedGroup);
  for (const group::DescribedMember& member : description.members) {
    bytes += sizeof(protocol::DescribeGroupsResponse::DescribedGroupMember) + member.metadata.size() +
             member.assignment.size();
  }
  return bytes;
}

}  // namespace

awaitable<protocol::DescribeGroupsResponse> DescribeGroupsHandler::handle(RequestContext& context,
                                                                          const Request& request) const {
  Response response;
  RepeatedAnswers repeated;
  for (const protocol::String& group_id : request.groups) {
    const group::GroupDescription description = co_await groups_.describe(context, group_id);
    if (!repeated.allow(group_id.str(), size_of(description))) {
      context.refuse_to_answer();
      co_return Response();
    }
    auto& answer = response.groups.emplace_back(to_answer(group_id, description));
    if (description.error != protocol::ErrorCode::none) continue;
    if (!description.exists && context.api_version() >= first_with_not_found) {
      answer.error_code = protocol::ErrorCode::group_id_not_found;
      answer.error_message = protocol::String(fmt::format("Group {} not found.", group_id.view()));
    } else if (request.include_authorized_operations) {
      answer.authorized_operations = all_group_operations;
    }
  }
  co_return response;
}

}  // namespace broker
