#include "broker/metadata_cache.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <set>

#include "coordination/cluster/znodes.h"
#include "protocol/messages/update_metadata.h"
#include "protocol/topic_name.h"

namespace broker {

using coordination::cluster::SecurityProtocol;
using protocol::MutexLock;

namespace {

using TopicState = protocol::UpdateMetadataRequest::UpdateMetadataTopicState;
using PartitionState = protocol::UpdateMetadataRequest::UpdateMetadataPartitionState;

PartitionMetadata to_partition(const PartitionState& state) {
  return {.index = state.partition_index,
          .leader = state.leader,
          .leader_epoch = state.leader_epoch,
          .partition_epoch = state.zk_version,
          .controller_epoch = state.controller_epoch,
          .replicas = state.replicas,
          .isr = state.isr,
          .offline_replicas = state.offline_replicas};
}

std::shared_ptr<const std::map<BrokerId, BrokerMetadata>> to_brokers(const protocol::UpdateMetadataRequest& request) {
  auto brokers = std::make_shared<std::map<BrokerId, BrokerMetadata>>();
  for (const auto& live : request.live_brokers) {
    BrokerMetadata& broker = (*brokers)[live.id];
    broker.id = live.id;
    if (live.rack) broker.rack = live.rack->str();
    for (const auto& endpoint : live.endpoints) {
      broker.endpoints.push_back({endpoint.listener.str(), endpoint.host.str(), endpoint.port,
                                  static_cast<SecurityProtocol>(endpoint.security_protocol)});
    }
  }
  return brokers;
}

auto place_of(std::vector<PartitionMetadata>& partitions, protocol::PartitionIndex index) {
  return std::ranges::lower_bound(partitions, index, {}, &PartitionMetadata::index);
}

}  // namespace

bool is_internal_topic(std::string_view name) {
  return name == protocol::consumer_offsets_topic || name == protocol::transaction_state_topic;
}

const PartitionMetadata* TopicMetadata::partition(protocol::PartitionIndex index) const {
  // Nearly always the index is the position.
  if (index >= 0 && static_cast<std::size_t>(index) < partitions.size() &&
      partitions[static_cast<std::size_t>(index)].index == index) {
    return &partitions[static_cast<std::size_t>(index)];
  }
  const auto found = std::ranges::lower_bound(partitions, index, {}, &PartitionMetadata::index);
  return found != partitions.end() && found->index == index ? &*found : nullptr;
}

bool TopicMetadata::is_internal() const { return is_internal_topic(name); }

const BrokerEndpoint* BrokerMetadata::endpoint(std::string_view listener) const {
  const auto found = std::ranges::find(endpoints, listener, &BrokerEndpoint::listener);
  return found == endpoints.end() ? nullptr : &*found;
}

const TopicMetadata* MetadataSnapshot::topic(std::string_view name) const {
  const auto* found = by_name_.find(name);
  return found ? found->get() : nullptr;
}

const TopicMetadata* MetadataSnapshot::topic(const Uuid& id) const {
  const auto* found = by_id_.find(id);
  return found ? found->get() : nullptr;
}

const PartitionMetadata* MetadataSnapshot::partition(std::string_view topic_name,
                                                     protocol::PartitionIndex index) const {
  const TopicMetadata* found = topic(topic_name);
  return found ? found->partition(index) : nullptr;
}

Uuid MetadataSnapshot::topic_id(std::string_view name) const {
  const TopicMetadata* found = topic(name);
  return found ? found->id : Uuid{};
}

const BrokerMetadata* MetadataSnapshot::broker(BrokerId id) const {
  const auto found = brokers_->find(id);
  return found == brokers_->end() ? nullptr : &found->second;
}

struct MetadataCache::Waiter {
  std::vector<std::string> topics;
  Condition condition;
  std::function<void()> wake;
  std::atomic<bool> done = false;  // whoever sets it calls wake, or has cancelled it

