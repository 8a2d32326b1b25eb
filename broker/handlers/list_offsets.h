// ListOffsets (API key 2): the offset at a timestamp, for each partition.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include <optional>

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/replication/partition.h"
#include "protocol/clock.h"
#include "protocol/messages/list_offsets.h"
#include "storage/types.h"

namespace broker {

class BackgroundPool;
class ReplicaManager;

class ListOffsetsHandler {
 public:
  using Request = protocol::ListOffsetsRequest;
  using Response = protocol::ListOffsetsResponse;

  ListOffsetsHandler(ReplicaManager& replicas, BackgroundPool& background, const protocol::Clock& clock)
      : replicas_(replicas), background_(background), clock_(clock) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  using Found = std::optional<storage::TimestampAndOffset>;
  using Wanted = Request::ListOffsetsPartition;
  using Answer = Response::ListOffsetsPartitionResponse;

  awaitable<protocol::Result<Found>> find(std::string_view topic, const Wanted& wanted, const Request& request,
                                          protocol::ApiVersion version) const;
  awaitable<Answer> find_old_style(std::string_view topic, const Wanted& wanted, protocol::BrokerId replica) const;

  ReplicaManager& replicas_;
  BackgroundPool& background_;
  const protocol::Clock& clock_;
};

}  // namespace broker
