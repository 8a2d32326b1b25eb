// A controller's reads and writes of the metadata store. Every write is guarded by the data version of
// /controller_epoch at the election: when that has moved on, another controller was elected, nothing is written any
// more, and deposed() says so. Session and connection failures are logged here and reported as "nothing done" or
// "nothing there", and read_failed() says so; the session's end brings its own event.
//
// Owned by the controller and used on its event thread only; blocks on the store.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordination/cluster/broker_registration.h"
#include "coordination/cluster/partition_transitions.h"
#include "coordination/cluster/znodes.h"
#include "coordination/metadata_store/metadata_store.h"

namespace coordination::cluster {

class ControllerStore {
 public:
  using Watch = metadata_store::Watch;

  explicit ControllerStore(metadata_store::MetadataStore& store) : store_(store) {}

  struct Election {
    std::int32_t epoch = 0;
    std::int32_t epoch_version = 0;
  };

  // Makes this broker the controller: /controller and the next epoch in one change. None: somebody else is.
  std::optional<Election> elect(BrokerId id, std::int64_t now_ms);
  // Whoever /controller names now; -1: nobody. The watch fires at the next change of it.
  BrokerId controller_id(Watch watch = {});
  std::int32_t controller_epoch();
  void resign();
  // Removes a /controller of this very session although its epoch is over. Returns whether there was one.
  bool abandon();
  bool deposed() const { return deposed_; }
  // Whether a read failed since the event began (or since the election): what was read is not the whole truth.
  bool read_failed() const { return read_failed_; }
  void begin_event() { read_failed_ = false; }

  // Reads. Watches as in the store.
  std::vector<BrokerRegistration> brokers(Watch watch = {});
  std::optional<BrokerRegistration> broker(BrokerId id, Watch watch);
  std::set<std::string> children(const std::string& path, Watch watch = {});
  std::optional<TopicAssignment> topic(const std::string& name, Watch watch = {});
  // Those of the partitions that have a state.
  std::map<TopicPartition, PartitionStateNode> partition_states(const std::vector<TopicPartition>& partitions);
  std::optional<PartitionStateNode> partition_state(const TopicPartition& partition, Watch watch);
  std::map<std::string, std::string> topic_config(const std::string& topic);
  // The broker whose log directory failed; none when the notification can't be read.
  std::optional<BrokerId> log_dir_event(const std::string& name);

  struct Written {
    std::map<TopicPartition, std::int32_t> versions;  // what succeeded, with its new data version
    std::vector<TopicPartition> conflicts;            // somebody else changed the state meanwhile: read again, redo
  };
  Written create_states(const std::vector<LeaderChange>& changes);
  Written set_states(const std::vector<LeaderChange>& changes);

  // Returns whether all of them were written.
  bool set_topics(const std::map<std::string, TopicAssignment>& topics);
  void create_features_node();
  // The topics' nodes, their configurations and their marks, leaf first. Returns those of which nothing is left.
  std::set<std::string> delete_topics(const std::set<std::string>& topics);
  void remove_deletion_marks(const std::set<std::string>& topics);
  void remove_children(const std::string& path, const std::set<std::string>& names);

 private:
  metadata_store::Transaction guarded(metadata_store::Transaction steps) const;
  metadata_store::Transaction deletion_of(const std::string& topic);
  std::vector<metadata_store::TransactionResult> write(std::vector<metadata_store::Transaction> transactions);
  template <typename Result>
  void note_failure(const Result& result, const std::string& what);

  metadata_store::MetadataStore& store_;
  std::int32_t epoch_version_ = 0;
  bool deposed_ = false;
  bool read_failed_ = false;
};

}  // namespace coordination::cluster
