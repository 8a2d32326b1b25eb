// AlterReplicaLogDirs (API key 34): moves partitions to other log directories of this broker.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/alter_replica_log_dirs.h"

namespace broker {

class BackgroundPool;
class ReplicaManager;

class AlterReplicaLogDirsHandler {
 public:
  using Request = protocol::AlterReplicaLogDirsRequest;
  using Response = protocol::AlterReplicaLogDirsResponse;

  AlterReplicaLogDirsHandler(ReplicaManager& replicas, BackgroundPool& background)
      : replicas_(replicas), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  Response alter(const Request& request) const;

  ReplicaManager& replicas_;
  BackgroundPool& background_;
};

}  // namespace broker
