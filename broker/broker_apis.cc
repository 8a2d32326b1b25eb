// Which APIs a broker serves, at which versions, with which handlers: the filling of the API table.
#include "broker/broker_parts.h"
#include "broker/handlers/alter_client_quotas.h"
#include "broker/handlers/alter_configs.h"
#include "broker/handlers/alter_partition_reassignments.h"
#include "broker/handlers/alter_replica_log_dirs.h"
#include "broker/handlers/alter_user_scram_credentials.h"
#include "broker/handlers/api_versions.h"
#include "broker/handlers/create_partitions.h"
#include "broker/handlers/create_topics.h"
#include "broker/handlers/delete_groups.h"
#include "broker/handlers/delete_records.h"
#include "broker/handlers/delete_topics.h"
#include "broker/handlers/describe_client_quotas.h"
#include "broker/handlers/describe_cluster.h"
#include "broker/handlers/describe_configs.h"
#include "broker/handlers/describe_groups.h"
#include "broker/handlers/describe_log_dirs.h"
#include "broker/handlers/describe_producers.h"
#include "broker/handlers/describe_topic_partitions.h"
#include "broker/handlers/describe_user_scram_credentials.h"
#include "broker/handlers/elect_leaders.h"
#include "broker/handlers/fetch.h"
#include "broker/handlers/find_coordinator.h"
#include "broker/handlers/heartbeat.h"
#include "broker/handlers/incremental_alter_configs.h"
#include "broker/handlers/init_producer_id.h"
#include "broker/handlers/join_group.h"
#include "broker/handlers/leave_group.h"
#include "broker/handlers/list_config_resources.h"
#include "broker/handlers/list_groups.h"
#include "broker/handlers/list_offsets.h"
#include "broker/handlers/list_partition_reassignments.h"
#include "broker/handlers/metadata.h"
#include "broker/handlers/offset_commit.h"
#include "broker/handlers/offset_delete.h"
#include "broker/handlers/offset_fetch.h"
#include "broker/handlers/offset_for_leader_epoch.h"
#include "broker/handlers/produce.h"
#include "broker/handlers/sync_group.h"
#include "broker/handlers/update_features.h"
#include "broker/handlers/without_security.h"

