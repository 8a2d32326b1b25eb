// SyncGroup (API key 14): the leader hands in the assignment, every member fetches its part.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/sync_group.h"

namespace broker {

class GroupCoordinator;

class SyncGroupHandler {
 public:
  using Request = protocol::SyncGroupRequest;
  using Response = protocol::SyncGroupResponse;

  explicit SyncGroupHandler(GroupCoordinator& groups) : groups_(groups) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  GroupCoordinator& groups_;
};

}  // namespace broker
