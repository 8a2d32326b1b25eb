// ListPartitionReassignments (API key 46): the partitions that are on their way to other replicas.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/list_partition_reassignments.h"

namespace coordination::cluster {
class Controller;
}

namespace broker {

class ListPartitionReassignmentsHandler {
 public:
  using Request = protocol::ListPartitionReassignmentsRequest;
  using Response = protocol::ListPartitionReassignmentsResponse;

  explicit ListPartitionReassignmentsHandler(coordination::cluster::Controller& controller) : controller_(controller) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  coordination::cluster::Controller& controller_;
};

}  // namespace broker
