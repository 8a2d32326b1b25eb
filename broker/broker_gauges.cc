// What /metrics shows of a broker beside its counters, under the names of Kafka's JMX exporter.
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <fstream>

#include "broker/broker_parts.h"

namespace broker {
namespace {

// Kafka's BrokerState.
constexpr double running = 3;
constexpr double starting = 1;

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  file >> total_pages >> resident_pages;
  return static_cast<double>(resident_pages * ::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// As the exporter's rules for quotas name them: kafka_server_quota_byte_rate{resource="Produce",user="u",clientId="c"}.
std::vector<Metrics::Sample> quota_samples(const std::vector<ClientQuotas::Measured>& measured) {
  struct Names {
    const char* resource;
    const char* value;
  };
  constexpr Names names[] = {
      {"Produce", "byte_rate"}, {"Fetch", "byte_rate"}, {"Request", "request_time"}, {"ControllerMutation", "tokens"}};
  std::vector<Metrics::Sample> samples;
  for (const ClientQuotas::Measured& client : measured) {
    const Names& name = names[static_cast<std::size_t>(client.kind)];
    Metrics::Labels labels = {{"resource", name.resource}};
    if (!client.user.empty()) labels.emplace_back("user", sanitized(client.user));
    if (!client.client_id.empty()) labels.emplace_back("clientId", client.client_id);
    const auto add = [&](const char* what, double value) {
      samples.push_back({.name = std::string("kafka_server_quota_") + what, .labels = labels, .value = value});
    };
    add(name.value, client.value);
    if (client.kind == QuotaKind::controller_mutation) add("mutation_rate", client.mutation_rate);
    if (!std::isnan(client.throttle_time_ms)) add("throttle_time", client.throttle_time_ms);
  }
  return samples;
}

std::vector<double> as_values(std::initializer_list<std::size_t> counts) { return {counts.begin(), counts.end()}; }

}  // namespace

void Broker::Parts::register_gauges() {
  metrics.gauge("kafka_server_kafkaserver_brokerstate", "3: running.", [this] { return ready ? running : starting; });
  metrics.gauges(
      {{"kafka_server_replicamanager_partitioncount", "Partitions on this broker."},
       {"kafka_server_replicamanager_leadercount", "Partitions that this broker leads."},
       {"kafka_server_replicamanager_offlinereplicacount", "Partitions on offline directories."},
       {"kafka_server_replicamanager_underreplicatedpartitions", "Led partitions with replicas out of sync."},
       {"kafka_server_replicamanager_underminisrpartitioncount", "Led partitions below min.insync.replicas."}},
      [this] {
        const ReplicaManager::Counts counts = replicas->counts();
        return as_values(
            {counts.partitions, counts.leaders, counts.offline, counts.under_replicated, counts.under_min_isr});
      });
  metrics.gauges(
      {{"kafka_server_replicaalterlogdirsmanager_partitioncount", "Partitions that move to another directory."},
       {"kafka_server_replicaalterlogdirsmanager_failedpartitionscount", "Moves that don't get on."},
       {"kafka_server_replicaalterlogdirsmanager_maxlag", "Records that the slowest move has left."}},
      [this] {
        return as_values({log_dir_moves->count(), log_dir_moves->failed_count(),
                          static_cast<std::size_t>(std::max<std::int64_t>(log_dir_moves->max_lag(), 0))});
      });
  metrics.gauge("kafka_controller_kafkacontroller_activecontrollercount", "1 on the controller, else 0.",
                [this] { return controller->is_active() ? 1.0 : 0.0; });
  metrics.gauge("kafka_controller_kafkacontroller_globaltopiccount", "Topics of the cluster.",
                [this] { return static_cast<double>(metadata.snapshot()->topic_count()); });
  metrics.gauge("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions of the cluster.",
                [this] { return static_cast<double>(metadata.snapshot()->partition_count()); });
  metrics.gauge("kafka_server_fetchsessioncache_numincrementalfetchsessions", "Open fetch sessions.",
                [this] { return static_cast<double>(fetch_sessions->counts().sessions); });
  metrics.gauges({{"kafka_coordinator_group_groupmetadatamanager_numgroups", "Consumer groups."},
                  {"kafka_coordinator_group_groupmetadatamanager_numgroupsstable", "Groups in state Stable."},
                  {"kafka_coordinator_group_groupmetadatamanager_numgroupsempty", "Groups in state Empty."},
                  {"kafka_coordinator_group_groupmetadatamanager_numgroupsdead", "Groups in state Dead."},
                  {"kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance",
                   "Groups in state PreparingRebalance."},
                  {"kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance",
                   "Groups in state CompletingRebalance."},
                  {"kafka_coordinator_group_groupmetadatamanager_numoffsets", "Committed offsets."}},
                 [this] {
                   const GroupCoordinator::Counts counts = groups->counts();
                   return as_values({counts.groups, counts.stable, counts.empty, counts.dead,
                                     counts.preparing_rebalance, counts.completing_rebalance, counts.offsets});
                 });
  metrics.samples("Of clients that a quota holds for.",
                  [this] { return quota_samples(quotas.measured(clock.monotonic_ms())); });
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes);
  metrics.counter("process_cpu_seconds_total", "Processor time used.", cpu_seconds);
}

}  // namespace broker
