#include "broker/handlers/list_config_resources.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "broker/config/config_admin.h"

namespace broker {
namespace {

using protocol::ErrorCode;
using Response = protocol::ListConfigResourcesResponse;

constexpr std::int8_t group = 32;  // newer than Kafka 3.9's resource types; no group has configs here
constexpr std::array<std::int8_t, 5> listed_types = {static_cast<std::int8_t>(ResourceType::topic),
                                                     static_cast<std::int8_t>(ResourceType::broker),
                                                     static_cast<std::int8_t>(ResourceType::broker_logger),
                                                     static_cast<std::int8_t>(ResourceType::client_metrics), group};

void add(Response& response, std::int8_t type, std::string name) {
  Response::ConfigResource resource;
  resource.resource_type = type;
  resource.resource_name = protocol::String(std::move(name));
  response.config_resources.push_back(std::move(resource));
}

void add_all(Response& response, std::int8_t type, const MetadataSnapshot& metadata) {
  switch (static_cast<ResourceType>(type)) {
    case ResourceType::topic:
      metadata.for_each_topic([&](const TopicMetadata& topic) { add(response, type, topic.name); });
      break;
    case ResourceType::broker:
    case ResourceType::broker_logger:
      for (const auto& [id, broker] : metadata.brokers()) add(response, type, std::to_string(id));
      break;
    default:
      break;
  }
}

}  // namespace

Response ListConfigResourcesHandler::handle(RequestContext& context, const Request& request) const {
  Response response;
  if (context.api_version() == 0) return response;
  const auto& wanted = request.resource_types;
  const auto is_listed = [](std::int8_t type) { return std::ranges::find(listed_types, type) != listed_types.end(); };
  if (!std::ranges::all_of(wanted, is_listed)) {
    response.error_code = ErrorCode::unsupported_version;
    return response;
  }
  const MetadataCache::Snapshot metadata = metadata_.snapshot();
  for (const std::int8_t type : listed_types) {
    if (wanted.empty() || std::ranges::find(wanted, type) != wanted.end()) add_all(response, type, *metadata);
  }
  return response;
}

}  // namespace broker
