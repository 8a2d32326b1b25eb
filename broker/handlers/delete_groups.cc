// DeleteGroups (API key 42, v0-v3).
//   v3 error messages
// Follows KafkaApis.handleDeleteGroupsRequest of Kafka 3.9.
#include "broker/handlers/delete_groups.h"

#include <algorithm>

#include "broker/group_coordinator.h"

namespace broker {

awaitable<protocol::DeleteGroupsResponse> DeleteGroupsHandler::handle(RequestContext& context,
                                                                      const Request& request) const {
  Response response;
  for (const protocol::String& group_id : request.groups_names) {
    const bool is_repeated =
        std::ranges::any_of(response.results, [&](const auto& result) { return result.group_id == group_id; });
    if (is_repeated) continue;
    const protocol::ErrorCode error = co_await groups_.remove(context, group_id);
    auto& result = response.results.emplace_back();
    result.group_id = group_id;
    result.error_code = error;
    if (error != protocol::ErrorCode::none) result.error_message = protocol::default_message(error);
  }
  co_return response;
}

}  // namespace broker
