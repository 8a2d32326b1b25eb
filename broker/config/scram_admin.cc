#include "broker/config/scram_admin.h"

#include <set>
#include <utility>

#include "broker/config/scram_credential.h"
#include "broker/quotas/quota_entity.h"

namespace broker {
namespace {

namespace cluster = coordination::cluster;
using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::Result;
using Outcomes = ScramAdmin::Outcomes;

Result<void> check(const ScramAlteration& alteration) {
  if (alteration.user.empty()) return fail(ErrorCode::unacceptable_credential, "Username must not be empty");
  if (scram_mechanism(alteration.mechanism) == nullptr) {
    return fail(ErrorCode::unsupported_sasl_mechanism, "Unknown SCRAM mechanism");
  }
  if (!alteration.upsertion) return {};
  if (alteration.upsertion->iterations < least_scram_iterations) {
    return fail(ErrorCode::unacceptable_credential, "Too few iterations");
  }
  if (alteration.upsertion->iterations > most_scram_iterations) {
    return fail(ErrorCode::unacceptable_credential, "Too many iterations");
  }
  return {};
}

// The users who can't have what they ask for, whatever is stored.
Outcomes refusals(const std::vector<ScramAlteration>& alterations) {
  Outcomes refused;
  for (const ScramAlteration& alteration : alterations) {
    if (auto checked = check(alteration); !checked) refused.insert_or_assign(alteration.user, std::move(checked));
  }
  std::set<std::pair<std::string, std::int8_t>> seen;
  for (const ScramAlteration& alteration : alterations) {
    if (!seen.emplace(alteration.user, alteration.mechanism).second) {
      refused.emplace(alteration.user, fail(ErrorCode::duplicate_resource,
                                            "A user credential cannot be altered twice in the same request"));
    }
  }
  return refused;
}

Result<void> apply(const ScramAlteration& alteration, cluster::ConfigMap& config) {
  const ScramMechanism& mechanism = *scram_mechanism(alteration.mechanism);
  const std::string key(mechanism.name);
  if (!alteration.upsertion) {
    config.erase(key);
    return {};
  }
  const ScramAlteration::Upsertion& wanted = *alteration.upsertion;
  auto credential = scram_credential(mechanism, wanted.salt, wanted.salted_password, wanted.iterations);
  if (!credential) return fail(ErrorCode::unknown_server_error);
  config.insert_or_assign(key, std::move(*credential));
  return {};
}

}  // namespace

// Of the users without an outcome yet; those who have nothing to remove get theirs.
void ScramAdmin::read_nodes(const std::vector<ScramAlteration>& alterations, Outcomes& outcomes,
                            UserConfigs& configs) const {
  for (const ScramAlteration& alteration : alterations) {
    const std::string& user = alteration.user;
    if (outcomes.contains(user) || configs.contains(user)) continue;
    auto config = cluster::read_config(store_, cluster::ConfigType::users, sanitized(user));
    if (config) {
      configs.emplace(user, std::move(*config));
    } else {
      outcomes.emplace(user, std::unexpected(config.error()));
    }
  }
  for (const ScramAlteration& alteration : alterations) {
    const auto config = configs.find(alteration.user);
    if (alteration.upsertion || config == configs.end()) continue;
    if (config->second.contains(std::string(scram_mechanism(alteration.mechanism)->name))) continue;
    outcomes.emplace(alteration.user,
                     fail(ErrorCode::resource_not_found, "Attempt to delete a user credential that does not exist"));
    configs.erase(config);
  }
}

ScramAdmin::Outcomes ScramAdmin::alter(const std::vector<ScramAlteration>& alterations) const {
  Outcomes outcomes = refusals(alterations);
  const MutexLock lock(user_changes_);
  UserConfigs configs;
  read_nodes(alterations, outcomes, configs);
  Result<void> applied;
  for (const ScramAlteration& alteration : alterations) {
    const auto config = configs.find(alteration.user);
    if (config == configs.end()) continue;
    if (auto each = apply(alteration, config->second); !each) applied = std::move(each);
  }
  for (const auto& [user, config] : configs) {
    outcomes.emplace(
        user, applied ? cluster::write_config(store_, cluster::ConfigType::users, sanitized(user), config) : applied);
  }
  return outcomes;
}

}  // namespace broker
