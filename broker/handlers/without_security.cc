#include "broker/handlers/without_security.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace broker::without_security {
namespace {

using protocol::ErrorCode;

// Of tokens that don't exist.
constexpr std::int64_t no_time = -1;

// The codes of patterns, resources, operations and permissions that a client may not ask for: Kafka doesn't read such a
// request and closes the connection.
constexpr std::int8_t unknown = 0;

bool is_readable(const protocol::DescribeAclsRequest& filter) {
  return filter.pattern_type_filter != unknown && filter.resource_type_filter != unknown &&
         filter.permission_type != unknown && filter.operation != unknown;
}
bool is_readable(const protocol::CreateAclsRequest::AclCreation& acl) {
  return acl.resource_pattern_type != unknown && acl.resource_type != unknown && acl.permission_type != unknown &&
         acl.operation != unknown;
}
bool is_readable(const protocol::DeleteAclsRequest::DeleteAclsFilter& filter) {
  return filter.pattern_type_filter != unknown && filter.resource_type_filter != unknown &&
         filter.permission_type != unknown && filter.operation != unknown;
}

// The same answer for each item of a request.
template <typename Result, typename Item>
std::vector<Result> refuse_each(RequestContext& context, const std::vector<Item>& items) {
  if (!std::ranges::all_of(items, [](const Item& item) { return is_readable(item); })) context.close_connection();
  Result refused;
  refused.error_code = ErrorCode::security_disabled;
  refused.error_message = protocol::String("No Authorizer is configured.");
  return std::vector<Result>(items.size(), refused);
}

}  // namespace

SaslHandshakeHandler::Response SaslHandshakeHandler::handle(RequestContext&, const Request&) const {
  Response response;
  response.error_code = ErrorCode::illegal_sasl_state;
  return response;
}

SaslAuthenticateHandler::Response SaslAuthenticateHandler::handle(RequestContext&, const Request&) const {
  Response response;
  response.error_code = ErrorCode::illegal_sasl_state;
  response.error_message = protocol::String("SaslAuthenticate request received after successful authentication");
  return response;
}

DescribeAclsHandler::Response DescribeAclsHandler::handle(RequestContext& context, const Request& request) const {
  if (!is_readable(request)) context.close_connection();
  Response response;
  response.error_code = ErrorCode::security_disabled;
  response.error_message = protocol::String("No Authorizer is configured on the broker");
  return response;
}

CreateAclsHandler::Response CreateAclsHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  response.results = refuse_each<Response::AclCreationResult>(context, request.creations);
  return response;
}

DeleteAclsHandler::Response DeleteAclsHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  response.filter_results = refuse_each<Response::DeleteAclsFilterResult>(context, request.filters);
  return response;
}

CreateDelegationTokenHandler::Response CreateDelegationTokenHandler::handle(RequestContext& context,
                                                                            const Request& request) const {
  const std::string_view requester = context.principal();
  const std::size_t colon = requester.find(':');
  const std::string type(requester.substr(0, colon));
  const std::string name(colon == std::string_view::npos ? std::string_view() : requester.substr(colon + 1));
  Response response;
  response.error_code = ErrorCode::delegation_token_request_not_allowed;
  const bool has_owner = request.owner_principal_name && !request.owner_principal_name->view().empty();
  response.principal_type =
      has_owner && request.owner_principal_type ? *request.owner_principal_type : protocol::String(type);
  response.principal_name = has_owner ? *request.owner_principal_name : protocol::String(name);
  if (context.api_version() >= 3) {
    response.token_requester_principal_type = protocol::String(type);
    response.token_requester_principal_name = protocol::String(name);
  }
  response.issue_timestamp_ms = no_time;
  response.expiry_timestamp_ms = no_time;
  response.max_timestamp_ms = no_time;
  return response;
}

RenewDelegationTokenHandler::Response RenewDelegationTokenHandler::handle(RequestContext&, const Request&) const {
  Response response;
  response.error_code = ErrorCode::delegation_token_request_not_allowed;
  response.expiry_timestamp_ms = no_time;
  return response;
}

ExpireDelegationTokenHandler::Response ExpireDelegationTokenHandler::handle(RequestContext&, const Request&) const {
  Response response;
  response.error_code = ErrorCode::delegation_token_request_not_allowed;
  response.expiry_timestamp_ms = no_time;
  return response;
}

DescribeDelegationTokenHandler::Response DescribeDelegationTokenHandler::handle(RequestContext&, const Request&) const {
  Response response;
  response.error_code = ErrorCode::delegation_token_request_not_allowed;
  return response;
}

}  // namespace broker::without_security
