// DescribeConfigs (API key 32, v0-v4): the configs of topics, brokers and loggers with their sources.
//   v1 synonyms (KIP-226)    v3 documentation and types (KIP-569)
// Follows Kafka 3.9's ConfigHelper on ZooKeeper: client metrics are refused. Blocks in the background only.
#pragma once

#include "broker/background.h"
#include "broker/config/config_admin.h"
#include "broker/handler.h"
#include "protocol/messages/describe_configs.h"

namespace broker {

class DescribeConfigsHandler {
 public:
  using Request = protocol::DescribeConfigsRequest;
  using Response = protocol::DescribeConfigsResponse;

  DescribeConfigsHandler(const ConfigAdmin& configs, BackgroundPool& background)
      : configs_(configs), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  const ConfigAdmin& configs_;
  BackgroundPool& background_;
};

}  // namespace broker
