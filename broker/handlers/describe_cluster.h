// DescribeCluster (API key 60): the cluster's id, controller and brokers.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include <string>

#include "broker/handler.h"
#include "broker/handlers/broker_address.h"
#include "protocol/messages/describe_cluster.h"

namespace broker {

class DescribeClusterHandler {
 public:
  using Request = protocol::DescribeClusterRequest;
  using Response = protocol::DescribeClusterResponse;

  DescribeClusterHandler(const MetadataCache& metadata, std::string cluster_id, AddressOf address_of)
      : metadata_(metadata), cluster_id_(std::move(cluster_id)), address_of_(std::move(address_of)) {}

  Response handle(RequestContext& context, const Request& request) const;

 private:
  const MetadataCache& metadata_;
  const std::string cluster_id_;
  const AddressOf address_of_;
};

}  // namespace broker
