// Heartbeat (API key 12, v0-v4).
//   v3 static members (KIP-345)
// Follows KafkaApis.handleHeartbeatRequest of Kafka 3.9.
#include "broker/handlers/heartbeat.h"

#include "broker/group_coordinator.h"
#include "broker/handlers/group_fields.h"

namespace broker {

awaitable<protocol::HeartbeatResponse> HeartbeatHandler::handle(RequestContext& context, const Request& request) const {
  const coordination::group::HeartbeatCall call{.group_id = request.group_id,
                                                .member_id = request.member_id,
                                                .instance_id = viewed(request.group_instance_id),
                                                .generation = request.generation_id};
  Response response;
  response.error_code = co_await groups_.heartbeat(context, call);
  co_return response;
}

}  // namespace broker
