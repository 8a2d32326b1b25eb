// Metadata (API key 3): brokers, the controller, topics with their partitions' leaders; creates topics on first use.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/handlers/broker_address.h"
#include "broker/handlers/topic_changes.h"
#include "protocol/messages/metadata.h"

namespace broker {

class DynamicConfig;

class MetadataHandler {
 public:
  using Request = protocol::MetadataRequest;
  using Response = protocol::MetadataResponse;

  // Told when a client that wants a topic gets to know the only broker there is, at this address.
  using AddressTold = std::function<void(RequestContext& context, std::string_view host, std::int32_t port)>;

  // `address_told` may be empty.
  MetadataHandler(const MetadataCache& metadata, TopicChanges& changes, const DynamicConfig& config,
                  std::string cluster_id, AddressOf address_of, AddressTold address_told = {})
      : metadata_(metadata),
        changes_(changes),
        config_(config),
        cluster_id_(std::move(cluster_id)),
        address_of_(std::move(address_of)),
        address_told_(std::move(address_told)) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  using Topic = Response::MetadataResponseTopic;
  using Reachable = std::function<bool(protocol::BrokerId)>;

  awaitable<std::vector<Topic>> create_missing(RequestContext& context, const Request& request,
                                               std::vector<std::string> names) const;
  Topic describe(const RequestContext& context, const TopicMetadata& topic, const Reachable& reachable,
                 const MetadataSnapshot& now) const;

  const MetadataCache& metadata_;
  TopicChanges& changes_;
  const DynamicConfig& config_;
  const std::string cluster_id_;
  const AddressOf address_of_;
  const AddressTold address_told_;
};

}  // namespace broker
