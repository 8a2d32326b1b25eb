// What the cluster knows of a consumer group: state, members and what they were assigned, committed offsets. Blocking;
// for one thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/client/cluster.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace tools {

struct GroupMember {
  std::string id, instance_id, client_id, host;
  std::vector<protocol::TopicPartition> assigned;  // empty, too, when the assignment isn't a consumer's
};

struct GroupState {
  std::string group;
  std::string state;          // Kafka's name: "Stable", "Empty", "Dead" …
  std::string protocol_type;  // "consumer", "connect" …; empty: committed to without members
  std::string assignor;       // what the members agreed on, e.g. "range"
  protocol::BrokerId coordinator = -1;
  std::vector<GroupMember> members;
  std::map<protocol::TopicPartition, protocol::Offset> committed;

  bool is_there() const { return (state != "Dead" && !state.empty()) || !committed.empty(); }
  bool has_members() const { return !members.empty(); }
};

// Errors: group_id_not_found when there is neither a group nor an offset; those of the coordinator.
protocol::Result<GroupState> find_group(broker::client::Cluster& cluster, const std::string& group);

struct ListedGroup {
  std::string group, state, protocol_type;
  protocol::BrokerId coordinator = -1;
};

// All groups of all brokers, by name; of these states only, when there are some.
protocol::Result<std::vector<ListedGroup>> list_all_groups(broker::client::Cluster& cluster,
                                                           const std::vector<std::string>& states);

// What a member was assigned, as the consumer protocol says it. Nothing for bytes of another protocol.
std::vector<protocol::TopicPartition> parse_assignment(protocol::Bytes bytes);

}  // namespace tools
