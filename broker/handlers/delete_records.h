// DeleteRecords (API key 21): raises the log start offset of partitions.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/replication/partition.h"
#include "protocol/clock.h"
#include "protocol/messages/delete_records.h"

namespace broker {

class BackgroundPool;
class ReplicaManager;

class DeleteRecordsHandler {
 public:
  using Request = protocol::DeleteRecordsRequest;
  using Response = protocol::DeleteRecordsResponse;

  DeleteRecordsHandler(ReplicaManager& replicas, BackgroundPool& background, const protocol::Clock& clock)
      : replicas_(replicas), background_(background), clock_(clock) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  struct Unfinished;

  awaitable<void> await_replicas(RequestContext& context, std::int64_t deadline_ms, std::vector<Unfinished>& waiting,
                                 Response& response) const;

  ReplicaManager& replicas_;
  BackgroundPool& background_;
  const protocol::Clock& clock_;
};

}  // namespace broker
