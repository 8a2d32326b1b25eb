#include "tools/groups.h"

#include <cstdio>

#include <fmt/format.h>

#include "protocol/messages/delete_groups.h"
#include "protocol/messages/offset_delete.h"
#include "tools/command.h"
#include "tools/group_state.h"
#include "tools/offsets.h"
#include "tools/text.h"

namespace tools {
namespace {

using broker::client::Cluster;
using protocol::ErrorCode, protocol::fail, protocol::Offset, protocol::Result, protocol::TopicPartition;

// A partition as a row of a group's description.
struct Row {
  std::optional<Offset> committed, end;
  const GroupMember* member = nullptr;

  // The records that the group has not read; unknown without both.
  std::optional<Offset> lag() const {
    if (!committed || !end) return std::nullopt;
    return std::max<Offset>(0, *end - *committed);
  }
};
using Rows = std::map<TopicPartition, Row>;

std::string shown(const std::optional<Offset>& offset) { return offset ? std::to_string(*offset) : "-"; }

// What is committed and what is assigned, with the ends of the logs.
Rows rows_of(Cluster& cluster, const GroupState& group) {
  Rows rows;
  for (const auto& [partition, offset] : group.committed) rows[partition].committed = offset;
  for (const GroupMember& member : group.members) {
    for (const TopicPartition& partition : member.assigned) rows[partition].member = &member;
  }
  std::vector<std::string> topics;
  for (const auto& [partition, row] : rows) {
    if (topics.empty() || topics.back() != partition.topic) topics.push_back(partition.topic);
  }
  if (topics.empty()) return rows;
  // Topics that are gone leave their rows without an end.
  const auto metadata = cluster.metadata(topics);
  if (!metadata) return rows;
  Leaders leaders;
  for (const auto& topic : (*metadata)->topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition known{topic.name ? topic.name->str() : std::string(), partition.partition_index};
      if (rows.contains(known)) leaders[known] = partition.leader_id;
    }
  }
  for (const auto& [partition, offset] : find_offsets(cluster, leaders, latest_offset)) {
    if (offset) rows[partition].end = *offset;
  }
  return rows;
}

Offset total_lag(const Rows& rows) {
  Offset total = 0;
  for (const auto& [partition, row] : rows) total += row.lag().value_or(0);
  return total;
}

// "orders:0,1 users:3".
std::string assignment_text(const std::vector<TopicPartition>& partitions) {
  std::string text;
  const std::string* topic = nullptr;
  for (const TopicPartition& partition : partitions) {
    if (topic != nullptr && *topic == partition.topic) {
      text += fmt::format(",{}", partition.partition);
    } else {
      text += fmt::format("{}{}:{}", text.empty() ? "" : " ", partition.topic, partition.partition);
    }
    topic = &partition.topic;
  }
  return text.empty() ? "nothing" : text;
}

void print_heading(const GroupState& group) {
  const auto count = group.members.size();
  fmt::print("{}: {}, {} member{}{}{}, coordinator {}\n", group.group,
             group.state.empty() || group.state == "Dead" ? "only offsets" : group.state, count, count == 1 ? "" : "s",
             group.assignor.empty() ? "" : ", ", group.assignor, group.coordinator);
}

void print_members(const GroupState& group) {
  for (const GroupMember& member : group.members) {
    fmt::print("  {}\n", member.id);
    if (!member.instance_id.empty()) fmt::print("    instance {}\n", member.instance_id);
    fmt::print("    client {}, host {}\n", member.client_id, member.host);
    for (const std::string& line : wrapped_words("has " + assignment_text(member.assigned), 76)) {
      fmt::print("    {}\n", line);
    }
  }
}

void print_offsets(const Rows& rows) {
  if (rows.empty()) return;
  Table table({"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "CLIENT"});
  for (const auto& [partition, row] : rows) {
    table.add({partition.topic, std::to_string(partition.partition), shown(row.committed), shown(row.end),
               shown(row.lag()), row.member != nullptr ? row.member->client_id + " " + row.member->host : "-"});
  }
  fmt::print("{}  lag in all: {}\n", table.text(2), grouped(total_lag(rows)));
}

void write_offset(JsonWriter& json, std::string_view name, const std::optional<Offset>& offset) {
  json.name(name);
  if (offset) {
    json.value(*offset);
  } else {
    json.null();
  }
}

void write_group(JsonWriter& json, const GroupState& group, const Rows& rows) {
  json.begin_object().field("group", std::string_view(group.group)).field("state", std::string_view(group.state));
  json.field("protocol_type", std::string_view(group.protocol_type));
  json.field("assignor", std::string_view(group.assignor)).field("coordinator", group.coordinator);
  json.field("lag", total_lag(rows)).name("members").begin_array();
  for (const GroupMember& member : group.members) {
    json.begin_object().field("id", std::string_view(member.id)).field("client", std::string_view(member.client_id));
    if (!member.instance_id.empty()) json.field("instance", std::string_view(member.instance_id));
    json.field("host", std::string_view(member.host)).name("assigned").begin_array();
    for (const TopicPartition& partition : member.assigned) {
      json.begin_object().field("topic", std::string_view(partition.topic));
      json.field("partition", partition.partition).end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().name("offsets").begin_array();
  for (const auto& [partition, row] : rows) {
    json.begin_object().field("topic", std::string_view(partition.topic)).field("partition", partition.partition);
    write_offset(json, "committed", row.committed);
    write_offset(json, "end", row.end);
    write_offset(json, "lag", row.lag());
    json.name("member");
    if (row.member != nullptr) {
      json.value(std::string_view(row.member->id));
    } else {
      json.null();
    }
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace

int list_groups(const SessionOptions& session, const ListGroups& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const auto groups = list_all_groups(*cluster, wanted.states);
  if (!groups) return report(groups.error());
  Table table({"GROUP", "STATE", "PROTOCOL", "COORDINATOR"});
  JsonWriter json;
  json.begin_array();
  for (const ListedGroup& group : *groups) {
    table.add({group.group, group.state, group.protocol_type.empty() ? "-" : group.protocol_type,
               std::to_string(group.coordinator)});
    json.begin_object().field("group", std::string_view(group.group)).field("state", std::string_view(group.state));
    json.field("protocol_type", std::string_view(group.protocol_type)).field("coordinator", group.coordinator);
    json.end_object();
  }
  fmt::print("{}", session.json ? json.end_array().text() + "\n" : table.text());
  return exit_code::ok;
}

int describe_groups(const SessionOptions& session, const DescribeGroups& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  std::vector<std::string> names = wanted.groups;
  if (names.empty()) {
    const auto groups = list_all_groups(*cluster, {});
    if (!groups) return report(groups.error());
    for (const ListedGroup& group : *groups) names.push_back(group.group);
  }
  JsonWriter json;
  json.begin_array();
  std::size_t missing = 0;
  for (const std::string& name : names) {
    const auto group = find_group(*cluster, name);
    if (!group) {
      if (report(group.error()) == exit_code::unreachable) return exit_code::unreachable;
      ++missing;
      continue;
    }
    const Rows rows = rows_of(*cluster, *group);
    if (session.json) {
      write_group(json, *group, rows);
      continue;
    }
    print_heading(*group);
    if (wanted.members) {
      print_members(*group);
    } else {
      print_offsets(rows);
    }
  }
  if (session.json) fmt::print("{}\n", json.end_array().text());
  if (missing == 0) return exit_code::ok;
  return missing == names.size() ? exit_code::failed : exit_code::partly;
}

int delete_groups(const SessionOptions& session, const std::vector<std::string>& groups) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  Outcomes outcomes(session, "group", "deleted");
  for (const std::string& group : groups) {
    const auto coordinator = cluster->group_coordinator(group);
    if (!coordinator) return report(coordinator.error(), group);
    protocol::DeleteGroupsRequest request;
    request.groups_names.emplace_back(std::string_view(group));
    const auto reply = cluster->call_broker(*coordinator, request);
    if (!reply) return report(reply.error(), group);
    for (const auto& result : (*reply)->results) {
      outcomes.add(result.group_id, result.error_code, result.error_message);
    }
  }
  return outcomes.finish();
}

int delete_offsets(const SessionOptions& session, const std::string& group, const std::vector<std::string>& topics) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const auto selected = find_selected(*cluster, topics);
  if (!selected) return report(selected.error());
  const auto coordinator = cluster->group_coordinator(group);
  if (!coordinator) return report(coordinator.error(), group);
  protocol::OffsetDeleteRequest request{.group_id = std::string_view(group)};
  for (const auto& [partition, leader] : *selected) {
    entry_of(request.topics, partition.topic).partitions.push_back({.partition_index = partition.partition});
  }
  const auto reply = cluster->call_broker(*coordinator, request);
  if (!reply) return report(reply.error(), group);
  if ((*reply)->error_code != ErrorCode::none) {
    return report(protocol::Error((*reply)->error_code, describe((*reply)->error_code)), group);
  }
  Outcomes outcomes(session, "partition", "forgot the offset of");
  for (const auto& topic : (*reply)->topics) {
    for (const auto& partition : topic.partitions) {
      outcomes.add(TopicPartition{topic.name.str(), partition.partition_index}.text(), partition.error_code,
                   std::nullopt);
    }
  }
  return outcomes.finish();
}

}  // namespace tools
