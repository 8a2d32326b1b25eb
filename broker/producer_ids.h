// Producer ids for InitProducerId: hands out ids from a block of a thousand that the controller gave this broker, and
// fetches the next block when nine tenths are used. What kafka.coordinator.transaction.RPCProducerIdManager is.
//
// Self-locking: every function is safe from any thread. Ids of a block that a stopped broker didn't use are lost.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "coordination/cluster/controller.h"
#include "protocol/clock.h"
#include "protocol/mutex.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace broker {

class ProducerIds {
 public:
  using BlockResult = protocol::Result<coordination::cluster::ProducerIdBlock>;
  // Asks the controller for a block; calls `done` on any thread, also before it returns.
  using RequestBlock = std::function<void(std::function<void(BlockResult)> done)>;

  ProducerIds(RequestBlock request_block, const protocol::Clock& clock);

  // The next id; coordinator_load_in_progress (which all clients retry) while no block is there.
  protocol::Result<protocol::ProducerId> next() EXCLUDES(mutex_);

  // Calls `wake` once, as soon as a block has arrived or its request failed; at once if an id is there. Lets the first
  // producer wait the moment instead of trying again after its back-off.
  void when_ready(std::function<void()> wake) EXCLUDES(mutex_);

 private:
  void request_if_due() EXCLUDES(mutex_);
  void take(BlockResult block) EXCLUDES(mutex_);

  const RequestBlock request_block_;
  const protocol::Clock& clock_;

  protocol::Mutex mutex_;
  protocol::ProducerId next_ GUARDED_BY(mutex_) = 0;
  protocol::ProducerId end_ GUARDED_BY(mutex_) = 0;  // of the current block, exclusive
  protocol::ProducerId prefetch_at_ GUARDED_BY(mutex_) = 0;
  std::optional<coordination::cluster::ProducerIdBlock> next_block_ GUARDED_BY(mutex_);
  bool requested_ GUARDED_BY(mutex_) = false;
  std::int64_t retry_at_ms_ GUARDED_BY(mutex_) = 0;  // monotonic
  std::vector<std::function<void()>> wakes_ GUARDED_BY(mutex_);
};

}  // namespace broker
