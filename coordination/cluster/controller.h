// The cluster's controller, as every broker runs one: it stands for election at /controller and, once elected, decides
// which replicas lead and follow, tells the brokers by LeaderAndIsr, UpdateMetadata and StopReplica, and carries out
// what others write into the metadata store (topics, added partitions, deletions, brokers that come and go).
// Follows Kafka 3.9's KafkaController in ZooKeeper mode.
//
// Owns an event thread: all decisions are made there, one event after the other. The public functions are safe from any
// thread. What it knows is a ControllerContext (controller_context.h), what it decides are the state machines'
// transitions (partition_transitions.h, replica_transitions.h: no I/O); this class executes their effects.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "coordination/cluster/broker_channel.h"
#include "coordination/cluster/producer_ids.h"
#include "coordination/cluster/reassignment.h"
#include "coordination/metadata_store/metadata_store.h"
#include "protocol/clock.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::cluster {

struct ControllerOptions {
  protocol::BrokerId broker_id = 0;
  // Leaders are named to the brokers by their address on this listener.
  std::string inter_broker_listener = "PLAINTEXT";
  // delete.topic.enable
  bool delete_topics = true;
  // unclean.leader.election.enable of the broker, at first; a topic's own configuration comes first.
  bool unclean_leader_election = false;
  // A controller that can't read the cluster resigns, and stands again only after this, each time doubled.
  std::chrono::milliseconds election_pause{500}, election_pause_max{30'000};
  // Randomness for the ids of topics that have none, as those of Kafka before 2.8; another one in every process.
  std::uint64_t seed = 0;
};

enum class ElectionType : std::int8_t { preferred = 0, unclean = 1 };
using ElectionResults = std::map<protocol::TopicPartition, protocol::Result<protocol::BrokerId>>;

class Controller {
 public:
  // The store, the channels and the clock outlive the controller. Nothing happens before start().
  Controller(ControllerOptions options, metadata_store::MetadataStore& store, BrokerChannels& channels,
             const protocol::Clock& clock);
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;
  ~Controller();  // stop()

  // Watches /controller and stands for election. Returns at once; the broker must be registered before.
  void start();

  // Resigns if it was elected, and ends the event thread. Answers to open requests are not_controller.
  void stop();

  // Whether this broker is the controller now. May be out of date when it returns.
  bool is_active() const;

  // The epoch of the last controller this broker knows of; 0: none yet.
  std::int32_t epoch() const;

  // The next block of a thousand producer ids, from /latest_producer_id_block. `done` is called on the event thread.
  // Errors: not_controller; broker_id_not_registered; stale_broker_epoch when `broker_epoch` isn't the registered one.
  void allocate_producer_ids(protocol::BrokerId broker, std::int64_t broker_epoch,
                             std::function<void(protocol::Result<ProducerIdBlock>)> done);

  // ElectLeaders (KIP-460). `done` is called on the event thread, with one result for each partition: the new leader,
  // or not_controller, election_not_needed, unknown_topic_or_partition, invalid_topic_exception (the topic is being
  // deleted), preferred_leader_not_available, eligible_leaders_not_available.
  void elect_leaders(const std::set<protocol::TopicPartition>& partitions, ElectionType type,
                     std::function<void(ElectionResults)> done);

  // AlterPartitionReassignments and ListPartitionReassignments (KIP-455); see Reassignment. `done` is called on the
  // event thread. The whole answer may be not_controller.
  void alter_reassignments(WantedReplicas wanted, bool may_change_factor,
                           std::function<void(protocol::Result<ReassignmentResults>)> done);
  void list_reassignments(std::optional<std::set<protocol::TopicPartition>> partitions,
                          std::function<void(protocol::Result<Reassignments>)> done);

  // unclean.leader.election.enable of the brokers changed. Once it is allowed, partitions without a leader get one.
  void set_unclean_leader_election(bool allowed);

  // The store's session is lost, and with it the election: forgets queued events and resigns. Blocks until that is
  // done.
  void session_expired();

  // A new session is open and the broker registered in it: stands for election again.
  void session_renewed();

  // Returns when every event that was queued before has been handled. For tests and orderly steps.
  void drain();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coordination::cluster
