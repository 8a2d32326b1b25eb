// Brokers as the controller sees them, for tests: they take every request, remember it and answer at once, with errors
// where they are told to. Self-locking.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "coordination/cluster/broker_channel.h"
#include "coordination/cluster/broker_registration.h"
#include "coordination/cluster/znodes.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"

namespace coordination::cluster {

// Waits until the condition holds; false after half a minute.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 30'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

class FakeBrokers final : public BrokerChannels {
 public:
  using PartitionState = protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState;

  struct Broker {
    std::vector<protocol::LeaderAndIsrRequest> leader_and_isr;
    std::vector<protocol::UpdateMetadataRequest> update_metadata;
    std::vector<protocol::StopReplicaRequest> stop_replica;
    std::map<TopicPartition, PartitionState> hosted;  // what LeaderAndIsr left
    std::map<TopicPartition, protocol::UpdateMetadataRequest::UpdateMetadataPartitionState> metadata;
    std::vector<std::string> order;  // names of the requests
  };

  std::unique_ptr<BrokerChannel> open(const BrokerRegistration& broker) override {
    const std::lock_guard lock(mutex_);
    ++opened_[broker.id];
    return std::make_unique<Channel>(*this, broker.id);
  }

  // A copy of what the broker was told so far.
  Broker broker(BrokerId id) {
    const std::lock_guard lock(mutex_);
    return brokers_[id];
  }

  std::optional<PartitionState> hosted(BrokerId id, const TopicPartition& partition) {
    const std::lock_guard lock(mutex_);
    const auto& hosted = brokers_[id].hosted;
    const auto found = hosted.find(partition);
    return found == hosted.end() ? std::nullopt : std::optional(found->second);
  }

  bool knows(BrokerId id, const TopicPartition& partition) {
    const std::lock_guard lock(mutex_);
    return brokers_[id].metadata.contains(partition);
  }

  // Whether the broker heard that some broker has this port on this listener.
  bool has_been_told_of(BrokerId id, std::string_view listener, std::int32_t port) {
    const std::lock_guard lock(mutex_);
    const auto& requests = brokers_[id].update_metadata;
    if (requests.empty()) return false;
    for (const auto& broker : requests.back().live_brokers) {
      for (const auto& endpoint : broker.endpoints) {
        if (endpoint.listener.view() == listener && endpoint.port == port) return true;
      }
    }
    return false;
  }

  // The broker takes no requests until it is released; then it takes those that wait.
  void hold(BrokerId id) {
    const std::lock_guard lock(mutex_);
    held_.insert(id);
  }
  void release(BrokerId id) {
    std::vector<std::function<void()>> waiting;
    {
      const std::lock_guard lock(mutex_);
      held_.erase(id);
      waiting = std::exchange(waiting_[id], {});
    }
    for (const auto& request : waiting) request();
  }

  // How many channels to the broker there were so far.
  int times_opened(BrokerId id) {
    const std::lock_guard lock(mutex_);
    return opened_[id];
  }

  void fail_deletes_on(BrokerId id, bool fail) {
    const std::lock_guard lock(mutex_);
    fail ? void(failing_deletes_.insert(id)) : void(failing_deletes_.erase(id));
  }

  void take_dir_offline(BrokerId id, const TopicPartition& partition) {
    const std::lock_guard lock(mutex_);
    offline_[id].insert(partition);
  }

 private:
  class Channel final : public BrokerChannel {
   public:
    Channel(FakeBrokers& brokers, BrokerId id) : brokers_(brokers), id_(id) {}
    ~Channel() override { brokers_.drop_waiting(id_); }

