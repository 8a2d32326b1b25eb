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

// What a controller speaks to of a broker. Shared, because the controller of another broker may still have a channel
// to one that stopped; ReplicaManager::shutdown() has made it harmless by then.
struct LocalBroker {
  std::shared_ptr<ReplicaManager> replicas;  // null: there is no such broker
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
