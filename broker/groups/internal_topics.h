// Makes __consumer_offsets when the first group needs it, and waits until it can be used, so that a client's first
// question for its coordinator is answered at once. Safe from any thread; concurrent callers are fine, because creating
// a topic that exists changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "broker/awaitable.h"
#include "broker/metadata_cache.h"
#include "broker/request_context.h"
#include "coordination/cluster/topic_admin.h"
#include "protocol/mutex.h"
#include "protocol/result.h"
#include "protocol/topic_name.h"

namespace broker {

class BackgroundPool;
struct BrokerConfig;

using protocol::consumer_offsets_topic;

struct InternalTopicOptions {
  std::int32_t partition_count = 50;    // offsets.topic.num.partitions
  std::int16_t replication_factor = 3;  // offsets.topic.replication.factor
  // Nobody asked for that replication factor: fewer brokers get fewer replicas, instead of no groups at all.
  bool may_clamp_replication_factor = false;
  std::int32_t min_insync_replicas = 1;            // min.insync.replicas
  std::int32_t segment_bytes = 100 * 1024 * 1024;  // offsets.topic.segment.bytes
  std::int64_t wait_ms = 3'000;                    // for the partition's leader
};

// From the broker's configuration.
InternalTopicOptions internal_topic_options(const BrokerConfig& config);

class InternalTopics {
 public:
  // What it is given outlives it. `seed` spreads leaders and makes the topic's id.
  InternalTopics(InternalTopicOptions options, const coordination::cluster::TopicAdmin& admin, MetadataCache& metadata,
                 BackgroundPool& background, std::uint64_t seed);

  // Returns metadata in which `partition` of __consumer_offsets has a live leader; the topic is created if it doesn't
  // exist. Errors: coordinator_not_available, when that took too long or can't be.
  awaitable<protocol::Result<MetadataCache::Snapshot>> with_leader(const RequestContext& context,
                                                                   std::function<protocol::PartitionIndex()> partition);

 private:
  // Blocks on the metadata store. An existing topic is fine.
  protocol::Result<void> create();
  awaitable<void> wait_for(const RequestContext& context, MetadataCache::Condition condition);
  std::uint64_t random() EXCLUDES(mutex_);
  // Once for each reason: clients ask again and again.
  void log_failure(const std::string& reason) EXCLUDES(mutex_);

  const InternalTopicOptions options_;
  const coordination::cluster::TopicAdmin& admin_;
  MetadataCache& metadata_;
  BackgroundPool& background_;
  protocol::Mutex mutex_;
  std::mt19937_64 random_ GUARDED_BY(mutex_);
  std::string logged_failure_ GUARDED_BY(mutex_);
};

}  // namespace broker
