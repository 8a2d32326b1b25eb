// OffsetForLeaderEpoch (API key 23): where a leader epoch ends, for truncation checks of followers and consumers.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/offset_for_leader_epoch.h"

namespace broker {

class BackgroundPool;
class ReplicaManager;

class OffsetForLeaderEpochHandler {
 public:
  using Request = protocol::OffsetForLeaderEpochRequest;
  using Response = protocol::OffsetForLeaderEpochResponse;

  OffsetForLeaderEpochHandler(ReplicaManager& replicas, BackgroundPool& background)
      : replicas_(replicas), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  ReplicaManager& replicas_;
  BackgroundPool& background_;
};

}  // namespace broker
