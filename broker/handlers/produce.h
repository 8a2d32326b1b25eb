// Produce (API key 0): appends record batches to partitions that this broker leads.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/replication/partition.h"
#include "broker/replication/wait.h"
#include "protocol/clock.h"
#include "protocol/messages/produce.h"

namespace broker {

class BackgroundPool;
class MetadataCache;
class MetadataSnapshot;
class ReplicaManager;

class ProduceHandler {
 public:
  using Request = protocol::ProduceRequest;
  using Response = protocol::ProduceResponse;

  ProduceHandler(ReplicaManager& replicas, const MetadataCache& metadata, BackgroundPool& background,
                 const protocol::Clock& clock)
      : replicas_(replicas), metadata_(metadata), background_(background), clock_(clock) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  using TopicProduceData = Request::TopicProduceData;
  using PartitionAnswer = Response::PartitionProduceResponse;

  // What remains to be done for one partition.
  struct Step {
    std::shared_ptr<Partition> to_open;     // open it and append again
    std::shared_ptr<Partition> unfinished;  // before the acknowledgement:
    bool flush = false;                     // flush.messages
    bool replicate = false;                 // acks=all
    UnreplicatedAppend append;
  };
  struct Unfinished;

  PartitionAnswer append(const RequestContext& context, const Request& request, std::string_view topic,
                         const Request::PartitionProduceData& data, Step& step) const;
  Response append_all(const RequestContext& context, const Request& request, const MetadataSnapshot* ids,
                      std::vector<Unfinished>& pending) const;
  awaitable<void> open_and_append(const RequestContext& context, const Request& request,
                                  std::vector<Unfinished>& pending, Response& response) const;
  awaitable<void> finish(RequestContext& context, std::vector<Unfinished>& pending, Response& response) const;
  void add_leaders(const RequestContext& context, Response& response) const;
  void finish_without_answer(RequestContext& context, const Response& response) const;

  ReplicaManager& replicas_;
  const MetadataCache& metadata_;
  BackgroundPool& background_;
  const protocol::Clock& clock_;
};

}  // namespace broker
