// AlterPartitionReassignments (API key 45): moves partitions to other replicas, or takes that back.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/alter_partition_reassignments.h"

namespace coordination::cluster {
class Controller;
}

namespace broker {

class AlterPartitionReassignmentsHandler {
 public:
  using Request = protocol::AlterPartitionReassignmentsRequest;
  using Response = protocol::AlterPartitionReassignmentsResponse;

  explicit AlterPartitionReassignmentsHandler(coordination::cluster::Controller& controller)
      : controller_(controller) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  coordination::cluster::Controller& controller_;
};

}  // namespace broker
