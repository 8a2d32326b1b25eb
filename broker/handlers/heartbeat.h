// Heartbeat (API key 12): a member is alive, and learns of a rebalance.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/heartbeat.h"

namespace broker {

class GroupCoordinator;

class HeartbeatHandler {
 public:
  using Request = protocol::HeartbeatRequest;
  using Response = protocol::HeartbeatResponse;

  explicit HeartbeatHandler(GroupCoordinator& groups) : groups_(groups) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  GroupCoordinator& groups_;
};

}  // namespace broker
