// What the handlers that change topics have in common: the blocking call of TopicAdmin on a background thread, and the
// wait until the change has reached this broker's metadata, which is when Kafka answers too.
// Owned by the broker; safe from any thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "broker/awaitable.h"
#include "broker/metadata_cache.h"
#include "broker/request_context.h"
#include "coordination/cluster/topic_admin.h"
#include "protocol/mutex.h"
#include "protocol/result.h"

namespace broker {

class BackgroundPool;

class TopicChanges {
 public:
  using Admit = coordination::cluster::TopicAdmin::Admit;

  // What it is given outlives it. `seed` spreads leaders and makes topic ids.
  TopicChanges(const coordination::cluster::TopicAdmin& admin, MetadataCache& metadata, BackgroundPool& background,
               std::uint64_t seed);

  // Creates topics and waits until all their partitions have leaders. One result each; request_timed_out for those that
  // weren't ready in time (they are created all the same), which without a positive time are all. `admit` is asked
  // before each is written, in the background.
  awaitable<std::vector<protocol::Result<coordination::cluster::CreatedTopic>>> create(
      RequestContext& context, std::vector<coordination::cluster::NewTopic> topics, std::int64_t timeout_ms,
      bool validate_only, Admit admit = {});

  // Marks topics for deletion and waits until they are gone from the metadata, and, for a moment more, until their
  // names are free again, so that they can be created anew at once.
  awaitable<std::vector<protocol::Result<void>>> remove(RequestContext& context, std::vector<std::string> topics,
                                                        std::int64_t timeout_ms);

  // Adds partitions and waits until they have leaders. `admit` as above.
  awaitable<std::vector<protocol::Result<std::int32_t>>> add_partitions(
      RequestContext& context, std::vector<coordination::cluster::NewPartitions> topics, std::int64_t timeout_ms,
      bool validate_only, Admit admit = {});

 private:
  awaitable<void> wait_until_names_are_free(RequestContext& context, std::vector<std::string> topics,
                                            std::int64_t timeout_ms);
  std::uint64_t random() EXCLUDES(mutex_);

  const coordination::cluster::TopicAdmin& admin_;
  MetadataCache& metadata_;
  BackgroundPool& background_;
  protocol::Mutex mutex_;
  std::mt19937_64 random_ GUARDED_BY(mutex_);
};

}  // namespace broker