  bool wake_if(const MetadataSnapshot& now) {
    if (done || !condition(now) || done.exchange(true)) return false;
    wake();
    return true;
  }
};

// What an update touched.
struct MetadataCache::Change {
  std::set<std::string, std::less<>> topics;
  std::vector<TopicPartition> removed;
};

MetadataCache::MetadataCache() : snapshot_(std::make_shared<const MetadataSnapshot>()) {}

MetadataCache::~MetadataCache() = default;

MetadataCache::Snapshot MetadataCache::snapshot() const {
  const MutexLock lock(mutex_);
  return snapshot_;
}

void MetadataCache::apply(MetadataSnapshot& next, const TopicState& state, Change& change) const {
  const TopicMetadata* known = next.topic(state.topic_name.view());
  auto topic = known ? std::make_shared<TopicMetadata>(*known) : std::make_shared<TopicMetadata>();
  if (known && !known->id.is_zero() && known->id != state.topic_id) next.by_id_.erase(known->id);
  topic->name = state.topic_name.str();
  topic->id = state.topic_id;
  const std::size_t count_before = topic->partitions.size();
  for (const PartitionState& partition : state.partition_states) {
    const auto place = place_of(topic->partitions, partition.partition_index);
    const bool exists = place != topic->partitions.end() && place->index == partition.partition_index;
    if (partition.leader == coordination::cluster::leader_during_delete) {
      if (exists) topic->partitions.erase(place);
      change.removed.push_back({topic->name, partition.partition_index});
    } else if (exists) {
      *place = to_partition(partition);
    } else {
      topic->partitions.insert(place, to_partition(partition));
    }
  }
  next.partition_count_ += topic->partitions.size() - count_before;
  change.topics.insert(topic->name);
  if (topic->partitions.empty()) {
    next.by_name_.erase(std::string_view(topic->name));
    next.by_id_.erase(topic->id);
    return;
  }
  if (!topic->id.is_zero()) next.by_id_.insert_or_assign(topic);
  next.by_name_.insert_or_assign(std::move(topic));
}

std::vector<TopicPartition> MetadataCache::update(const protocol::UpdateMetadataRequest& request) {
  const Snapshot before = snapshot();
  auto next = std::make_shared<MetadataSnapshot>(*before);
  Change change;
  next->controller_id_ = std::max(request.controller_id, -1);
  next->brokers_ = to_brokers(request);
  for (const TopicState& topic : request.topic_states) apply(*next, topic, change);
  const Snapshot now = std::move(next);
  wake_waiters(now, change);
  return std::move(change.removed);
}

void MetadataCache::wake_waiters(const Snapshot& now, const Change& change) {
  std::map<WaiterId, std::shared_ptr<Waiter>> concerned;
  {
    const MutexLock lock(mutex_);
    snapshot_ = now;
    const auto collect = [&](std::string_view topic) REQUIRES(mutex_) {
      const auto [first, last] = waiters_of_topic_.equal_range(topic);
      for (auto entry = first; entry != last; ++entry) concerned.emplace(entry->second, waiters_.at(entry->second));
    };
    collect("");
    if (!waiters_.empty()) {
      for (const std::string& topic : change.topics) collect(topic);
    }
  }
  for (const auto& [id, waiter] : concerned) {
    if (waiter->wake_if(*now)) cancel(id);
  }
}

MetadataCache::WaiterId MetadataCache::wait(std::span<const std::string> topics, Condition condition,
                                            std::function<void()> wake) {
  auto waiter = std::make_shared<Waiter>();
  waiter->topics.assign(topics.begin(), topics.end());
  if (topics.empty()) waiter->topics.emplace_back();
  waiter->condition = std::move(condition);
  waiter->wake = std::move(wake);
  WaiterId id = 0;
  Snapshot now;
  {
    const MutexLock lock(mutex_);
    id = next_waiter_++;
    waiters_.emplace(id, waiter);
    for (const std::string& topic : waiter->topics) waiters_of_topic_.emplace(topic, id);
    now = snapshot_;
  }
  if (waiter->wake_if(*now)) {
    cancel(id);
    return 0;
  }
  return id;
}

void MetadataCache::cancel(WaiterId id) {
  std::shared_ptr<Waiter> waiter;  // destroyed after the lock
  const MutexLock lock(mutex_);
  const auto found = waiters_.find(id);
  if (found == waiters_.end()) return;
  waiter = found->second;
  waiter->done = true;
  waiters_.erase(found);
  for (const std::string& topic : waiter->topics) {
    const auto [first, last] = waiters_of_topic_.equal_range(topic);
    for (auto entry = first; entry != last;)
      entry = entry->second == id ? waiters_of_topic_.erase(entry) : std::next(entry);
  }
}

}  // namespace broker
