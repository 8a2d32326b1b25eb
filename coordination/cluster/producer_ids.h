// Producer ids that no producer of the cluster had before: the controller allocates them in blocks, each for one broker
// to hand out. Stateless; safe from any thread; blocks on the store.
#pragma once

#include <cstdint>

#include "coordination/metadata_store/metadata_store.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::cluster {

// How many ids a block has, as Kafka's.
inline constexpr std::int32_t producer_ids_per_block = 1000;

// Producer ids first … first + count - 1, for one broker to hand out.
struct ProducerIdBlock {
  std::int64_t first = 0;
  std::int32_t count = 0;

  bool operator==(const ProducerIdBlock&) const = default;
};

// Advances /latest_producer_id_block by one block for the broker: read, compare and set, again on a conflict.
protocol::Result<ProducerIdBlock> allocate_producer_id_block(metadata_store::MetadataStore& store,
                                                             protocol::BrokerId broker);

}  // namespace coordination::cluster
