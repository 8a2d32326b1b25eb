// What AlterConfigs and IncrementalAlterConfigs have in common on the wire: resources in, one outcome for each out.
// Pure functions.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/config/config_admin.h"

namespace broker {

// The request's resources. `read_operation(config)` tells what is to be done with a config.
template <typename Request, typename ReadOperation>
std::vector<ResourceChange> resource_changes(const Request& request, ReadOperation read_operation) {
  std::vector<ResourceChange> resources;
  resources.reserve(request.resources.size());
  for (const auto& resource : request.resources) {
    ResourceChange change{static_cast<ResourceType>(resource.resource_type), resource.resource_name.str(), {}};
    change.changes.reserve(resource.configs.size());
    for (const auto& config : resource.configs) {
      auto value = config.value ? std::optional(config.value->str()) : std::nullopt;
      change.changes.push_back({config.name.str(), read_operation(config), std::move(value)});
    }
    resources.push_back(std::move(change));
  }
  return resources;
}

// The answer, in the order of the request.
template <typename Response, typename Request>
Response alter_response(const Request& request, ConfigAdmin::Outcomes outcomes) {
  Response response;
  response.responses.reserve(outcomes.size());
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    typename Response::AlterConfigsResourceResponse answer;
    answer.resource_type = request.resources[i].resource_type;
    answer.resource_name = request.resources[i].resource_name;
    answer.error_message = std::nullopt;
    if (!outcomes[i]) {
      answer.error_code = outcomes[i].error().code;
      if (auto& message = outcomes[i].error().message; !message.empty()) {
        answer.error_message = protocol::String(std::move(message));
      }
    }
    response.responses.push_back(std::move(answer));
  }
  return response;
}

}  // namespace broker
