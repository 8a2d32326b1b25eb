// Who leads a partition now, for clients that asked the wrong broker (KIP-951: Produce v10, Fetch v16).
// Pure functions over a request's metadata snapshot.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/metadata_cache.h"
#include "protocol/types.h"

namespace broker {

struct LeaderHint {
  protocol::BrokerId leader = -1;
  protocol::LeaderEpoch epoch = protocol::no_leader_epoch;
};

inline LeaderHint current_leader(const MetadataSnapshot& metadata, std::string_view topic,
                                 protocol::PartitionIndex partition) {
  const PartitionMetadata* known = metadata.partition(topic, partition);
  if (known == nullptr) return {};
  return {.leader = known->leader, .epoch = known->leader_epoch};
}

// Adds the broker's address on the client's listener to a response's NodeEndpoints, once.
template <typename NodeEndpoint>
void add_endpoint(std::vector<NodeEndpoint>& endpoints, const MetadataSnapshot& metadata, protocol::BrokerId id,
                  std::string_view listener) {
  for (const NodeEndpoint& known : endpoints) {
    if (known.node_id == id) return;
  }
  const BrokerMetadata* broker = metadata.broker(id);
  const BrokerEndpoint* address = broker == nullptr ? nullptr : broker->endpoint(listener);
  if (address == nullptr) return;
  NodeEndpoint& endpoint = endpoints.emplace_back();
  endpoint.node_id = id;
  endpoint.host = std::string(address->host);
  endpoint.port = address->port;
  if (broker->rack) endpoint.rack = std::string(*broker->rack);
}

}  // namespace broker
