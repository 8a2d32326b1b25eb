// The controller's way to the broker in its own process: calls the ReplicaManager, no socket.
//
// A channel owns one thread, on which the requests are carried out one after the other, in order: applying them may
// wait for the disk, and the controller's event thread must not. `done` is called on that thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "coordination/cluster/broker_channel.h"
#include "protocol/types.h"

namespace broker {

class ReplicaManager;

// The parts of a broker that a controller speaks to. Outlive the channel.
struct LocalBroker {
  ReplicaManager* replicas = nullptr;  // which keeps the metadata cache up to date, too
  // Told about partitions that no longer exist (committed offsets of deleted topics go). May be empty.
  std::function<void(const std::vector<protocol::TopicPartition>&)> on_partitions_gone;
};

class LocalBrokerChannel final : public coordination::cluster::BrokerChannel {
 public:
  explicit LocalBrokerChannel(LocalBroker broker);
  // Finishes the request under way; those still waiting are dropped unanswered.
  ~LocalBrokerChannel() override;

  void leader_and_isr(protocol::LeaderAndIsrRequest request,
                      std::function<void(const protocol::LeaderAndIsrResponse&)> done) override;
  void update_metadata(protocol::UpdateMetadataRequest request,
                       std::function<void(const protocol::UpdateMetadataResponse&)> done) override;
  void stop_replica(protocol::StopReplicaRequest request,
                    std::function<void(const protocol::StopReplicaResponse&)> done) override;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

// Opens channels to the brokers of this process: one, or the several of a test cluster.
class LocalBrokerChannels final : public coordination::cluster::BrokerChannels {
 public:
  // The broker with this id; replicas null: there is none (requests to it are never answered).
  using Lookup = std::function<LocalBroker(protocol::BrokerId)>;

  explicit LocalBrokerChannels(Lookup lookup) : lookup_(std::move(lookup)) {}
  std::unique_ptr<coordination::cluster::BrokerChannel> open(
      const coordination::cluster::BrokerRegistration& broker) override;

 private:
  Lookup lookup_;
};

}  // namespace broker
