// FindCoordinator (API key 10): which broker coordinates a group.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include <functional>

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/metadata_cache.h"
#include "protocol/messages/find_coordinator.h"
#include "protocol/result.h"

namespace broker {

class GroupCoordinator;
class InternalTopics;

class FindCoordinatorHandler {
 public:
  using Request = protocol::FindCoordinatorRequest;
  using Response = protocol::FindCoordinatorResponse;

  struct Address {
    std::string host;
    std::int32_t port = -1;
  };
  // Where this request's client reaches a broker; nothing if the broker has no such listener.
  using AddressOf = std::function<std::optional<Address>(const RequestContext&, const BrokerMetadata&)>;

  FindCoordinatorHandler(const GroupCoordinator& groups, InternalTopics& topics, AddressOf address_of)
      : groups_(groups), topics_(topics), address_of_(std::move(address_of)) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  using Answer = Response::Coordinator;

  awaitable<Answer> find(RequestContext& context, std::int8_t key_type, std::string_view key) const;
  awaitable<protocol::Result<Answer>> find_group(RequestContext& context, std::string_view group_id) const;

  const GroupCoordinator& groups_;
  InternalTopics& topics_;
  const AddressOf address_of_;
};

}  // namespace broker
