// For tests of the handlers that change topics: a cluster of one broker in memory whose controller works and whose
// replicas exist only on paper. Requests run on a TestLoop.
#pragma once

#include <memory>
#include <string>

#include "broker/background.h"
#include "broker/config/dynamic_config.h"
#include "broker/config/topic_config.h"
#include "broker/handlers/topic_changes.h"
#include "broker/metadata_cache.h"
#include "broker/test_support.h"
#include "coordination/cluster/broker_channel.h"
#include "coordination/cluster/controller.h"
#include "coordination/cluster/membership.h"
#include "coordination/cluster/topic_admin.h"
#include "coordination/metadata_store/embedded_store.h"
#include "protocol/messages/leader_and_isr.h"
#include "protocol/messages/stop_replica.h"
#include "protocol/messages/update_metadata.h"

namespace broker {

// A broker that takes every order and only keeps its metadata. While it is held, it keeps nothing.
class PaperBroker final : public coordination::cluster::BrokerChannels {
 public:
  explicit PaperBroker(MetadataCache& metadata) : metadata_(metadata) {}

  std::unique_ptr<coordination::cluster::BrokerChannel> open(
      const coordination::cluster::BrokerRegistration&) override {
    return std::make_unique<Channel>(*this);
  }

  void hold(bool held) { held_ = held; }

 private:
  class Channel final : public coordination::cluster::BrokerChannel {
   public:
    explicit Channel(PaperBroker& broker) : broker_(broker) {}
    void leader_and_isr(protocol::LeaderAndIsrRequest,
                        std::function<void(const protocol::LeaderAndIsrResponse&)> done) override {
      done({});
    }
    void update_metadata(protocol::UpdateMetadataRequest request,
                         std::function<void(const protocol::UpdateMetadataResponse&)> done) override {
      if (!broker_.held_) broker_.metadata_.update(request);
      done({});
    }
    void stop_replica(protocol::StopReplicaRequest,
                      std::function<void(const protocol::StopReplicaResponse&)> done) override {
      done({});
    }

   private:
    PaperBroker& broker_;
  };

  MetadataCache& metadata_;
  std::atomic<bool> held_ = false;
};

struct AdminTestCluster {
  explicit AdminTestCluster(Properties properties = {}) : config(with_defaults(std::move(properties))) {
    using namespace coordination::cluster;
    if (!create_permanent_nodes(*store) || !membership.join()) throw std::runtime_error("the test's cluster is broken");
    controller.drain();
  }

  ~AdminTestCluster() {
    controller.stop();
    background.stop();
  }

  static Properties with_defaults(Properties properties) {
    properties.emplace("broker.id", "0");
    properties.emplace("log.dirs", "/nowhere");
    return properties;
  }

  std::optional<BrokerEndpoint> address_of(const RequestContext& context, const BrokerMetadata& broker) const {
    const BrokerEndpoint* endpoint = broker.endpoint(context.listener_name());
    return endpoint ? std::optional(*endpoint) : std::nullopt;
  }

  TestLoop loop;
  DynamicConfig config;
  protocol::ManualClock clock;
  BackgroundPool background{"test", 2};
  std::unique_ptr<coordination::metadata_store::EmbeddedStore> embedded =
      coordination::metadata_store::EmbeddedStore::in_memory(clock);
  std::unique_ptr<coordination::metadata_store::MetadataStore> store = embedded->open_session();
  MetadataCache metadata;
  PaperBroker paper{metadata};
  coordination::cluster::Controller controller{{.broker_id = 0}, *store, paper, clock};
  coordination::cluster::Membership membership{
      *store,
      controller,
      {.id = 0, .endpoints = {{"PLAINTEXT", "localhost", 9092, coordination::cluster::SecurityProtocol::plaintext}}}};
  coordination::cluster::TopicAdmin admin{
      *store,
      [this] {
        return coordination::cluster::TopicAdminOptions{
            .num_partitions = config.snapshot()->num_partitions,
            .default_replication_factor = static_cast<std::int16_t>(config.snapshot()->default_replication_factor)};
      },
      [this](const coordination::cluster::ConfigMap& wanted) {
        return validate_topic_config(Properties(wanted.begin(), wanted.end()), *config.snapshot());
      }};
  TopicChanges changes{admin, metadata, background, 1};
};

}  // namespace broker
