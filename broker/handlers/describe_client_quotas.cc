// DescribeClientQuotas (API key 48, v0-v1). v1 flexible. KIP-546, with the ips of KIP-612.
// Follows KafkaApis.handleDescribeClientQuotasRequest and ZkAdminManager.describeClientQuotas.
#include "broker/handlers/describe_client_quotas.h"

#include <utility>

#include "broker/handlers/error_message.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;
using Request = protocol::DescribeClientQuotasRequest;
using Response = protocol::DescribeClientQuotasResponse;

Result<std::vector<QuotaFilter>> filters_of(const Request& request) {
  std::vector<QuotaFilter> filters;
  for (const auto& component : request.components) {
    const auto match = static_cast<QuotaFilter::Match>(component.match_type);
    const bool is_known =
        component.match_type >= 0 && component.match_type <= static_cast<int>(QuotaFilter::Match::any);
    // Kafka stumbles over both.
    if (!is_known || (match == QuotaFilter::Match::exact && !component.match)) {
      return fail(ErrorCode::unknown_server_error);
    }
    filters.push_back({.type = component.entity_type.str(),
                       .match = match,
                       .name = match == QuotaFilter::Match::exact ? component.match->str() : std::string()});
  }
  return filters;
}

Response refuse(const protocol::Error& error) {
  Response response;
  response.error_code = error.code;
  response.error_message = error_message(error);
  response.entries.reset();
  return response;
}

void add(Response& response, QuotaDescription description) {
  auto& entry = response.entries->emplace_back();
  // Kafka names the user first.
  for (auto part = description.entity.rbegin(); part != description.entity.rend(); ++part) {
    auto& entity = entry.entity.emplace_back();
    entity.entity_type = part->first;
    entity.entity_name.reset();
    if (part->second) entity.entity_name = protocol::String(*part->second);
  }
  for (const auto& [key, value] : description.values) {
    auto& field = entry.values.emplace_back();
    field.key = key;
    field.value = value;
  }
}

}  // namespace

awaitable<Response> DescribeClientQuotasHandler::handle(RequestContext&, const Request& request) const {
  const auto filters = filters_of(request);
  if (!filters) co_return refuse(filters.error());
  const auto describe = [this, &filters, &request] { return quotas_.describe(*filters, request.strict); };
  auto found = co_await background_.run(describe);
  if (!found) co_return refuse(found.error());
  Response response;  // Kafka's message is empty where there is no error, not null
  response.entries.emplace();
  for (QuotaDescription& description : *found) add(response, std::move(description));
  co_return response;
}

}  // namespace broker
