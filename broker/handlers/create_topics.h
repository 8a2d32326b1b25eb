// CreateTopics (API key 19): validates and creates topics, and answers when they can be used.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/handlers/topic_changes.h"
#include "protocol/messages/create_topics.h"

namespace coordination::cluster {
class Controller;
}

namespace broker {

class DynamicConfig;

class CreateTopicsHandler {
 public:
  using Request = protocol::CreateTopicsRequest;
  using Response = protocol::CreateTopicsResponse;

  CreateTopicsHandler(const coordination::cluster::Controller& controller, TopicChanges& changes,
                      const DynamicConfig& config)
      : controller_(controller), changes_(changes), config_(config) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  using TopicResult = Response::CreatableTopicResult;

  void fill(TopicResult& result, const coordination::cluster::CreatedTopic& created) const;

  const coordination::cluster::Controller& controller_;
  TopicChanges& changes_;
  const DynamicConfig& config_;
};

}  // namespace broker
