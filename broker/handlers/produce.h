// Produce (API key 0): appends record batches to partitions that this broker leads.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/replication/partition.h"
#include "protocol/messages/produce.h"

namespace broker {

class BackgroundPool;
class MetadataCache;
class ReplicaManager;

class ProduceHandler {
 public:
  using Request = protocol::ProduceRequest;
  using Response = protocol::ProduceResponse;

  ProduceHandler(ReplicaManager& replicas, const MetadataCache& metadata, BackgroundPool& background)
      : replicas_(replicas), metadata_(metadata), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  using TopicProduceData = Request::TopicProduceData;
  using PartitionAnswer = Response::PartitionProduceResponse;

  // What remains to be done for one partition.
  struct Step {
    std::shared_ptr<Partition> to_open;       // open it and append again
    bool opened = false;                      // that was tried
    std::shared_ptr<Partition> unreplicated;  // acks=all waits for it
    protocol::Offset required = 0;
  };
  struct Unreplicated;

  PartitionAnswer append(const RequestContext& context, const Request& request, std::string_view topic,
                         const Request::PartitionProduceData& data, Step& step) const;
  awaitable<void> await_replication(RequestContext& context, std::int32_t timeout_ms,
                                    std::vector<Unreplicated>& waiting, Response& response) const;
  void add_leaders(const RequestContext& context, Response& response) const;
  void finish_without_answer(RequestContext& context, const Response& response) const;

  ReplicaManager& replicas_;
  const MetadataCache& metadata_;
  BackgroundPool& background_;
};

}  // namespace broker
