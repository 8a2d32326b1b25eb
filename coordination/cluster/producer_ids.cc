#include "coordination/cluster/producer_ids.h"

#include <spdlog/spdlog.h>

#include <future>
#include <limits>

#include "coordination/cluster/znodes.h"

namespace coordination::cluster {

using metadata_store::CreateMode, metadata_store::StoreError;
using protocol::ErrorCode, protocol::fail, protocol::MutexLock, protocol::Result;

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

ProducerIdGenerator::ProducerIdGenerator(FetchBlock fetch_block) : fetch_block_(std::move(fetch_block)) {}

std::optional<protocol::ProducerId> ProducerIdGenerator::try_next() {
  const MutexLock lock(mutex_);
  if (block_.count == 0) return std::nullopt;
  --block_.count;
  return block_.first++;
}

Result<protocol::ProducerId> ProducerIdGenerator::next() {
  if (const auto id = try_next()) return *id;
  const MutexLock fetching(fetching_);
  if (const auto id = try_next()) return *id;  // another caller fetched while this one waited
  const auto block = fetch_block_();
  if (!block) return std::unexpected(block.error());
  const MutexLock lock(mutex_);
  block_ = {.first = block->first + 1, .count = block->count - 1};
  return block->first;
}

ProducerIdGenerator::FetchBlock from_controller(Controller& controller, protocol::BrokerId broker,
                                                std::function<std::int64_t()> broker_epoch) {
  return [&controller, broker, broker_epoch = std::move(broker_epoch)] {
    std::promise<Result<ProducerIdBlock>> promise;
    controller.allocate_producer_ids(
        broker, broker_epoch(), [&promise](Result<ProducerIdBlock> block) { promise.set_value(std::move(block)); });
    return promise.get_future().get();
  };
}

}  // namespace coordination::cluster
