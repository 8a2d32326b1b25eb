// LocalCluster: the brokers of this process, so that a controller among them reaches them without sockets. One broker
// on its own store is a cluster of one, through the same code.
//
// Self-locking. Outlives the brokers and their controllers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "broker/replication/local_broker_channel.h"
#include "coordination/cluster/broker_channel.h"
#include "protocol/mutex.h"
#include "protocol/types.h"

namespace broker {

class LocalCluster final : public coordination::cluster::BrokerChannels {
 public:
  LocalCluster();
  ~LocalCluster() override;

  void add(protocol::BrokerId id, LocalBroker broker);
  // Later channels to it carry nothing; those open now are answered by its replica manager, which shall be shut down.
  void remove(protocol::BrokerId id);

  std::unique_ptr<coordination::cluster::BrokerChannel> open(
      const coordination::cluster::BrokerRegistration& broker) override;

  // Blocks until every request of a controller that was sent was answered, at most `timeout_ms`. False: some weren't.
  bool wait_until_quiet(std::int64_t timeout_ms);

 private:
  class Pending;
  class CountedChannel;

  LocalBroker find(protocol::BrokerId id) EXCLUDES(mutex_);

  protocol::Mutex mutex_;
  std::map<protocol::BrokerId, LocalBroker> brokers_ GUARDED_BY(mutex_);
  const std::shared_ptr<Pending> pending_;
  LocalBrokerChannels channels_;
};

}  // namespace broker
