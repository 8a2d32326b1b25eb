// The broker's configuration while it runs: what it started with, under the cluster-wide dynamic values, under this
// broker's own. Self-locking: any thread takes snapshots; the metadata store's thread brings changes.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "broker/config/broker_config.h"
#include "broker/config/properties.h"
#include "protocol/mutex.h"
#include "protocol/result.h"

namespace broker {

// The layers below one effective configuration, for DescribeConfigs.
struct ConfigLayers {
  Properties broker_values;   // dynamic, this broker's (/config/brokers/ID)
  Properties cluster_values;  // dynamic, all brokers' (/config/brokers/<default>)
  Properties static_values;   // file, environment, command line
};

class DynamicConfig {
 public:
  // Called after a change, on the thread that brought it, in the order of registration and of the changes. It may take
  // snapshots, but not bring changes.
  using Listener = std::function<void(const BrokerConfigSnapshot& before, const BrokerConfigSnapshot& after)>;

  // REQUIRES: make_broker_config(static_values) succeeds.
  explicit DynamicConfig(Properties static_values);

  // The number that the cluster or the data directory gave to a broker without broker.id; snapshots show it from now
  // on.
  void assign_broker_id(protocol::BrokerId id);

  // The configuration in force. Cheap; keep the snapshot for the length of one piece of work.
  BrokerConfigSnapshot snapshot() const;
  ConfigLayers layers() const;

  // Replace one dynamic layer by what the metadata store holds. Entries that aren't dynamic, or not valid, are left out
  // with a warning; when the rest contradicts itself, the layer stays as it was, with an error in the log.
  void set_broker_values(const Properties& stored);
  void set_cluster_values(const Properties& stored);

  // Whether a request may put this whole layer in force. Errors: invalid_request, with Kafka's sentence.
  protocol::Result<void> validate_broker_values(const Properties& wanted) const;
  protocol::Result<void> validate_cluster_values(const Properties& wanted) const;

  // Registers for changes. The listener is called as long as this object lives.
  void subscribe(Listener listener);

 private:
  enum class Layer { broker, cluster };

  void set_layer(Layer layer, const Properties& stored) EXCLUDES(changing_, mutex_);
  protocol::Result<BrokerConfigSnapshot> make_snapshot(const ConfigLayers& layers) const REQUIRES(mutex_);
  protocol::Result<void> validate_layer(Layer layer, const Properties& wanted) const;

  // Held over a change and its listeners, so that they hear of changes in the order of these. Before mutex_.
  protocol::Mutex changing_;
  mutable protocol::Mutex mutex_;
  std::optional<protocol::BrokerId> assigned_id_ GUARDED_BY(mutex_);
  ConfigLayers layers_ GUARDED_BY(mutex_);
  BrokerConfigSnapshot current_ GUARDED_BY(mutex_);
  std::vector<Listener> listeners_ GUARDED_BY(mutex_);
};

}  // namespace broker
