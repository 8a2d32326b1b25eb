#include "tools/group_state.h"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/messages/describe_groups.h"
#include "protocol/messages/list_groups.h"
#include "protocol/messages/offset_fetch.h"
#include "tools/cluster_session.h"

namespace tools {
namespace {

using broker::client::Cluster, broker::client::Connection;
using protocol::ApiVersion, protocol::BrokerId, protocol::Bytes, protocol::ErrorCode, protocol::fail, protocol::Offset,
    protocol::Result, protocol::TopicPartition;
using Committed = std::map<TopicPartition, Offset>;

// The newest versions that name topics instead of giving their ids, and that ask for one group.
constexpr ApiVersion newest_offset_fetch_with_names = 9;
constexpr ApiVersion first_offset_fetch_of_many_groups = 8;
constexpr ApiVersion first_list_with_states = 4;

template <typename Topics>
Result<Committed> collect(const Topics& topics) {
  Committed committed;
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code != ErrorCode::none) return fail(partition.error_code);
      if (partition.committed_offset < 0) continue;  // never committed
      committed[{topic.name.str(), partition.partition_index}] = partition.committed_offset;
    }
  }
  return committed;
}

Result<Committed> committed_offsets(Connection& coordinator, const std::string& group) {
  const auto version = coordinator.pick(protocol::OffsetFetchRequest::api_key, newest_offset_fetch_with_names);
  if (!version) return std::unexpected(version.error());
  protocol::OffsetFetchRequest request;
  const bool many = *version >= first_offset_fetch_of_many_groups;
  if (many) {
    request.groups.push_back({.group_id = std::string_view(group), .topics = std::nullopt});
  } else {
    request.group_id = std::string_view(group);
    request.topics = std::nullopt;
  }
  const auto reply = coordinator.call(request, *version);
  if (!reply) return std::unexpected(reply.error());
  if (!many) {
    if ((*reply)->error_code != ErrorCode::none) return fail((*reply)->error_code);
    return collect((*reply)->topics);
  }
  if ((*reply)->groups.empty()) return fail(ErrorCode::unknown_server_error, "The broker's answer lacks the group");
  const auto& answer = (*reply)->groups.front();
  if (answer.error_code != ErrorCode::none) return fail(answer.error_code);
  return collect(answer.topics);
}

void take_members(const protocol::DescribeGroupsResponse::DescribedGroup& described, GroupState& state) {
  state.state = described.group_state.str();
  state.protocol_type = described.protocol_type.str();
  state.assignor = described.protocol_data.str();
  for (const auto& member : described.members) {
    state.members.push_back({.id = member.member_id.str(),
                             .instance_id = member.group_instance_id ? member.group_instance_id->str() : std::string(),
                             .client_id = member.client_id.str(),
                             .host = member.client_host.str(),
                             .assigned = parse_assignment(member.member_assignment)});
  }
  std::ranges::sort(state.members, {}, &GroupMember::id);
}

}  // namespace

std::vector<TopicPartition> parse_assignment(Bytes bytes) {
  protocol::Reader reader(bytes);
  const auto version = reader.read<std::int16_t>();
  if (!reader.ok() || version < 0) return {};
  const ApiVersion newest = protocol::ConsumerProtocolAssignment::versions.max;
  // A later version only appends fields.
  const auto assignment = protocol::ConsumerProtocolAssignment::decode(reader, std::min<ApiVersion>(version, newest));
  if (!assignment) return {};
  std::vector<TopicPartition> partitions;
  for (const auto& topic : assignment->assigned_partitions) {
    for (const auto index : topic.partitions) partitions.push_back({topic.topic.str(), index});
  }
  std::ranges::sort(partitions);
  return partitions;
}

Result<GroupState> find_group(Cluster& cluster, const std::string& group) {
  const auto id = cluster.group_coordinator(group);
  if (!id) return std::unexpected(id.error());
  const auto coordinator = cluster.broker(*id);
  if (!coordinator) return std::unexpected(coordinator.error());
  GroupState state;
  state.group = group;
  state.coordinator = *id;

  protocol::DescribeGroupsRequest request;
  request.groups.emplace_back(std::string_view(group));
  const auto reply = (*coordinator)->call(request);
  if (!reply) return std::unexpected(reply.error());
  if ((*reply)->groups.empty()) return fail(ErrorCode::unknown_server_error, "The broker's answer lacks the group");
  const auto& described = (*reply)->groups.front();
  if (described.error_code == ErrorCode::none) {
    take_members(described, state);
  } else if (described.error_code != ErrorCode::group_id_not_found) {
    return fail(described.error_code, describe(described.error_code, described.error_message));
  }
  auto committed = committed_offsets(**coordinator, group);
  if (!committed && committed.error().code != ErrorCode::group_id_not_found) return std::unexpected(committed.error());
  if (committed) state.committed = std::move(*committed);
  if (!state.is_there()) return fail(ErrorCode::group_id_not_found, fmt::format("There is no group {}", group));
  return state;
}

Result<std::vector<ListedGroup>> list_all_groups(Cluster& cluster, const std::vector<std::string>& states) {
  std::vector<ListedGroup> groups;
  const auto brokers = cluster.brokers();
  for (const auto& [id, address] : brokers) {
    auto connection = cluster.broker(id);
    if (!connection) return std::unexpected(connection.error());
    const auto version = (*connection)->pick(protocol::ListGroupsRequest::api_key);
    if (!version) return std::unexpected(version.error());
    protocol::ListGroupsRequest request;
    if (*version >= first_list_with_states) {
      for (const std::string& state : states) request.states_filter.emplace_back(std::string_view(state));
    }
    const auto reply = (*connection)->call(request, *version);
    if (!reply) return std::unexpected(reply.error());
    if ((*reply)->error_code != ErrorCode::none) {
      return fail((*reply)->error_code, fmt::format("broker {}: {}", id, describe((*reply)->error_code)));
    }
    for (const auto& group : (*reply)->groups) {
      groups.push_back({.group = group.group_id.str(),
                        .state = group.group_state.str(),
                        .protocol_type = group.protocol_type.str(),
                        .coordinator = id});
    }
  }
  std::ranges::sort(groups, {}, &ListedGroup::group);
  return groups;
}

}  // namespace tools
