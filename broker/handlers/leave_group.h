// LeaveGroup (API key 13): members leave, or are removed by an administrator.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/leave_group.h"

namespace broker {

class GroupCoordinator;

class LeaveGroupHandler {
 public:
  using Request = protocol::LeaveGroupRequest;
  using Response = protocol::LeaveGroupResponse;

  explicit LeaveGroupHandler(GroupCoordinator& groups) : groups_(groups) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  GroupCoordinator& groups_;
};

}  // namespace broker
