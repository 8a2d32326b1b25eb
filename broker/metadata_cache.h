// What this broker knows of the cluster: topics, partition leaders, brokers, the controller. It learns all of it from
// the controller's UpdateMetadata requests and from nothing else, as Kafka's brokers do.
//
// MetadataSnapshot is immutable: take one per request and read it without a lock. MetadataCache holds the newest one
// and is self-locking; any thread may use it. Snapshots share what didn't change: an update costs what it changes, not
// what the cluster holds.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/persistent_map.h"
#include "coordination/cluster/broker_registration.h"
#include "protocol/mutex.h"
#include "protocol/types.h"

namespace protocol {
struct UpdateMetadataRequest;
namespace update_metadata_request_types {
struct UpdateMetadataTopicState;
}
}  // namespace protocol

namespace broker {

using coordination::cluster::BrokerEndpoint;
using protocol::BrokerId;
using protocol::TopicPartition;
using protocol::Uuid;

struct PartitionMetadata {
  protocol::PartitionIndex index = 0;
  BrokerId leader = -1;  // -1: none
  protocol::LeaderEpoch leader_epoch = -1;
  std::int32_t partition_epoch = -1;  // data version of the partition's state node
  std::int32_t controller_epoch = -1;
  std::vector<BrokerId> replicas;
  std::vector<BrokerId> isr;
  std::vector<BrokerId> offline_replicas;
};

struct TopicMetadata {
  std::string name;
  Uuid id;                                    // zero: the topic has none (created before Kafka 2.8)
  std::vector<PartitionMetadata> partitions;  // by ascending index; gaps are possible while partitions are added

  const PartitionMetadata* partition(protocol::PartitionIndex index) const;  // nullptr: not known
  bool is_internal() const;                                                  // __consumer_offsets, __transaction_state
};

// __consumer_offsets and __transaction_state.
bool is_internal_topic(std::string_view name);

struct BrokerMetadata {
  BrokerId id = -1;
  std::vector<BrokerEndpoint> endpoints;
  std::optional<std::string> rack;

  const BrokerEndpoint* endpoint(std::string_view listener) const;  // nullptr: it has no such listener
};

// A consistent view of the cluster. Pointers into it live as long as it does.
class MetadataSnapshot {
 public:
  const TopicMetadata* topic(std::string_view name) const;  // nullptr: not known
  const TopicMetadata* topic(const Uuid& id) const;
  const PartitionMetadata* partition(std::string_view topic, protocol::PartitionIndex index) const;
  bool contains(std::string_view topic_name) const { return topic(topic_name) != nullptr; }
  Uuid topic_id(std::string_view name) const;  // zero: not known, or it has none
  std::size_t topic_count() const { return by_name_.size(); }
  std::size_t partition_count() const { return partition_count_; }

  // In no particular order.
  template <typename F>
  void for_each_topic(F f) const {
    by_name_.for_each([&](const auto& topic) { f(*topic); });
  }

  const BrokerMetadata* broker(BrokerId id) const;  // nullptr: not alive
  const std::map<BrokerId, BrokerMetadata>& brokers() const { return *brokers_; }
  BrokerId controller_id() const { return controller_id_; }  // -1: none known yet

 private:
  friend class MetadataCache;
  struct NameOf {
    std::string_view operator()(const std::shared_ptr<const TopicMetadata>& t) const { return t->name; }
  };
  struct IdOf {
    const Uuid& operator()(const std::shared_ptr<const TopicMetadata>& t) const { return t->id; }
  };

  PersistentMap<std::shared_ptr<const TopicMetadata>, NameOf> by_name_;
  PersistentMap<std::shared_ptr<const TopicMetadata>, IdOf> by_id_;
  std::shared_ptr<const std::map<BrokerId, BrokerMetadata>> brokers_ =
      std::make_shared<const std::map<BrokerId, BrokerMetadata>>();
  BrokerId controller_id_ = -1;
  std::size_t partition_count_ = 0;
};

class MetadataCache {
 public:
  using Snapshot = std::shared_ptr<const MetadataSnapshot>;
  using Condition = std::function<bool(const MetadataSnapshot&)>;
  using WaiterId = std::uint64_t;

  MetadataCache();
  MetadataCache(const MetadataCache&) = delete;
  MetadataCache& operator=(const MetadataCache&) = delete;
  ~MetadataCache();

  Snapshot snapshot() const;

  // Takes over what the request says: the live brokers as a whole, partitions one by one (leader -2 removes one).
  // Returns the partitions it removed. Then calls the waiters whose condition came true, on this thread.
  // The caller has checked the controller epoch; calls don't overlap.
  std::vector<TopicPartition> update(const protocol::UpdateMetadataRequest& request);

  // Calls `wake` once, as soon as `condition` holds: at once if it holds now (then 0 is returned), else from the update
  // that makes it true. The condition is looked at only when an update touches one of `topics`, or, without topics, at
  // every update. Both run under no lock, the condition perhaps even after cancel(): it owns what it looks at. They
  // must be brief and must not throw.
  WaiterId wait(std::span<const std::string> topics, Condition condition, std::function<void()> wake);

  // After it returns, `wake` will not be called any more unless it is being called right now.
  void cancel(WaiterId id);

 private:
  struct Waiter;
  struct Change;

  void apply(MetadataSnapshot& next, const protocol::update_metadata_request_types::UpdateMetadataTopicState& state,
             Change& change) const;
  void wake_waiters(const Snapshot& now, const Change& change);

  mutable protocol::Mutex mutex_;
  Snapshot snapshot_ GUARDED_BY(mutex_);
  WaiterId next_waiter_ GUARDED_BY(mutex_) = 1;
  std::map<WaiterId, std::shared_ptr<Waiter>> waiters_ GUARDED_BY(mutex_);
  // Which waiters a topic's change concerns; "" holds those that every update concerns.
  std::multimap<std::string, WaiterId, std::less<>> waiters_of_topic_ GUARDED_BY(mutex_);
};

}  // namespace broker
