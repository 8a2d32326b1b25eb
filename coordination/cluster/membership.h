// This broker's membership in the cluster: the permanent nodes of the tree, the cluster id, the registration under
// /brokers/ids, and their renewal when the store's session is lost.
//
// The free functions block on the store. Membership is self-locking; after a lost session it works on the store's
// callback thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coordination/cluster/broker_registration.h"
#include "coordination/cluster/controller.h"
#include "coordination/metadata_store/metadata_store.h"
#include "protocol/mutex.h"
#include "protocol/result.h"

namespace coordination::cluster {

// Creates the nodes that every broker of Kafka 3.9 creates before anything else; those that exist stay as they are.
protocol::Result<void> create_permanent_nodes(metadata_store::MetadataStore& store);

// The id in /cluster/id; where there is none, `proposal` becomes it (22 characters, see Uuid::to_string).
protocol::Result<std::string> read_or_create_cluster_id(metadata_store::MetadataStore& store,
                                                        const std::string& proposal);

// Who is registered under /brokers/ids.
protocol::Result<std::vector<protocol::BrokerId>> registered_brokers(metadata_store::MetadataStore& store);

class Membership {
 public:
  // The store and the controller outlive it.
  Membership(metadata_store::MetadataStore& store, Controller& controller, BrokerRegistration registration);
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  ~Membership();

  // Registers the broker, then starts the controller. From here on a lost session is renewed by itself: the controller
  // resigns, the broker registers again with a new epoch, the controller stands for election again.
  // Errors: duplicate_broker_registration, invalid_registration.
  protocol::Result<void> join();

  // The broker's epoch of the current session: the czxid of its registration. -1 before join().
  std::int64_t broker_epoch() const;

  // Announces other endpoints, under the same epoch.
  protocol::Result<void> update_endpoints(std::vector<BrokerEndpoint> endpoints);

  // Has the controller ask this broker for its partitions anew, since a log directory failed (KIP-112).
  protocol::Result<void> announce_log_dir_failure();

 private:
  void renew();

  metadata_store::MetadataStore& store_;
  Controller& controller_;
  mutable protocol::Mutex mutex_;
  BrokerRegistration registration_ GUARDED_BY(mutex_);
  std::int64_t session_id_ GUARDED_BY(mutex_) = 0;
};

}  // namespace coordination::cluster
