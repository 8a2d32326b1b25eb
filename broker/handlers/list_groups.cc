// ListGroups (API key 16, v0-v5).
//   v4 states (KIP-518)   v5 types (KIP-848): there are only classic groups yet
// Follows GroupCoordinator.handleListGroups of Kafka 3.9.
#include "broker/handlers/list_groups.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group_coordinator.h"

namespace broker {

namespace {

constexpr std::string_view classic_type = "classic";

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// An empty filter lets everything through.
bool passes(const std::vector<protocol::String>& filter, std::string_view value) {
  const auto matches = [&](const protocol::String& wanted) { return equal_ignoring_case(wanted, value); };
  return filter.empty() || std::ranges::any_of(filter, matches);
}

}  // namespace

awaitable<protocol::ListGroupsResponse> ListGroupsHandler::handle(RequestContext& context,
                                                                  const Request& request) const {
  const GroupCoordinator::Listing listing = co_await groups_.list(context);
  Response response;
  response.error_code = listing.error;
  if (!passes(request.types_filter, classic_type)) co_return response;
  for (const auto& known : listing.groups) {
    if (!passes(request.states_filter, known.state)) continue;
    auto& listed = response.groups.emplace_back();
    listed.group_id = known.group_id;
    listed.protocol_type = known.protocol_type;
    listed.group_state = known.state;
    listed.group_type = classic_type;
  }
  co_return response;
}

}  // namespace broker
