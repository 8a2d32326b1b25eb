// `barnabas groups reset-offsets`: gathers what is known, plans by reset_plan.h, prints, and commits if asked to.
#include <cstdio>

#include <fmt/format.h>

#include "protocol/messages/offset_commit.h"
#include "tools/command.h"
#include "tools/group_state.h"
#include "tools/groups.h"
#include "tools/offsets.h"
#include "tools/text.h"

namespace tools {
namespace {

using broker::client::Cluster;
using protocol::ErrorCode, protocol::fail, protocol::Offset, protocol::Result, protocol::TopicPartition;

// The newest version that names topics instead of giving their ids.
constexpr protocol::ApiVersion newest_commit_with_names = 9;

struct Change {
  std::optional<Offset> before;
  PlannedOffset after;
  Offset end = 0;
};
using Plan = std::map<TopicPartition, Change>;

Result<Leaders> partitions_to_reset(Cluster& cluster, const ResetOffsets& wanted, const GroupState& group) {
  if (!wanted.all_topics) return find_selected(cluster, wanted.topics);
  std::vector<std::string> texts;
  for (const auto& [partition, offset] : group.committed) {
    texts.push_back(fmt::format("{}:{}", partition.topic, partition.partition));
  }
  if (texts.empty()) return fail(ErrorCode::invalid_request, "the group has committed nothing; name topics");
  return find_selected(cluster, texts);
}

Result<Plan> make_plan(Cluster& cluster, const ResetTarget& target, const GroupState& group, const Leaders& leaders) {
  const OffsetAt starts = find_offsets(cluster, leaders, earliest_offset);
  const OffsetAt ends = find_offsets(cluster, leaders, latest_offset);
  const bool by_time = target.kind == ResetTarget::Kind::time;
  const OffsetAt at_time = by_time ? find_offsets(cluster, leaders, target.value) : OffsetAt();
  Plan plan;
  for (const auto& [partition, leader] : leaders) {
    PartitionOffsets known;
    for (const auto& [from, to] :
         {std::pair(&starts, &known.start), std::pair(&ends, &known.end), std::pair(&at_time, &known.at_time)}) {
      const auto found = from->find(partition);
      if (found == from->end()) continue;
      if (!found->second) return std::unexpected(found->second.error());
      *to = *found->second;
    }
    if (const auto committed = group.committed.find(partition); committed != group.committed.end()) {
      known.committed = committed->second;
    }
    const auto planned = plan_offset(target, known);
    if (!planned) return fail(planned.error().code, fmt::format("{}: {}", partition.text(), planned.error().text()));
    plan[partition] = {.before = known.committed, .after = *planned, .end = known.end};
  }
  return plan;
}

Result<void> commit(Cluster& cluster, const GroupState& group, const Plan& plan) {
  protocol::OffsetCommitRequest request{.group_id = std::string_view(group.group)};
  for (const auto& [partition, change] : plan) {
    entry_of(request.topics, partition.topic)
        .partitions.push_back({.partition_index = partition.partition,
                               .committed_offset = change.after.offset,
                               .committed_metadata = protocol::String()});
  }
  const auto reply = cluster.call_broker(group.coordinator, request, newest_commit_with_names);
  if (!reply) return std::unexpected(reply.error());
  for (const auto& topic : (*reply)->topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code == ErrorCode::none) continue;
      return fail(partition.error_code, fmt::format("{}-{}: {}", topic.name.view(), partition.partition_index,
                                                    describe(partition.error_code)));
    }
  }
  return {};
}

void print(const ResetOffsets& wanted, const Plan& plan) {
  Table table({"TOPIC", "PARTITION", "BEFORE", "AFTER", "LAG", "NOTE"});
  for (const auto& [partition, change] : plan) {
    table.add({partition.topic, std::to_string(partition.partition),
               change.before ? std::to_string(*change.before) : "-", std::to_string(change.after.offset),
               std::to_string(change.end - change.after.offset), change.after.note});
  }
  fmt::print("{}", table.text());
  fmt::print("{}\n", wanted.execute ? "Done." : "Nothing was changed; with --execute it will be.");
}

void print_json(const ResetOffsets& wanted, const Plan& plan) {
  JsonWriter json;
  json.begin_object().field("group", std::string_view(wanted.group)).field("executed", wanted.execute);
  json.name("offsets").begin_array();
  for (const auto& [partition, change] : plan) {
    json.begin_object().field("topic", std::string_view(partition.topic)).field("partition", partition.partition);
    json.name("before");
    if (change.before) {
      json.value(*change.before);
    } else {
      json.null();
    }
    json.field("after", change.after.offset).field("end", change.end);
    if (!change.after.note.empty()) json.field("note", std::string_view(change.after.note));
    json.end_object();
  }
  fmt::print("{}\n", json.end_array().end_object().text());
}

// A group may be reset before it was ever used.
Result<GroupState> group_to_reset(Cluster& cluster, const std::string& name) {
  auto group = find_group(cluster, name);
  if (group || group.error().code != ErrorCode::group_id_not_found) return group;
  const auto coordinator = cluster.group_coordinator(name);
  if (!coordinator) return std::unexpected(coordinator.error());
  GroupState fresh;
  fresh.group = name;
  fresh.coordinator = *coordinator;
  return fresh;
}

}  // namespace

int reset_offsets(const SessionOptions& session, const ResetOffsets& wanted) {
  auto cluster = connect(session);
  if (!cluster) return report(cluster.error());
  const auto group = group_to_reset(*cluster, wanted.group);
  if (!group) return report(group.error());
  if (group->has_members()) {
    return report(
        protocol::Error(ErrorCode::non_empty_group, fmt::format("{} is {} and has {} members; stop them before a reset",
                                                                group->group, group->state, group->members.size())));
  }
  const auto leaders = partitions_to_reset(*cluster, wanted, *group);
  if (!leaders) return report(leaders.error(), wanted.group);
  const auto plan = make_plan(*cluster, wanted.target, *group, *leaders);
  if (!plan) return report(plan.error());
  if (wanted.execute) {
    if (const auto committed = commit(*cluster, *group, *plan); !committed) {
      return report(committed.error(), wanted.group);
    }
  }
  if (session.json) {
    print_json(wanted, *plan);
  } else {
    print(wanted, *plan);
  }
  return exit_code::ok;
}

}  // namespace tools
