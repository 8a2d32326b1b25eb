// Broker: one broker as an object. Owns everything that makes it – configuration, metadata store session, logs,
// replicas, controller, coordinators, listeners – and starts and stops it in the right order. Several of them may live
// in one process; with a shared embedded store and a LocalCluster they are one cluster.
//
// Constructed, started and stopped by one thread. The getters are for after a successful start().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "broker/config/endpoint.h"
#include "broker/config/properties.h"
#include "protocol/clock.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace coordination::metadata_store {
class EmbeddedStore;
}

namespace broker {

class LocalCluster;

struct BrokerOptions {
  // What make_broker_config() accepts (load_config().values).
  Properties config;
  // Of a cluster within the process; null: the broker opens its own store, as the configuration says.
  coordination::metadata_store::EmbeddedStore* shared_store = nullptr;
  LocalCluster* cluster = nullptr;
  // Null: the machine's clock. Outlives the broker.
  const protocol::Clock* clock = nullptr;
  // Told once, with the reason, when the broker can't go on: no log directory is left. Called on one of its threads, so
  // it must leave stop() to another. May be empty.
  std::function<void(const std::string& reason)> on_failure;
  // Ends start() early, as far as it can be: what it waits for, and the recovery of logs. Whatever is stored stays
  // whole.
  std::stop_token stop;
  // Randomness for ids and the spreading of leaders; nothing: the machine's.
  std::optional<std::uint64_t> seed;
};

class Broker {
 public:
  explicit Broker(BrokerOptions options);
  // Stops, if it still runs.
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Starts everything and returns when clients are served. On an error everything is stopped again; the sentence says
  // what to do: another process has the data directory, the address is in use, the directory belongs to another
  // cluster.
  protocol::Result<void> start();

  // Lets nobody in any more, finishes what is in flight (a few seconds at most), writes checkpoints and the
  // clean-shutdown marker. Returns when nothing of the broker runs any more.
  void stop();

  // Where clients come in, with real ports: what a ready line shows.
  std::vector<Endpoint> endpoints() const;
  std::optional<Endpoint> http_endpoint() const;
  protocol::BrokerId broker_id() const;
  std::string cluster_id() const;
  // Where the data is; empty for an ephemeral broker.
  std::vector<std::string> data_directories() const;
  std::size_t partition_count() const;

  // Makes topics where they are missing ("barnabas start --topic name:partitions"). Blocks until they can be used.
  struct TopicAtStart {
    std::string name;
    std::int32_t partitions = -1;  // -1: num.partitions
    Properties config;
  };
  protocol::Result<void> create_topic(const TopicAtStart& topic);

 private:
  class Parts;
  static protocol::Result<void> without_exceptions(Parts& parts, protocol::Result<void> (Parts::*step)());
  std::unique_ptr<Parts> parts_;
};

}  // namespace broker
