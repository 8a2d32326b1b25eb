// OffsetDelete (API key 47): forgets a group's offsets of some partitions.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "protocol/messages/offset_delete.h"

namespace broker {

class GroupCoordinator;
class MetadataCache;

class OffsetDeleteHandler {
 public:
  using Request = protocol::OffsetDeleteRequest;
  using Response = protocol::OffsetDeleteResponse;

  OffsetDeleteHandler(GroupCoordinator& groups, MetadataCache& metadata) : groups_(groups), metadata_(metadata) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  GroupCoordinator& groups_;
  MetadataCache& metadata_;
};

}  // namespace broker
