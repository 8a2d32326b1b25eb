// OffsetCommit (API key 8): a group remembers how far it has consumed.
// Owned by the API table; stateless, one object serves all network threads.
#pragma once

#include <vector>

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "coordination/group/calls.h"
#include "protocol/clock.h"
#include "protocol/messages/offset_commit.h"

namespace coordination::metadata_store {
class MetadataStore;
}

namespace broker {

class BackgroundPool;
class GroupCoordinator;
class MetadataCache;

class OffsetCommitHandler {
 public:
  using Request = protocol::OffsetCommitRequest;
  using Response = protocol::OffsetCommitResponse;

  struct Options {
    std::int32_t metadata_max_length = 4'096;  // offset.metadata.max.bytes; the coordinator checks its own commits
  };

  OffsetCommitHandler(Options options, GroupCoordinator& groups, MetadataCache& metadata,
                      coordination::metadata_store::MetadataStore& store, BackgroundPool& background,
                      const protocol::Clock& clock)
      : options_(options),
        groups_(groups),
        metadata_(metadata),
        store_(store),
        background_(background),
        clock_(clock) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  protocol::ErrorCode commit_to_store(std::string_view group_id, std::string_view topic,
                                      const Request::OffsetCommitRequestPartition& partition) const;
  awaitable<void> commit_all_to_store(const Request& request, Response& response) const;
  coordination::group::CommitCall to_call(const Request& request, const Response& response) const;

  const Options options_;
  GroupCoordinator& groups_;
  MetadataCache& metadata_;
  coordination::metadata_store::MetadataStore& store_;
  BackgroundPool& background_;
  const protocol::Clock& clock_;
};

}  // namespace broker
