// The controller's way to one broker: LeaderAndIsr, UpdateMetadata and StopReplica requests, to itself as to any other.
//
// A channel is owned by the controller and used on its event thread only; `done` may be called on any thread, also
// before the call returns. Requests own what they hold, so a channel may keep them; responses may borrow from what the
// channel received and are read before `done` returns.
#pragma once

#include <functional>
#include <memory>

namespace protocol {
struct LeaderAndIsrRequest;
struct LeaderAndIsrResponse;
struct StopReplicaRequest;
struct StopReplicaResponse;
struct UpdateMetadataRequest;
struct UpdateMetadataResponse;
}  // namespace protocol

namespace coordination::cluster {

struct BrokerRegistration;

// Requests reach the broker in the order of the calls, one at a time, each repeated until the broker answers or the
// channel is destroyed; in that case `done` is never called. Destroying a channel doesn't wait for the broker.
// Versions as inter-broker protocol 3.9 has them: LeaderAndIsr 7, UpdateMetadata 8, StopReplica 4 (topics in
// `topic_states`, brokers with all their endpoints).
class BrokerChannel {
 public:
  BrokerChannel() = default;
  BrokerChannel(const BrokerChannel&) = delete;
  BrokerChannel& operator=(const BrokerChannel&) = delete;
  virtual ~BrokerChannel() = default;

  virtual void leader_and_isr(protocol::LeaderAndIsrRequest request,
                              std::function<void(const protocol::LeaderAndIsrResponse&)> done) = 0;
  virtual void update_metadata(protocol::UpdateMetadataRequest request,
                               std::function<void(const protocol::UpdateMetadataResponse&)> done) = 0;
  virtual void stop_replica(protocol::StopReplicaRequest request,
                            std::function<void(const protocol::StopReplicaResponse&)> done) = 0;
};

// Opens channels. Called on the controller's event thread; must not block on the network.
class BrokerChannels {
 public:
  BrokerChannels() = default;
  BrokerChannels(const BrokerChannels&) = delete;
  BrokerChannels& operator=(const BrokerChannels&) = delete;
  virtual ~BrokerChannels() = default;

  virtual std::unique_ptr<BrokerChannel> open(const BrokerRegistration& broker) = 0;
};

}  // namespace coordination::cluster
