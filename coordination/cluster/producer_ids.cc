#include "coordination/cluster/producer_ids.h"

#include <limits>

#include "coordination/cluster/znodes.h"

namespace coordination::cluster {

using metadata_store::CreateMode, metadata_store::StoreError;
using protocol::ErrorCode, protocol::fail, protocol::Result;

Result<ProducerIdBlock> allocate_producer_id_block(metadata_store::MetadataStore& store, protocol::BrokerId broker) {
  constexpr int max_conflicts = 100;
  for (int attempt = 0; attempt < max_conflicts; ++attempt) {
    const auto node = store.get(path::producer_id_block);
    if (!node && node.error() == StoreError::no_node) {
      const auto created = store.create(path::producer_id_block, {}, CreateMode::persistent);
      if (created || created.error() == StoreError::node_exists) continue;
      return std::unexpected(to_error(created.error(), "creating the producer id block"));
    }
    if (!node) return std::unexpected(to_error(node.error(), "reading the producer id block"));
    std::int64_t first = 0;
    if (!node->data.empty()) {
      const auto last = decode_producer_id_block(node->data);
      if (!last) return std::unexpected(last.error());
      if (last->last > std::numeric_limits<std::int64_t>::max() - producer_ids_per_block) {
        return fail(ErrorCode::unknown_server_error, "All producer ids of the cluster are used up.");
      }
      first = last->last + 1;
    }
    const ProducerIdBlockNode next{.broker = broker, .first = first, .last = first + producer_ids_per_block - 1};
    const auto written = store.set(path::producer_id_block, encode(next), node->stat.version);
    if (written) return ProducerIdBlock{.first = first, .count = producer_ids_per_block};
    if (written.error() != StoreError::bad_version) {
      return std::unexpected(to_error(written.error(), "writing the producer id block"));
    }
  }
  return fail(ErrorCode::request_timed_out, "The producer id block was always changed by another broker.");
}

}  // namespace coordination::cluster
