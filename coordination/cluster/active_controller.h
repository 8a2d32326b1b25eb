// What the elected controller does, from taking over to being deposed: it reads the cluster, opens channels to the
// brokers, and answers each change in the metadata store with steps of the state machines. A new election makes a new
// object.
//
// Owned by the Controller and used on its event thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordination/cluster/broker_channel.h"
#include "coordination/cluster/controller.h"
#include "coordination/cluster/controller_context.h"
#include "coordination/cluster/controller_store.h"
#include "coordination/cluster/reassignment.h"
#include "coordination/cluster/state_machines.h"
#include "coordination/cluster/topic_deletion.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"

namespace coordination::cluster {

class ActiveController {
 public:
  // What a broker answered for one of the replicas it was told to have.
  struct ReplicaAnswer {
    protocol::Uuid topic_id;
    PartitionIndex partition = 0;
    protocol::ErrorCode error = protocol::ErrorCode::none;
  };

  // Hands a function to the event thread; it is dropped when this controller isn't the active one any more.
  using Post = std::function<void(std::function<void()>)>;

  ActiveController(const ControllerOptions& options, ControllerStore& store, BrokerChannels& channels, Post post,
                   ControllerStore::Election election);

  // Reads everything and brings it into order. Returns false when the store couldn't be read.
  bool take_over();

  // What holds for topics that don't say themselves. Where it is allowed now, partitions without a leader get one.
  void set_unclean_leader_election(bool allowed);

  // See Controller.
  ElectionResults elect_leaders(const std::set<TopicPartition>& partitions, ElectionType type);
  Reassignment& reassignment() { return reassignment_; }

  // Whether the broker is registered with this epoch, for requests that name one.
  protocol::ErrorCode check_broker(BrokerId broker, std::int64_t epoch) const;

 private:
  // Changes in the metadata store.
  void brokers_changed();
  void broker_changed(BrokerId id);
  void topics_changed();
  void topic_changed(const std::string& topic);
  void deletions_changed();
  void log_dirs_failed();

  void read_cluster();
  std::vector<TopicPartition> take_in(const std::set<std::string>& names);
  void add_broker(const BrokerRegistration& broker);
  std::optional<BrokerRegistration> watch_broker(BrokerId id);
  void reconnect(BrokerId id);
  void drop_broker(BrokerId id);
  void brokers_started(const std::vector<BrokerId>& ids);
  void brokers_failed(const std::vector<BrokerId>& ids);
  void replicas_became_offline(const std::vector<PartitionAndReplica>& replicas);
  void create_partitions(const std::vector<TopicPartition>& partitions);
  void add_topic_ids(std::map<std::string, TopicAssignment>& topics);
  void bring_to_order(const std::set<std::string>& marked);
  protocol::Result<BrokerId> check_electable(const TopicPartition& partition, ElectionType type) const;

  // Answers of brokers.
  void send(RequestBatch& batch);
  void answered(BrokerId broker, const std::vector<ReplicaAnswer>& answers);

  metadata_store::Watch on_change(std::function<void()> event);

  const ControllerOptions options_;
  ControllerStore& store_;
  BrokerChannels& channel_factory_;
  const Post post_;
  std::uint64_t next_seed_;  // of the next topic id
  ControllerContext context_;
  std::map<BrokerId, std::unique_ptr<BrokerChannel>> channels_;
  StateMachines machines_;
  TopicDeletion deletion_;
  Reassignment reassignment_;
};

}  // namespace coordination::cluster
