// JoinGroup (API key 11): becoming a member of a classic group, or staying one through a rebalance.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/join_group.h"

namespace broker {

class GroupCoordinator;

class JoinGroupHandler {
 public:
  using Request = protocol::JoinGroupRequest;
  using Response = protocol::JoinGroupResponse;

  explicit JoinGroupHandler(GroupCoordinator& groups) : groups_(groups) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  GroupCoordinator& groups_;
};

}  // namespace broker
