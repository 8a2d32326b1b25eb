// DescribeProducers (API key 61): the producers that a partition's log remembers.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/describe_producers.h"

namespace broker {

class BackgroundPool;
class MetadataCache;
class ReplicaManager;

class DescribeProducersHandler {
 public:
  using Request = protocol::DescribeProducersRequest;
  using Response = protocol::DescribeProducersResponse;

  DescribeProducersHandler(ReplicaManager& replicas, const MetadataCache& metadata, BackgroundPool& background)
      : replicas_(replicas), metadata_(metadata), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  using Answer = Response::PartitionResponse;

  Answer describe(std::string_view topic, protocol::PartitionIndex index) const;

  ReplicaManager& replicas_;
  const MetadataCache& metadata_;
  BackgroundPool& background_;
};

}  // namespace broker
