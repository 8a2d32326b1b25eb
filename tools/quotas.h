// What `barnabas configs` does with quotas of users, client ids and addresses: each function is one action, prints its
// result to stdout and gives the exit code.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/cluster_session.h"

namespace tools {

// Of "user", "client" and "ip", or of their defaults, "all-users", "all-clients" and "all-ips".
struct QuotaOwner {
  std::string type;                 // the protocol's: "user", "client-id", "ip"
  std::optional<std::string> name;  // nothing: the default of the type
};

// Nothing: the word is no such kind. The name is left to the caller.
std::optional<QuotaOwner> quota_owner(std::string_view kind);

// All of the type when there are no names.
int describe_quotas(const SessionOptions& session, const QuotaOwner& owner, const std::vector<std::string>& names,
                    bool is_default);

struct AlterQuotas {
  QuotaOwner owner;
  std::vector<std::pair<std::string, double>> set;
  std::vector<std::string> unset;
  bool validate_only = false;
};
int alter_quotas(const SessionOptions& session, const AlterQuotas& wanted);

}  // namespace tools
