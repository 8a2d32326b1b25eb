// The shell around the controller's state machines: executes their effects, writes to the metadata store first,
// requests to the brokers after. Each call is one step of Kafka's handleStateChanges: it ends with the requests sent.
//
// Owned by the active controller; event thread only; blocks on the store.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "coordination/cluster/controller_context.h"
#include "coordination/cluster/controller_store.h"
#include "coordination/cluster/partition_transitions.h"
#include "coordination/cluster/replica_transitions.h"
#include "coordination/cluster/request_batch.h"

namespace coordination::cluster {

class StateMachines {
 public:
  // `send` delivers what a step collected.
  using Send = std::function<void(RequestBatch&)>;

  StateMachines(ControllerContext& context, ControllerStore& store, bool unclean_by_default, Send send)
      : context_(context), store_(store), unclean_by_default_(unclean_by_default), send_(std::move(send)) {}

  void set_unclean_by_default(bool allowed) { unclean_by_default_ = allowed; }

  // To created, offline or non_existent.
  void move(const std::vector<TopicPartition>& partitions, PartitionState to);

  // First leaders for new partitions, elections for the others. Returns how many got a leader.
  std::size_t bring_online(const std::vector<TopicPartition>& partitions, ElectionStrategy strategy);

  // Tells the partition's replicas of its assignment, with the same leader and in-sync set under a new epoch. Those
  // that are being added are told that they are new.
  void announce_assignment(const TopicPartition& partition);

  // Any state but offline.
  void move(const std::vector<PartitionAndReplica>& replicas, ReplicaState to);

  // Replicas leave their in-sync sets and are told to stop.
  void take_offline(const std::vector<PartitionAndReplica>& replicas);

  // UpdateMetadata with these partitions: to these brokers, or to all.
  void send_metadata(const std::vector<BrokerId>& brokers, const std::vector<TopicPartition>& partitions);
  void send_metadata_to_all(const std::vector<TopicPartition>& partitions);

 private:
  std::size_t elect(const std::vector<TopicPartition>& partitions, ElectionStrategy strategy);
  std::size_t elect_first(const std::vector<TopicPartition>& partitions);
  void remove_from_isr(BrokerId broker, std::vector<TopicPartition> partitions);
  bool is_unclean_allowed(const std::string& topic);

  ControllerContext& context_;
  ControllerStore& store_;
  bool unclean_by_default_;
  const Send send_;
  RequestBatch batch_;
};

}  // namespace coordination::cluster
