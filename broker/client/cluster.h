// A cluster as a client sees it: bootstrap addresses, what Metadata told of its brokers, and a connection to each of
// them that was needed. Blocking; belongs to one thread at a time. Used by the command-line tools.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/client/address.h"
#include "broker/client/connection.h"
#include "protocol/messages/metadata.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace broker::client {

class Cluster {
 public:
  // Connects to the first of `bootstrap` that answers and learns the brokers. network_exception: none did.
  static protocol::Result<Cluster> connect(const std::vector<Address>& bootstrap, ConnectionOptions options = {});

  const std::string& id() const { return cluster_id_; }
  protocol::BrokerId controller_id() const { return controller_id_; }
  const std::map<protocol::BrokerId, Address>& brokers() const { return brokers_; }

  // Metadata of the topics, of all when none are given. Brokers and controller are learnt anew.
  protocol::Result<Reply<protocol::MetadataResponse>> metadata(const std::optional<std::vector<std::string>>& topics,
                                                               bool create_missing = false);
  // The same for one topic, again and again until every partition has a leader or `patience_ms` have passed. Errors:
  // the topic's, or leader_not_available.
  protocol::Result<Reply<protocol::MetadataResponse>> topic_with_leaders(const std::string& topic, bool create_missing,
                                                                         int patience_ms = 10'000);

  // Open connections, valid until the next call of this object's functions.
  protocol::Result<Connection*> any();
  // Waits a while for one to be elected.
  protocol::Result<Connection*> controller();
  protocol::Result<Connection*> broker(protocol::BrokerId id);

  // The broker that coordinates a group; waits a while for the cluster to make its offsets topic. Errors: those of
  // FindCoordinator; coordinator_not_available.
  protocol::Result<protocol::BrokerId> group_coordinator(const std::string& group);

  // A request to one of them.
  template <typename Request>
  auto call_controller(const Request& request) -> protocol::Result<Reply<typename Request::Response>> {
    auto connection = controller();
    if (!connection) return std::unexpected(connection.error());
    return (*connection)->call(request);
  }
  template <typename Request>
  auto call_broker(protocol::BrokerId id, const Request& request, protocol::ApiVersion max_version = 32767)
      -> protocol::Result<Reply<typename Request::Response>> {
    auto connection = broker(id);
    if (!connection) return std::unexpected(connection.error());
    return (*connection)->call(request, max_version);
  }

 private:
  Cluster(std::vector<Address> bootstrap, ConnectionOptions options)
      : bootstrap_(std::move(bootstrap)), options_(std::move(options)) {}
  void learn(const protocol::MetadataResponse& response);

  std::vector<Address> bootstrap_;
  ConnectionOptions options_;
  std::optional<Connection> first_;  // to a bootstrap address
  std::map<protocol::BrokerId, Connection> connections_;
  std::map<protocol::BrokerId, Address> brokers_;
  protocol::BrokerId controller_id_ = -1;
  std::string cluster_id_;
};

}  // namespace broker::client
