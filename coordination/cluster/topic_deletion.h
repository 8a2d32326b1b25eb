// The deletion of topics, after Kafka's TopicDeletionManager: partitions go offline and out of existence, brokers hear
// that the topic is being deleted, replicas are stopped and then deleted, and when every replica is gone the topic's
// nodes go. A replica that can't be reached or fails to delete suspends its topic until its broker is back; a topic
// that is being reassigned waits for the end of that.
//
// Owned by the active controller; event thread only.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "coordination/cluster/controller_context.h"
#include "coordination/cluster/controller_store.h"
#include "coordination/cluster/state_machines.h"

namespace coordination::cluster {

class TopicDeletion {
 public:
  TopicDeletion(ControllerContext& context, ControllerStore& store, StateMachines& machines, bool enabled)
      : context_(context), store_(store), machines_(machines), enabled_(enabled) {}

  // What a controller that takes over finds marked. Where deletion is disabled the marks are removed.
  void initialise(const std::set<std::string>& marked);

  void enqueue(const std::set<std::string>& topics);

  // Replicas of these topics can be reached again.
  void resume_for(const std::set<std::string>& topics);

  // What brokers answered to StopReplica with delete.
  void replicas_deleted(const std::vector<PartitionAndReplica>& replicas);
  void replicas_failed(const std::vector<PartitionAndReplica>& replicas);

  // Takes every deletion as far as it goes now.
  void resume();

 private:
  void suspend(const std::set<std::string>& topics);
  void finish(const std::set<std::string>& topics);
  void start(const std::set<std::string>& topics);
  void delete_replicas(const std::set<std::string>& topics);

  ControllerContext& context_;
  ControllerStore& store_;
  StateMachines& machines_;
  const bool enabled_;
};

}  // namespace coordination::cluster
