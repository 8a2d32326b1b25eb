// DeleteGroups (API key 42): removes groups without members, offsets included.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/delete_groups.h"

namespace broker {

class GroupCoordinator;

class DeleteGroupsHandler {
 public:
  using Request = protocol::DeleteGroupsRequest;
  using Response = protocol::DeleteGroupsResponse;

  explicit DeleteGroupsHandler(GroupCoordinator& groups) : groups_(groups) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  GroupCoordinator& groups_;
};

}  // namespace broker
