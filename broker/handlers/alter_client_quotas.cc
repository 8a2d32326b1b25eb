// AlterClientQuotas (API key 49, v0-v1). v1 flexible. KIP-546, with the ips of KIP-612.
// Follows KafkaApis.handleAlterClientQuotasRequest and ZkAdminManager.alterClientQuotas: entries are carried out in
// their order, each by itself; of several for one entity the last one's outcome is told.
#include "broker/handlers/alter_client_quotas.h"

#include <algorithm>
#include <utility>

#include "broker/handlers/error_message.h"

namespace broker {
namespace {

using protocol::Result;
using Request = protocol::AlterClientQuotasRequest;
using Response = protocol::AlterClientQuotasResponse;

QuotaAlteration alteration_of(const Request::EntryData& entry) {
  QuotaAlteration alteration;
  for (const auto& part : entry.entity) {
    alteration.entity.insert_or_assign(part.entity_type.str(), part.entity_name ? std::optional(part.entity_name->str())
                                                                                : std::optional<std::string>());
  }
  for (const auto& op : entry.ops) {
    alteration.changes.push_back({.key = op.key.str(), .value = op.remove ? std::nullopt : std::optional(op.value)});
  }
  return alteration;
}

Response::EntryData answer(const QuotaEntityNames& entity, const Result<void>& outcome) {
  Response::EntryData entry;
  entry.error_code = outcome.code();
  entry.error_message.reset();
  if (!outcome) entry.error_message = error_message(outcome.error());
  for (const auto& [type, name] : entity) {
    auto& part = entry.entity.emplace_back();
    part.entity_type = type;
    part.entity_name.reset();
    if (name) part.entity_name = protocol::String(*name);
  }
  return entry;
}

}  // namespace

awaitable<Response> AlterClientQuotasHandler::handle(RequestContext&, const Request& request) const {
  std::vector<QuotaAlteration> alterations;
  for (const auto& entry : request.entries) alterations.push_back(alteration_of(entry));
  const auto alter_all = [this, &alterations, &request] {
    std::vector<Result<void>> outcomes;
    for (const QuotaAlteration& alteration : alterations) {
      outcomes.push_back(quotas_.alter(alteration, request.validate_only));
    }
    return outcomes;
  };
  const std::vector<Result<void>> outcomes = co_await background_.run(alter_all);
  Response response;
  std::map<QuotaEntityNames, std::size_t> positions;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto [known, is_new] = positions.emplace(alterations[i].entity, response.entries.size());
    Response::EntryData entry = answer(alterations[i].entity, outcomes[i]);
    if (is_new) {
      response.entries.push_back(std::move(entry));
    } else {
      response.entries[known->second] = std::move(entry);
    }
  }
  co_return response;
}

}  // namespace broker
