#include "broker/handlers/alter_configs.h"

#include "broker/handlers/alter_config_fields.h"

namespace broker {

awaitable<AlterConfigsHandler::Response> AlterConfigsHandler::handle(RequestContext&, const Request& request) const {
  const auto resources = resource_changes(request, [](const auto&) { return AlterOperation::set; });
  auto replace = [this, &resources, &request] { return configs_.replace(resources, request.validate_only); };
  ConfigAdmin::Outcomes outcomes = co_await background_.run(replace);
  co_return alter_response<Response>(request, std::move(outcomes));
}

}  // namespace broker
