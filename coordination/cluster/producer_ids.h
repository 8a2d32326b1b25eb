// Producer ids that no producer of the cluster had before: a broker takes them from blocks that the controller
// allocates. Self-locking; safe from any thread.
#pragma once

#include <functional>
#include <optional>

#include "coordination/cluster/controller.h"
#include "coordination/metadata_store/metadata_store.h"
#include "protocol/mutex.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::cluster {

// How many ids a block has, as Kafka's.
inline constexpr std::int32_t producer_ids_per_block = 1000;

// Advances /latest_producer_id_block by one block for the broker: read, compare and set, again on a conflict.
protocol::Result<ProducerIdBlock> allocate_producer_id_block(metadata_store::MetadataStore& store,
                                                             protocol::BrokerId broker);

class ProducerIdGenerator {
 public:
  // Asks for a block; blocks until there is an answer. Called without a lock held, by one caller at a time.
  using FetchBlock = std::function<protocol::Result<ProducerIdBlock>()>;

  explicit ProducerIdGenerator(FetchBlock fetch_block);

  // The next id if the current block still has one. Never blocks.
  std::optional<protocol::ProducerId> try_next();

  // The next id; fetches a block where needed, and so may block for as long as the fetch does.
  protocol::Result<protocol::ProducerId> next();

 private:
  const FetchBlock fetch_block_;
  protocol::Mutex fetching_;  // held while a block is fetched, so that waiting callers share it
  protocol::Mutex mutex_;
  ProducerIdBlock block_ GUARDED_BY(mutex_);
};

// A source of blocks that asks this process's controller and waits for its answer.
ProducerIdGenerator::FetchBlock from_controller(Controller& controller, protocol::BrokerId broker,
                                                std::function<std::int64_t()> broker_epoch);

}  // namespace coordination::cluster
