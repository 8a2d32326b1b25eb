// The replica state machine, after Kafka's ReplicaStateMachine: NonExistent → New → Online ⇄ Offline → the states of a
// deletion → NonExistent. Plain functions of the controller's context. Going offline takes a replica out of its
// partition's in-sync set, which must be in the metadata store first; that part is a plan and its application, as with
// partitions.
#pragma once

#include <map>
#include <vector>

#include "coordination/cluster/controller_context.h"
#include "coordination/cluster/partition_transitions.h"
#include "coordination/cluster/request_batch.h"

namespace coordination::cluster {

// Takes the replicas that may do this step into `to` (any state but offline) and collects what the brokers must hear.
// Those that may not are logged and stay.
void move_replicas(ControllerContext& context, RequestBatch& batch, const std::vector<PartitionAndReplica>& replicas,
                   ReplicaState to);

// Going offline. First half: the replicas that may do it are told to stop, and those whose partition has no leader yet
// are offline already. Returns the others, which must leave their in-sync sets.
std::vector<PartitionAndReplica> begin_offline(ControllerContext& context, RequestBatch& batch,
                                               const std::vector<PartitionAndReplica>& replicas);

// Second half: how the partitions' states change when this broker's replica leaves, from what the store has now. A sole
// member stays in the in-sync set, with leader -1. Partitions whose set it isn't in are missing from the answer.
std::vector<LeaderChange> plan_isr_removals(const ControllerContext& context, BrokerId broker,
                                            const std::map<TopicPartition, PartitionStateNode>& states);

// The replica is out of the in-sync set, or wasn't in it: it is offline, and the other replicas hear of the new set.
void apply_offline(ControllerContext& context, RequestBatch& batch, const PartitionAndReplica& replica,
                   const PartitionStateNode& state);

// The states that a controller which just took over finds: online, or ineligible for deletion where the broker is gone
// (a topic that is being deleted is then retried when it is back).
void initialise_replica_states(ControllerContext& context);

}  // namespace coordination::cluster
