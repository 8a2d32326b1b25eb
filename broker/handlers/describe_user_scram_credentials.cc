// DescribeUserScramCredentials (API key 50, v0). KIP-554.
// Follows ZkAdminManager.describeUserScramCredentials. Nobody can log in with them yet, but they are stored beside
// users' quotas, and tools that describe quotas ask for both.
#include "broker/handlers/describe_user_scram_credentials.h"

#include <algorithm>
#include <map>
#include <utility>

#include "broker/config/scram_credential.h"
#include "broker/quotas/quota_entity.h"
#include "coordination/cluster/config_store.h"

namespace broker {
namespace {

namespace cluster = coordination::cluster;
using protocol::ErrorCode;
using Request = protocol::DescribeUserScramCredentialsRequest;
using Response = protocol::DescribeUserScramCredentialsResponse;
using UserResult = Response::DescribeUserScramCredentialsResult;

UserResult refuse(const std::string& user, ErrorCode code, std::string message) {
  UserResult result;
  result.user = user;
  result.error_code = code;
  if (code != ErrorCode::none) result.error_message.reset();
  if (!message.empty()) result.error_message = protocol::String(std::move(message));
  return result;
}

// Nothing: the user has no credentials.
std::optional<UserResult> credentials_of(const std::string& user, const cluster::ConfigMap& config) {
  UserResult result = refuse(user, ErrorCode::none, "");
  for (const ScramMechanism& mechanism : scram_mechanisms()) {
    const auto found = config.find(std::string(mechanism.name));
    if (found == config.end()) continue;
    const auto iterations = scram_iterations(found->second);
    if (!iterations) return refuse(user, ErrorCode::unknown_server_error, "");
    auto& info = result.credential_infos.emplace_back();
    info.mechanism = mechanism.number;
    info.iterations = *iterations;
  }
  if (result.credential_infos.empty()) return std::nullopt;
  return result;
}

Response fail_whole(const protocol::Error& error) {
  Response response;
  response.error_code = error.code;
  response.error_message = protocol::String(protocol::default_message(error.code));
  return response;
}

Response describe_all(coordination::metadata_store::MetadataStore& store) {
  const auto configs = cluster::read_configs(store, cluster::ConfigType::users);
  if (!configs) return fail_whole(configs.error());
  std::map<std::string, UserResult> sorted;
  for (const auto& [node, config] : *configs) {
    const auto user = desanitized(node);
    if (!user) continue;
    if (auto found = credentials_of(*user, config)) sorted.emplace(*user, std::move(*found));
  }
  Response response;
  for (auto& [user, result] : sorted) response.results.push_back(std::move(result));
  return response;
}

UserResult describe_one(coordination::metadata_store::MetadataStore& store, const std::string& user) {
  const auto config = cluster::read_config(store, cluster::ConfigType::users, sanitized(user));
  if (!config) return refuse(user, config.error().code, "");
  if (auto found = credentials_of(user, *config)) return std::move(*found);
  return refuse(user, ErrorCode::resource_not_found,
                "Attempt to describe a user credential that does not exist: " + user);
}

Response describe(coordination::metadata_store::MetadataStore& store, const Request& request) {
  if (!request.users || request.users->empty()) return describe_all(store);
  Response response;
  std::vector<std::string> users;
  for (const auto& user : *request.users) users.push_back(user.name.str());
  for (std::size_t i = 0; i < users.size(); ++i) {
    const std::string& user = users[i];
    const auto earlier = std::find(users.begin(), users.begin() + static_cast<std::ptrdiff_t>(i), user);
    if (earlier != users.begin() + static_cast<std::ptrdiff_t>(i)) continue;
    if (user.empty()) {
      response.results.push_back(refuse(user, ErrorCode::resource_not_found, "Username must not be empty"));
    } else if (std::ranges::count(users, user) > 1) {
      response.results.push_back(
          refuse(user, ErrorCode::duplicate_resource,
                 "Cannot describe SCRAM credentials for the same user twice in a single request: " + user));
    } else {
      response.results.push_back(describe_one(store, user));
    }
  }
  return response;
}

}  // namespace

awaitable<Response> DescribeUserScramCredentialsHandler::handle(RequestContext&, const Request& request) const {
  const auto describe_them = [this, &request] { return describe(store_, request); };
  Response response = co_await background_.run(describe_them);
  co_return response;
}

}  // namespace broker
