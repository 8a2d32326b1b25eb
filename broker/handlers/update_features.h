// UpdateFeatures (API key 57): raises and lowers the cluster's finalized features. This broker supports none, as
// Kafka's brokers on ZooKeeper, so each update is refused with the reason. Owned by the API table; stateless, one
// object serves all network threads.
#pragma once

#include "broker/handler.h"
#include "protocol/messages/update_features.h"

namespace coordination::cluster {
class Controller;
}

namespace broker {

class UpdateFeaturesHandler {
 public:
  using Request = protocol::UpdateFeaturesRequest;
  using Response = protocol::UpdateFeaturesResponse;

  explicit UpdateFeaturesHandler(const coordination::cluster::Controller& controller) : controller_(controller) {}

  Response handle(RequestContext& context, const Request& request) const;

 private:
  const coordination::cluster::Controller& controller_;
};

}  // namespace broker
