#include "broker/groups/internal_topics.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "broker/background.h"
#include "broker/config/broker_config.h"
#include "broker/config/topic_config.h"
#include "broker/waiter.h"

namespace broker {

using coordination::cluster::BrokerRack;
using coordination::cluster::NewTopic;
using protocol::ErrorCode;
using protocol::fail;
using protocol::Result;

namespace {

bool has_leader(const MetadataSnapshot& snapshot, protocol::PartitionIndex partition) {
  const PartitionMetadata* known = snapshot.partition(consumer_offsets_topic, partition);
  return known != nullptr && known->leader >= 0 && snapshot.broker(known->leader) != nullptr;
}

}  // namespace

InternalTopicOptions internal_topic_options(const BrokerConfig& config) {
  return {.partition_count = config.offsets_topic_num_partitions,
          .replication_factor = config.offsets_topic_replication_factor,
          // In a cluster the other brokers may just not be up yet.
          .may_clamp_replication_factor =
              !config.zookeeper_connect && !config.values.contains("offsets.topic.replication.factor"),
          .min_insync_replicas = make_log_config("", {}, config).min_insync_replicas,
          .segment_bytes = config.offsets_topic_segment_bytes};
}

InternalTopics::InternalTopics(InternalTopicOptions options, const coordination::cluster::TopicAdmin& admin,
                               MetadataCache& metadata, BackgroundPool& background, std::uint64_t seed)
    : options_(options), admin_(admin), metadata_(metadata), background_(background), random_(seed) {}

awaitable<Result<MetadataCache::Snapshot>> InternalTopics::with_leader(
    const RequestContext& context, std::function<protocol::PartitionIndex()> partition) {
  MetadataCache::Snapshot snapshot = metadata_.snapshot();
  if (has_leader(*snapshot, partition())) co_return snapshot;
  if (!snapshot->contains(consumer_offsets_topic)) {
    const auto create_topic = [this] { return create(); };
    const Result<void> created = co_await background_.run(create_topic);
    if (!created) {
      log_failure(created.error().text());
      co_return fail(ErrorCode::coordinator_not_available, created.error().text());
    }
  }
  // The whole topic at once, so that the next groups needn't wait. A copy: the cache may look at it while this
  // coroutine ends.
  const auto usable = [partition](const MetadataSnapshot& now) {
    return now.contains(consumer_offsets_topic) && has_leader(now, partition());
  };
  co_await wait_for(context, usable);
  snapshot = metadata_.snapshot();
  if (!has_leader(*snapshot, partition())) {
    co_return fail(ErrorCode::coordinator_not_available, "The coordinator's partition has no leader yet.");
  }
  co_return snapshot;
}

awaitable<void> InternalTopics::wait_for(const RequestContext& context, MetadataCache::Condition condition) {
  Waiter waiter(context);
  const std::array topics{std::string(consumer_offsets_topic)};
  const WaiterHandle handle = waiter.handle();
  const auto id = metadata_.wait(topics, std::move(condition), [handle] { handle.notify(); });
  co_await waiter.wait_for(options_.wait_ms);
  metadata_.cancel(id);
}

Result<void> InternalTopics::create() {
  const auto snapshot = metadata_.snapshot();
  std::vector<BrokerRack> brokers;
  for (const auto& [id, broker] : snapshot->brokers()) brokers.push_back({id, broker.rack});
  NewTopic topic{.name = std::string(consumer_offsets_topic),
                 .partition_count = options_.partition_count,
                 .replication_factor = options_.replication_factor,
                 .config = {{"cleanup.policy", "compact"},
                            {"compression.type", "producer"},
                            {"segment.bytes", std::to_string(options_.segment_bytes)}}};
  const auto live = static_cast<std::int16_t>(std::min<std::size_t>(brokers.size(), 32'767));
  if (options_.may_clamp_replication_factor && live > 0 && live < topic.replication_factor) {
    spdlog::info("__consumer_offsets gets {} replica(s) instead of {}: that is how many brokers there are", live,
                 topic.replication_factor);
    topic.replication_factor = live;
  }
  if (options_.min_insync_replicas > topic.replication_factor) {
    spdlog::info("__consumer_offsets needs {} replica(s) in sync instead of {} (min.insync.replicas): it has no more",
                 topic.replication_factor, options_.min_insync_replicas);
  }
  const auto created = admin_.create({&topic, 1}, brokers, random(), false);
  if (created.empty() || created[0] || created[0].code() == ErrorCode::topic_already_exists) return {};
  return std::unexpected(created[0].error());
}

void InternalTopics::log_failure(const std::string& reason) {
  {
    const protocol::MutexLock lock(mutex_);
    if (std::exchange(logged_failure_, reason) == reason) return;
  }
  spdlog::warn("__consumer_offsets can't be created, so groups can't be used: {}", reason);
}

std::uint64_t InternalTopics::random() {
  const protocol::MutexLock lock(mutex_);
  return random_();
}

}  // namespace broker
