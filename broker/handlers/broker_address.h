// How handlers that name brokers to a client learn the address that this client shall use.
#pragma once

#include <functional>
#include <optional>

#include "broker/metadata_cache.h"
#include "broker/request_context.h"

namespace broker {

// Where this request's client reaches a broker; nothing if the broker doesn't have the request's listener.
using AddressOf = std::function<std::optional<BrokerEndpoint>(const RequestContext&, const BrokerMetadata&)>;

// What a principal may do when nothing is forbidden (no authorizer): the bits of Kafka's AclOperation.
inline constexpr std::int32_t all_topic_operations = 0b1101'1111'1000;      // read, write, create … alter configs
inline constexpr std::int32_t all_cluster_operations = 0b1'1111'1010'0000;  // create, alter … idempotent write

}  // namespace broker