namespace broker {

namespace {

void register_security_apis(ApiTable& apis) {
  using namespace without_security;
  apis.add<SaslHandshakeHandler>({.advertised = {0, 1}});
  apis.add<SaslAuthenticateHandler>({.advertised = {0, 2}});
  apis.add<DescribeAclsHandler>({.advertised = {0, 3}});
  apis.add<CreateAclsHandler>({.advertised = {0, 3}});
  apis.add<DeleteAclsHandler>({.advertised = {0, 3}});
  apis.add<CreateDelegationTokenHandler>({.advertised = {0, 3}});
  apis.add<RenewDelegationTokenHandler>({.advertised = {0, 2}});
  apis.add<ExpireDelegationTokenHandler>({.advertised = {0, 2}});
  apis.add<DescribeDelegationTokenHandler>({.advertised = {0, 3}});
}

}  // namespace

void Broker::Parts::register_apis() {
  apis.add<ApiVersionsHandler>({.advertised = {0, 4}}, apis, [] { return std::int64_t{0}; });
  register_record_apis();
  register_log_dir_apis();
  register_topic_apis();
  register_config_apis();
  register_group_apis();
  register_security_apis(apis);
}

void Broker::Parts::register_record_apis() {
  const BrokerConfigSnapshot now_config = config();
  apis.add<ProduceHandler>({.advertised = {0, 13}}, *replicas, metadata, background, clock);
  apis.add<FetchHandler>({.advertised = {0, 18}}, *replicas, metadata, *fetch_sessions, background, clock,
                         now_config->fetch_max_bytes);
  apis.add<ListOffsetsHandler>({.advertised = {0, 11}}, *replicas, background, clock);
  apis.add<OffsetForLeaderEpochHandler>({.advertised = {0, 4}}, *replicas, background);
  apis.add<DeleteRecordsHandler>({.advertised = {0, 2}}, *replicas, background, clock);
  apis.add<InitProducerIdHandler>({.advertised = {0, 5}}, *producer_ids, now_config->transaction_max_timeout_ms);
  apis.add<DescribeProducersHandler>({.advertised = {0, 0}}, *replicas, metadata, background);
}

void Broker::Parts::register_log_dir_apis() {
  const BrokerConfigSnapshot now_config = config();
  const QuotaWindows windows{
      .count = now_config->alter_log_dirs_replication_quota_window_num,
      .window_ms = now_config->alter_log_dirs_replication_quota_window_size_seconds * std::int64_t{1'000}};
  log_dir_moves = std::make_unique<LogDirMoves>(
      windows, [this] { return config()->replica_alter_log_dirs_io_max_bytes_per_second; }, clock);
  const auto threads = static_cast<std::size_t>(std::max(now_config->num_replica_alter_log_dirs_threads, 0));
  log_dir_mover = std::make_unique<LogDirMover>(*log_dir_moves, threads > 0 ? threads : home.log_dirs().size(),
                                                server->executor(), background);
  replicas->set_move_listener([this](const std::shared_ptr<Partition>& partition) { log_dir_mover->add(partition); });
  apis.add<DescribeLogDirsHandler>({.advertised = {0, 5}}, *replicas, *logs, background);
  apis.add<AlterReplicaLogDirsHandler>({.advertised = {0, 2}}, *replicas, background);
}

void Broker::Parts::register_topic_apis() {
  topic_changes = std::make_unique<TopicChanges>(*topic_admin, metadata, background, random());
  const auto address_of = [this](const RequestContext& context, const BrokerMetadata& broker) {
    return address_for(context, broker);
  };
  const auto address_told = [this](RequestContext& context, std::string_view host, std::int32_t port) {
    if (server->addresses().told(context.connection(), context.client_id(), host, port)) {
      context.connection().is_watched = true;
    }
  };
  apis.add<MetadataHandler>({.advertised = {0, 13}}, metadata, *topic_changes, dynamic_config, cluster_id_, address_of,
                            address_told);
  apis.add<CreateTopicsHandler>({.advertised = {0, 7}}, *controller, *topic_changes, dynamic_config);
  apis.add<DeleteTopicsHandler>({.advertised = {0, 6}}, *controller, metadata, *topic_changes, dynamic_config);
  apis.add<CreatePartitionsHandler>({.advertised = {0, 3}}, *controller, *topic_changes);
  apis.add<UpdateFeaturesHandler>({.advertised = {0, 1}}, *controller);
  apis.add<ElectLeadersHandler>({.advertised = {0, 2}}, *controller, metadata);
  apis.add<AlterPartitionReassignmentsHandler>({.advertised = {0, 1}}, *controller);
  apis.add<ListPartitionReassignmentsHandler>({.advertised = {0, 0}}, *controller);
  apis.add<DescribeClusterHandler>({.advertised = {0, 2}}, metadata, cluster_id_, address_of);
  apis.add<DescribeTopicPartitionsHandler>({.advertised = {0, 0}}, metadata, dynamic_config);
}

void Broker::Parts::register_config_apis() {
  apis.add<DescribeConfigsHandler>({.advertised = {0, 4}}, *config_admin, background);
  apis.add<AlterConfigsHandler>({.advertised = {0, 2}}, *config_admin, background);
  apis.add<IncrementalAlterConfigsHandler>({.advertised = {0, 1}}, *config_admin, background);
  apis.add<DescribeClientQuotasHandler>({.advertised = {0, 1}}, *quota_admin, background);
  apis.add<AlterClientQuotasHandler>({.advertised = {0, 1}}, *quota_admin, background);
  apis.add<DescribeUserScramCredentialsHandler>({.advertised = {0, 0}}, *store, background);
  apis.add<AlterUserScramCredentialsHandler>({.advertised = {0, 0}}, *scram_admin, background);
  apis.add<ListConfigResourcesHandler>({.advertised = {0, 1}}, metadata);
}

void Broker::Parts::register_group_apis() {
  const BrokerConfigSnapshot now_config = config();
  internal_topics = std::make_unique<InternalTopics>(internal_topic_options(*now_config), *topic_admin, metadata,
                                                     background, random());
  groups = std::make_unique<GroupCoordinator>(group_coordinator_options(*now_config), *replicas, metadata, background,
                                              server->executor(), clock, random());
  replicas->add_listener(*groups);
  replicas->add_deletion_listener([this](const std::vector<protocol::TopicPartition>& deleted) {
    for (const protocol::TopicPartition& partition : deleted) {
      if (partition.partition == 0) topic_configs->forget(partition.topic);
    }
    groups->partitions_deleted(deleted);
  });
  groups->start();

  const auto address_of = [this](const RequestContext& context,
                                 const BrokerMetadata& broker) -> std::optional<FindCoordinatorHandler::Address> {
    const auto address = address_for(context, broker);
    if (!address) return std::nullopt;
    return FindCoordinatorHandler::Address{.host = address->host, .port = address->port};
  };
  apis.add<FindCoordinatorHandler>({.advertised = {0, 6}}, *groups, *internal_topics, address_of);
  apis.add<JoinGroupHandler>({.advertised = {0, 9}}, *groups);
  apis.add<SyncGroupHandler>({.advertised = {0, 5}}, *groups);
  apis.add<HeartbeatHandler>({.advertised = {0, 4}}, *groups);
  apis.add<LeaveGroupHandler>({.advertised = {0, 5}}, *groups);
  apis.add<OffsetCommitHandler>(
      {.advertised = {0, 10}},
      OffsetCommitHandler::Options{.metadata_max_length = now_config->offset_metadata_max_bytes}, *groups, metadata,
      *store, background, clock);
  apis.add<OffsetFetchHandler>({.advertised = {0, 10}}, *groups, metadata, *store, background);
  apis.add<OffsetDeleteHandler>({.advertised = {0, 0}}, *groups, metadata);
  apis.add<ListGroupsHandler>({.advertised = {0, 5}}, *groups);
  apis.add<DescribeGroupsHandler>({.advertised = {0, 6}}, *groups);
  apis.add<DeleteGroupsHandler>({.advertised = {0, 3}}, *groups);
}

// Where this request's client reaches a broker. With nothing advertised, it is the address the client came in on: it
// reached us there.
std::optional<coordination::cluster::BrokerEndpoint> Broker::Parts::address_for(const RequestContext& context,
                                                                                const BrokerMetadata& broker) const {
  const BrokerEndpoint* known = broker.endpoint(context.listener_name());
  if (known == nullptr) return std::nullopt;
  BrokerEndpoint address = *known;
  const BrokerConfigSnapshot now_config = config();
  if (broker.id == now_config->broker_id && !now_config->advertised_listeners_set) {
    address.host = context.connection().local_host;
    address.port = context.connection().local_port;
  }
  return address;
}

void Broker::Parts::stop_groups() {
  if (groups) groups->stop();
}

}  // namespace broker
