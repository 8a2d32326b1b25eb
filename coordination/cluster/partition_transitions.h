// The partition state machine, after Kafka's PartitionStateMachine: NonExistent → New → Online ⇄ Offline → NonExistent.
// Plain functions of the controller's context. Steps that elect a leader come in two halves, because what they decide
// must be in the metadata store before anybody hears of it: a plan of writes, and the application of each write that
// succeeded.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "coordination/cluster/controller_context.h"
#include "coordination/cluster/request_batch.h"

namespace coordination::cluster {

enum class ElectionStrategy {
  offline,          // first assigned replica that is alive and in sync; else, if allowed, the first alive one
  offline_unclean,  // the same, unclean allowed for every topic
  reassign,         // first target replica that is alive and in sync
  preferred,        // the first assigned replica, if alive and in sync
};

// A leader that was decided on, to be written.
struct LeaderChange {
  TopicPartition partition;
  PartitionStateNode state;          // partition_epoch: the data version to replace; ignored for a first leader
  bool first = false;                // the state node must be created
  std::vector<BrokerId> recipients;  // of LeaderAndIsr
};

struct ElectionPlan {
  std::vector<LeaderChange> changes;
  std::vector<TopicPartition> without_leader;  // no replica may lead
};

// Takes the partitions that may do this step from their state into `to`, which is created, offline or non_existent.
void move_partitions(ControllerContext& context, const std::vector<TopicPartition>& partitions, PartitionState to);

// First leaders for partitions in state created: the first live replica leads, all live ones are in sync.
ElectionPlan plan_first_leaders(const ControllerContext& context, const std::vector<TopicPartition>& partitions);

// New leaders for online and offline partitions, from their states as the metadata store has them now. Partitions
// whose state is missing or was written by a later controller are left alone.
ElectionPlan plan_elections(const ControllerContext& context,
                            const std::map<TopicPartition, PartitionStateNode>& states, ElectionStrategy strategy,
                            const std::function<bool(const std::string& topic)>& unclean_allowed);

// The leaders there are, with the next epoch, so that they take note of another assignment.
ElectionPlan plan_same_leader(const ControllerContext& context,
                              const std::map<TopicPartition, PartitionStateNode>& states);

// A change is in the store, with this data version: the partition is online, and its replicas shall know.
void apply(ControllerContext& context, RequestBatch& batch, const LeaderChange& change, std::int32_t partition_epoch);

// The state that a controller which just took over finds: online with a live leader, offline with another, created
// without any.
void initialise_partition_states(ControllerContext& context);

// Partitions in state created or offline that aren't about to be deleted: those that an election might help.
std::vector<TopicPartition> partitions_without_leader(const ControllerContext& context);

// Partitions that have a leader which isn't online, except those about to be deleted.
std::vector<TopicPartition> partitions_with_offline_leader(const ControllerContext& context);

}  // namespace coordination::cluster
