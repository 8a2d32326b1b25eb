// AlterUserScramCredentials (API key 51, v0). KIP-554.
// Follows KafkaApis.handleAlterUserScramCredentialsRequest and ZkAdminManager.alterUserScramCredentials. Nobody can log
// in with them here yet; another broker on the same ZooKeeper lets their users in.
#include "broker/handlers/alter_user_scram_credentials.h"

#include <utility>
#include <vector>

#include "broker/handlers/error_message.h"

namespace broker {
namespace {

using Request = protocol::AlterUserScramCredentialsRequest;
using Response = protocol::AlterUserScramCredentialsResponse;

std::vector<ScramAlteration> alterations_of(const Request& request) {
  std::vector<ScramAlteration> alterations;
  alterations.reserve(request.deletions.size() + request.upsertions.size());
  for (const auto& deletion : request.deletions) {
    alterations.push_back({.user = deletion.name.str(), .mechanism = deletion.mechanism, .upsertion = std::nullopt});
  }
  for (const auto& upsertion : request.upsertions) {
    alterations.push_back({.user = upsertion.name.str(),
                           .mechanism = upsertion.mechanism,
                           .upsertion = ScramAlteration::Upsertion{.iterations = upsertion.iterations,
                                                                   .salt = upsertion.salt,
                                                                   .salted_password = upsertion.salted_password}});
  }
  return alterations;
}

protocol::String sentence(const protocol::Error& error) {
  return error_message(error).value_or(protocol::default_message(error.code));
}

}  // namespace

awaitable<Response> AlterUserScramCredentialsHandler::handle(RequestContext&, const Request& request) const {
  const std::vector<ScramAlteration> alterations = alterations_of(request);
  const auto alter = [this, &alterations] { return credentials_.alter(alterations); };
  const ScramAdmin::Outcomes outcomes = co_await background_.run(alter);
  Response response;
  response.results.reserve(outcomes.size());
  for (const auto& [user, outcome] : outcomes) {
    auto& result = response.results.emplace_back();
    result.user = user;
    result.error_code = outcome.code();
    if (!outcome) result.error_message = sentence(outcome.error());
  }
  co_return response;
}

}  // namespace broker
