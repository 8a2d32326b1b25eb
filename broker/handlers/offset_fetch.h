// OffsetFetch (API key 9): how far groups have consumed.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "coordination/group/calls.h"
#include "protocol/messages/offset_fetch.h"

namespace coordination::metadata_store {
class MetadataStore;
}

namespace broker {

class BackgroundPool;
class GroupCoordinator;
class MetadataCache;
class MetadataSnapshot;

class OffsetFetchHandler {
 public:
  using Request = protocol::OffsetFetchRequest;
  using Response = protocol::OffsetFetchResponse;

  OffsetFetchHandler(GroupCoordinator& groups, MetadataCache& metadata,
                     coordination::metadata_store::MetadataStore& store, BackgroundPool& background)
      : groups_(groups), metadata_(metadata), store_(store), background_(background) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  awaitable<Response> fetch_from_store(const Request& request) const;
  awaitable<Response> fetch_one_group(RequestContext& context, const Request& request) const;
  awaitable<Response::OffsetFetchResponseGroup> fetch_group(RequestContext& context,
                                                            const Request::OffsetFetchRequestGroup& wanted,
                                                            bool require_stable, const MetadataSnapshot* ids) const;

  GroupCoordinator& groups_;
  MetadataCache& metadata_;
  coordination::metadata_store::MetadataStore& store_;
  BackgroundPool& background_;
};

}  // namespace broker
