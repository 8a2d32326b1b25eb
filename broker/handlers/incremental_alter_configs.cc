#include "broker/handlers/incremental_alter_configs.h"

#include "broker/handlers/alter_config_fields.h"

namespace broker {

awaitable<IncrementalAlterConfigsHandler::Response> IncrementalAlterConfigsHandler::handle(
    RequestContext&, const Request& request) const {
  const auto resources = resource_changes(
      request, [](const auto& config) { return static_cast<AlterOperation>(config.config_operation); });
  auto change = [this, &resources, &request] { return configs_.change(resources, request.validate_only); };
  ConfigAdmin::Outcomes outcomes = co_await background_.run(change);
  co_return alter_response<Response>(request, std::move(outcomes));
}

}  // namespace broker
