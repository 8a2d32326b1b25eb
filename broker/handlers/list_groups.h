// ListGroups (API key 16): the groups that this broker coordinates.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/list_groups.h"

namespace broker {

class GroupCoordinator;

class ListGroupsHandler {
 public:
  using Request = protocol::ListGroupsRequest;
  using Response = protocol::ListGroupsResponse;

  explicit ListGroupsHandler(GroupCoordinator& groups) : groups_(groups) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  GroupCoordinator& groups_;
};

}  // namespace broker
