// What one step of the controller tells the brokers, collected and then sent as at most one LeaderAndIsr, one
// UpdateMetadata and one StopReplica per broker, in this order.
//
// Filled by the state machines, emptied by the controller; event thread only. No I/O: take() gives plain requests.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "coordination/cluster/controller_context.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"

namespace coordination::cluster {

class RequestBatch {
 public:
  struct Requests {
    std::map<BrokerId, protocol::LeaderAndIsrRequest> leader_and_isr;
    std::map<BrokerId, protocol::UpdateMetadataRequest> update_metadata;
    std::map<BrokerId, protocol::StopReplicaRequest> stop_replica;
  };

  // The partition as the context knows it now, to these brokers; and by UpdateMetadata to all live ones.
  void leader_and_isr(const std::vector<BrokerId>& brokers, const TopicPartition& partition, bool is_new);

  // To all live brokers. A partition that never had a leader is left out.
  void update_metadata(const TopicPartition& partition) {
    metadata_partitions_.insert(partition);
    to_all_ = true;
  }

  // To these brokers, with all that the batch has; brokers and no partitions tell who is alive.
  void update_metadata_to(const std::vector<BrokerId>& brokers) {
    metadata_brokers_.insert(brokers.begin(), brokers.end());
  }
  void include_metadata_of(const TopicPartition& partition) { metadata_partitions_.insert(partition); }

  void stop_replica(BrokerId broker, const TopicPartition& partition, bool delete_partition);

  bool empty() const;

  // The requests, with what the context says now, and an empty batch afterwards. Brokers that aren't live get nothing.
  Requests take(const ControllerContext& context, BrokerId controller_id, const std::string& inter_broker_listener);

 private:
  protocol::LeaderAndIsrRequest leader_and_isr_request(const ControllerContext& context, BrokerId broker,
                                                       const std::string& inter_broker_listener) const;
  protocol::UpdateMetadataRequest update_metadata_request(const ControllerContext& context) const;

  std::map<BrokerId, std::map<TopicPartition, bool>> leader_and_isr_;  // partition → is new
  std::map<BrokerId, std::map<TopicPartition, bool>> stop_replica_;    // partition → delete
  std::set<TopicPartition> metadata_partitions_;
  std::set<BrokerId> metadata_brokers_;
  bool to_all_ = false;
};

}  // namespace coordination::cluster
