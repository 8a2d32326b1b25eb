// DeleteTopics (API key 20): deletes topics by name or id, and answers when this broker doesn't know them any more.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/handlers/topic_changes.h"
#include "protocol/messages/delete_topics.h"

namespace coordination::cluster {
class Controller;
}

namespace broker {

class DynamicConfig;

class DeleteTopicsHandler {
 public:
  using Request = protocol::DeleteTopicsRequest;
  using Response = protocol::DeleteTopicsResponse;

  DeleteTopicsHandler(const coordination::cluster::Controller& controller, const MetadataCache& metadata,
                      TopicChanges& changes, const DynamicConfig& config)
      : controller_(controller), metadata_(metadata), changes_(changes), config_(config) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  const coordination::cluster::Controller& controller_;
  const MetadataCache& metadata_;
  TopicChanges& changes_;
  const DynamicConfig& config_;
};

}  // namespace broker
