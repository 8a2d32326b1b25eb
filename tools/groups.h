// What `barnabas groups` does: each function is one action, prints its result to stdout and gives the exit code.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/cluster_session.h"
#include "tools/reset_plan.h"

namespace tools {

struct ListGroups {
  std::vector<std::string> states;  // none: all
};
int list_groups(const SessionOptions& session, const ListGroups& wanted);

struct DescribeGroups {
  std::vector<std::string> groups;  // none: all
  bool members = false;             // not the offsets
};
int describe_groups(const SessionOptions& session, const DescribeGroups& wanted);

struct ResetOffsets {
  std::string group;
  std::vector<std::string> topics;  // "orders" or "orders:0,2"
  bool all_topics = false;          // all that the group committed to
  ResetTarget target;
  bool execute = false;
};
int reset_offsets(const SessionOptions& session, const ResetOffsets& wanted);

int delete_groups(const SessionOptions& session, const std::vector<std::string>& groups);

// `topics` as in ResetOffsets.
int delete_offsets(const SessionOptions& session, const std::string& group, const std::vector<std::string>& topics);

}  // namespace tools
