// CreatePartitions (API key 37): gives topics more partitions, and answers when those have leaders.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/handlers/topic_changes.h"
#include "protocol/messages/create_partitions.h"

namespace coordination::cluster {
class Controller;
}

namespace broker {

class CreatePartitionsHandler {
 public:
  using Request = protocol::CreatePartitionsRequest;
  using Response = protocol::CreatePartitionsResponse;

  CreatePartitionsHandler(const coordination::cluster::Controller& controller, TopicChanges& changes)
      : controller_(controller), changes_(changes) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  const coordination::cluster::Controller& controller_;
  TopicChanges& changes_;
};

}  // namespace broker
