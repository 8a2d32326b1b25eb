// AlterConfigs (API key 33, v0-v2): replaces all dynamic configs of topics and brokers. Deprecated for
// IncrementalAlterConfigs (KIP-339), but older tools still send it. Blocks in the background only.
#pragma once

#include "broker/background.h"
#include "broker/config/config_admin.h"
#include "broker/handler.h"
#include "protocol/messages/alter_configs.h"

namespace broker {

class AlterConfigsHandler {
 public:
  using Request = protocol::AlterConfigsRequest;
  using Response = protocol::AlterConfigsResponse;

  AlterConfigsHandler(const ConfigAdmin& configs, BackgroundPool& background)
      : configs_(configs), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  const ConfigAdmin& configs_;
  BackgroundPool& background_;
};

}  // namespace broker
