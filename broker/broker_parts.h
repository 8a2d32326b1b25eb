// Broker::Parts: everything a broker is made of, and the steps of its start and stop. Private to broker.cc and the
// files beside it (broker_apis.cc, broker_gauges.cc, broker_upkeep.cc).
//
// Declared in the order of construction: what stands lower uses what stands above and is destroyed first.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "broker/api_table.h"
#include "broker/background.h"
#include "broker/broker.h"
#include "broker/config/config_admin.h"
#include "broker/config/config_repository.h"
#include "broker/config/config_sync.h"
#include "broker/config/dynamic_config.h"
#include "broker/config/quota_admin.h"
#include "broker/config/quota_sync.h"
#include "broker/config/scram_admin.h"
#include "broker/config/topic_configs.h"
#include "broker/data_home.h"
#include "broker/group_coordinator.h"
#include "broker/groups/internal_topics.h"
#include "broker/handlers/topic_changes.h"
#include "broker/http/http_server.h"
#include "broker/local_cluster.h"
#include "broker/metadata_cache.h"
#include "broker/metrics/metrics.h"
#include "broker/network/server.h"
#include "broker/periodic_tasks.h"
#include "broker/producer_ids.h"
#include "broker/replication/fetch_session.h"
#include "broker/replication/log_dir_mover.h"
#include "broker/replication/log_dir_moves.h"
#include "broker/replication/replica_manager.h"
#include "broker/task_group.h"
#include "coordination/cluster/controller.h"
#include "coordination/cluster/membership.h"
#include "coordination/cluster/topic_admin.h"
#include "coordination/metadata_store/embedded_store.h"
#include "protocol/mutex.h"
#include "storage/cleaner.h"
#include "storage/log_manager.h"

namespace broker {

class Broker::Parts {
 public:
  explicit Parts(BrokerOptions broker_options);
  ~Parts();

  // The steps of start(), in their order (core/…/KafkaServer.startup); each undoes nothing, stop() undoes all.
  protocol::Result<void> open_store();
  protocol::Result<void> settle_identity();
  protocol::Result<void> load_logs();
  protocol::Result<void> bind_listeners();
  protocol::Result<void> join_cluster();
  protocol::Result<void> serve();
  void stop();

  void register_apis();
  void register_record_apis();
  void register_log_dir_apis();
  void register_topic_apis();
  void register_config_apis();
  void register_group_apis();
  void register_gauges();
  void start_upkeep();
  void start_cleaner();
  void follow_config_changes();
  void announce_endpoints();
  void stop_groups();

  static ConnectionLimits connection_limits(const BrokerConfig& config);
  BrokerConfigSnapshot config() const { return dynamic_config.snapshot(); }
  const std::string& cluster_id() const { return cluster_id_; }
  protocol::TimestampMs now() const { return clock.now_ms(); }
  std::uint64_t random() { return random_(); }

  const BrokerOptions options;
  protocol::SystemClock system_clock;
  const protocol::Clock& clock;
  Metrics metrics;
  DynamicConfig dynamic_config;
  ClientQuotas quotas;
  QuotaEnforcement quota_enforcement;
  IpRates ip_rates;
  QuotaSync quota_sync;
  DataHome home;
  BackgroundPool background;
  std::unique_ptr<coordination::metadata_store::EmbeddedStore> own_store;
  std::unique_ptr<coordination::metadata_store::MetadataStore> store;
  std::unique_ptr<StoredConfigs> stored_configs;
  std::unique_ptr<TopicConfigs> topic_configs;
  std::unique_ptr<storage::LogManager> logs;
  std::unique_ptr<storage::Cleaner> cleaner;
  std::unique_ptr<ConfigSync> config_sync;
  MetadataCache metadata;
  std::shared_ptr<ReplicaManager> replicas;  // shared with controllers of this process
  std::unique_ptr<LocalCluster> own_cluster;
  LocalCluster* cluster = nullptr;
  std::unique_ptr<coordination::cluster::Controller> controller;
  std::unique_ptr<coordination::cluster::Membership> membership;
  std::unique_ptr<coordination::cluster::TopicAdmin> topic_admin;
  std::unique_ptr<TopicChanges> topic_changes;
  std::unique_ptr<ConfigAdmin> config_admin;
  protocol::Mutex user_changes;  // held while a user's node in the store is read, changed and written
  std::unique_ptr<QuotaAdmin> quota_admin;
  std::unique_ptr<ScramAdmin> scram_admin;
  std::unique_ptr<ProducerIds> producer_ids;
  std::unique_ptr<FetchSessionCache> fetch_sessions;
  std::unique_ptr<LogDirMoves> log_dir_moves;
  std::unique_ptr<LogDirMover> log_dir_mover;
  std::unique_ptr<InternalTopics> internal_topics;
  std::unique_ptr<GroupCoordinator> groups;
  ApiTable apis;
  std::unique_ptr<Server> server;
  TaskGroup tasks;  // coroutines of parts that have no group of their own
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<PeriodicTasks> upkeep;
  bool ready = false;
  std::atomic<bool> joined{false};
  bool logs_loaded = false;

 private:
  protocol::Result<protocol::BrokerId> find_broker_id(const storage::DirectoryIdentity& identity);
  std::vector<coordination::cluster::BrokerEndpoint> advertised_endpoints() const;
  protocol::Result<void> wait_until_known();
  protocol::Result<void> check_neighbours() const;
  void directory_failed(const std::string& log_dir);
  std::optional<coordination::cluster::BrokerEndpoint> address_for(const RequestContext& context,
                                                                   const BrokerMetadata& broker) const;
  awaitable<HttpAnswer> answer_http(std::string target);

  std::mt19937_64 random_;
  std::string cluster_id_;
  std::atomic<bool> stopped_{false};  // read by whatever thread meets a disk's fault
  std::atomic<bool> failed_{false};   // said so
};

}  // namespace broker
