// IncrementalAlterConfigs (API key 44, v0-v1; KIP-339): sets, removes, appends to and subtracts from single configs of
// topics, brokers and (KIP-412) loggers. Blocks in the background only.
#pragma once

#include "broker/background.h"
#include "broker/config/config_admin.h"
#include "broker/handler.h"
#include "protocol/messages/incremental_alter_configs.h"

namespace broker {

class IncrementalAlterConfigsHandler {
 public:
  using Request = protocol::IncrementalAlterConfigsRequest;
  using Response = protocol::IncrementalAlterConfigsResponse;

  IncrementalAlterConfigsHandler(const ConfigAdmin& configs, BackgroundPool& background)
      : configs_(configs), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  const ConfigAdmin& configs_;
  BackgroundPool& background_;
};

}  // namespace broker