    void leader_and_isr(protocol::LeaderAndIsrRequest request,
                        std::function<void(const protocol::LeaderAndIsrResponse&)> done) override {
      deliver([&brokers = brokers_, id = id_, request = std::move(request), done = std::move(done)] {
        done(brokers.take(id, request));
      });
    }
    void update_metadata(protocol::UpdateMetadataRequest request,
                         std::function<void(const protocol::UpdateMetadataResponse&)> done) override {
      deliver([&brokers = brokers_, id = id_, request = std::move(request), done = std::move(done)] {
        brokers.take(id, request);
        done({});
      });
    }
    void stop_replica(protocol::StopReplicaRequest request,
                      std::function<void(const protocol::StopReplicaResponse&)> done) override {
      deliver([&brokers = brokers_, id = id_, request = std::move(request), done = std::move(done)] {
        // Names as a channel that reads from a socket gives them: gone when `done` has returned.
        auto response = brokers.take(id, request);
        std::deque<std::string> frame;
        for (auto& partition : response.partition_errors) {
          partition.topic_name = std::string_view(frame.emplace_back(partition.topic_name.str()));
        }
        done(response);
        for (std::string& name : frame) name.assign(name.size(), '?');
      });
    }

   private:
    void deliver(std::function<void()> request) {
      if (!brokers_.keep_if_held(id_, request)) request();
    }

    FakeBrokers& brokers_;
    const BrokerId id_;
  };

  bool keep_if_held(BrokerId id, const std::function<void()>& request) {
    const std::lock_guard lock(mutex_);
    if (!held_.contains(id)) return false;
    waiting_[id].push_back(request);
    return true;
  }

  void drop_waiting(BrokerId id) {
    const std::lock_guard lock(mutex_);
    waiting_[id].clear();
  }

  protocol::LeaderAndIsrResponse take(BrokerId id, protocol::LeaderAndIsrRequest request) {
    const std::lock_guard lock(mutex_);
    Broker& broker = brokers_[id];
    protocol::LeaderAndIsrResponse response;
    for (const auto& topic : request.topic_states) {
      auto& answer = response.topics.emplace_back();
      answer.topic_id = topic.topic_id;
      for (const auto& partition : topic.partition_states) {
        const TopicPartition tp{topic.topic_name.str(), partition.partition_index};
        auto& error = answer.partition_errors.emplace_back();
        error.partition_index = partition.partition_index;
        if (offline_[id].contains(tp)) error.error_code = protocol::ErrorCode::kafka_storage_error;
        broker.hosted[tp] = partition;
      }
    }
    broker.order.push_back("leader_and_isr");
    broker.leader_and_isr.push_back(std::move(request));
    return response;
  }

  void take(BrokerId id, protocol::UpdateMetadataRequest request) {
    const std::lock_guard lock(mutex_);
    Broker& broker = brokers_[id];
    for (const auto& topic : request.topic_states) {
      for (const auto& partition : topic.partition_states) {
        const TopicPartition tp{topic.topic_name.str(), partition.partition_index};
        if (partition.leader == leader_during_delete) {
          broker.metadata.erase(tp);
        } else {
          broker.metadata[tp] = partition;
        }
      }
    }
    broker.order.push_back("update_metadata");
    broker.update_metadata.push_back(std::move(request));
  }

  protocol::StopReplicaResponse take(BrokerId id, protocol::StopReplicaRequest request) {
    const std::lock_guard lock(mutex_);
    Broker& broker = brokers_[id];
    protocol::StopReplicaResponse response;
    for (const auto& topic : request.topic_states) {
      for (const auto& partition : topic.partition_states) {
        const TopicPartition tp{topic.topic_name.str(), partition.partition_index};
        auto& error = response.partition_errors.emplace_back();
        error.topic_name = tp.topic;
        error.partition_index = tp.partition;
        if (partition.delete_partition && failing_deletes_.contains(id)) {
          error.error_code = protocol::ErrorCode::kafka_storage_error;
        } else if (partition.delete_partition) {
          broker.hosted.erase(tp);
        }
      }
    }
    broker.order.push_back("stop_replica");
    broker.stop_replica.push_back(std::move(request));
    return response;
  }

  std::mutex mutex_;
  std::map<BrokerId, Broker> brokers_;
  std::set<BrokerId> failing_deletes_;
  std::map<BrokerId, std::set<TopicPartition>> offline_;
  std::map<BrokerId, int> opened_;
  std::set<BrokerId> held_;
  std::map<BrokerId, std::vector<std::function<void()>>> waiting_;
};

}  // namespace coordination::cluster
