// DescribeCluster (API key 60, v0-v2). v1 endpoint type (KIP-919), v2 fenced brokers (KIP-1073; there are none here).
// Follows AuthHelper.computeDescribeClusterResponse.
#include "broker/handlers/describe_cluster.h"

#include <fmt/format.h>

namespace broker {

using protocol::DescribeClusterResponse;
using protocol::ErrorCode;

namespace {

constexpr std::int8_t broker_endpoints = 1;
constexpr std::int8_t controller_endpoints = 2;

}  // namespace

DescribeClusterResponse DescribeClusterHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  const bool v0 = context.api_version() == 0;
  if (request.endpoint_type == controller_endpoints) {
    response.error_code = v0 ? ErrorCode::invalid_request : ErrorCode::mismatched_endpoint_type;
    response.error_message =
        "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER";
    return response;
  }
  if (request.endpoint_type != broker_endpoints) {
    response.error_code = v0 ? ErrorCode::invalid_request : ErrorCode::unsupported_endpoint_type;
    response.error_message = fmt::format("Unsupported endpoint type {}", request.endpoint_type);
    return response;
  }
  const MetadataCache::Snapshot now = metadata_.snapshot();
  for (const auto& [id, known] : now->brokers()) {
    const auto address = address_of_(context, known);
    if (!address) continue;
    auto& broker = response.brokers.emplace_back();
    broker.broker_id = id;
    broker.host = address->host;
    broker.port = address->port;
    if (known.rack) broker.rack = protocol::String(*known.rack);
    if (id == now->controller_id()) response.controller_id = id;
  }
  response.cluster_id = cluster_id_;
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = all_cluster_operations;
  return response;
}

}  // namespace broker
