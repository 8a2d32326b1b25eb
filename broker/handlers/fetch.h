// Fetch (API key 1): record batches for consumers and followers, with long polls and incremental sessions.
// Owned by the API table; stateless but for the session cache, which guards itself.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/replication/fetch_session.h"
#include "broker/replication/partition.h"
#include "protocol/clock.h"
#include "protocol/messages/fetch.h"

namespace broker {

class BackgroundPool;
class MetadataCache;
class MetadataSnapshot;
class ReplicaManager;

class FetchHandler {
 public:
  using Request = protocol::FetchRequest;
  using Response = protocol::FetchResponse;

  // `max_bytes`: fetch.max.bytes, the most that one response may hold.
  FetchHandler(ReplicaManager& replicas, const MetadataCache& metadata, FetchSessionCache& sessions,
               BackgroundPool& background, const protocol::Clock& clock, std::int32_t max_bytes)
      : replicas_(replicas),
        metadata_(metadata),
        sessions_(sessions),
        background_(background),
        clock_(clock),
        max_bytes_(max_bytes) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  struct Limits;
  struct Read;
  // A response, and the target of each of its partitions, in order; they live in the FetchContext.
  struct Answer {
    Response response;
    std::vector<const FetchTarget*> targets;
  };

  FetchContext begin(const RequestContext& context, const Request& request, const MetadataSnapshot& metadata) const;
  Limits limits_of(const RequestContext& context, const Request& request) const;
  std::vector<Read> find_partitions(const FetchContext& fetch, bool by_id) const;
  void read_one(const FetchTarget& target, const Limits& limits, bool may_block, std::int64_t bytes_left,
                bool min_one_message, Read& read) const;
  // Reads every partition; false if something must wait for the disk and may not.
  bool read_pass(const FetchContext& fetch, const Limits& limits, bool may_block, std::vector<Read>& reads) const;
  awaitable<void> read_all(const FetchContext& fetch, const Limits& limits, std::vector<Read>& reads) const;
  awaitable<void> wait_for_bytes(RequestContext& context, const FetchContext& fetch, const Limits& limits,
                                 std::vector<Read>& reads) const;
  Answer assemble(const RequestContext& context, FetchContext& fetch, const Limits& limits,
                  std::vector<Read>& reads) const;
  // Whether the client's quotas have it wait instead of sending what was read.
  static bool is_throttled(const RequestContext& context, const FetchContext& fetch, const std::vector<Read>& reads);
  void add_leaders(const RequestContext& context, const MetadataSnapshot& metadata, Response& response) const;
  // Converts what clients of old versions can't read, in memory.
  awaitable<void> down_convert(const RequestContext& context, const Limits& limits, Answer& answer) const;

  ReplicaManager& replicas_;
  const MetadataCache& metadata_;
  FetchSessionCache& sessions_;
  BackgroundPool& background_;
  const protocol::Clock& clock_;
  const std::int32_t max_bytes_;
};

}  // namespace broker
