// DescribeGroups (API key 15): state and members of classic groups.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/describe_groups.h"

namespace broker {

class GroupCoordinator;

class DescribeGroupsHandler {
 public:
  using Request = protocol::DescribeGroupsRequest;
  using Response = protocol::DescribeGroupsResponse;

  explicit DescribeGroupsHandler(GroupCoordinator& groups) : groups_(groups) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  GroupCoordinator& groups_;
};

}  // namespace broker
