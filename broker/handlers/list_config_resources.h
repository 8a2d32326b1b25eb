// ListConfigResources (API key 74, v0-v1; KIP-1142, formerly ListClientMetricsResources): which resources have configs.
//   v0 client metrics only, of which there are none    v1 the types that are asked for; none: all
#pragma once

#include "broker/handler.h"
#include "broker/metadata_cache.h"
#include "protocol/messages/list_config_resources.h"

namespace broker {

class ListConfigResourcesHandler {
 public:
  using Request = protocol::ListConfigResourcesRequest;
  using Response = protocol::ListConfigResourcesResponse;

  explicit ListConfigResourcesHandler(const MetadataCache& metadata) : metadata_(metadata) {}

  Response handle(RequestContext& context, const Request& request) const;

 private:
  const MetadataCache& metadata_;
};

}  // namespace broker
