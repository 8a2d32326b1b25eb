// ElectLeaders (API key 43): has the preferred replica, or any that is alive, lead partitions.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "coordination/cluster/controller.h"
#include "protocol/messages/elect_leaders.h"

namespace broker {

class MetadataCache;

class ElectLeadersHandler {
 public:
  using Request = protocol::ElectLeadersRequest;
  using Response = protocol::ElectLeadersResponse;

  ElectLeadersHandler(coordination::cluster::Controller& controller, MetadataCache& metadata)
      : controller_(controller), metadata_(metadata) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  using Results = coordination::cluster::ElectionResults;

  awaitable<void> wait_for_leaders(RequestContext& context, Results& results, std::int64_t timeout_ms) const;

  coordination::cluster::Controller& controller_;
  MetadataCache& metadata_;
};

}  // namespace broker
