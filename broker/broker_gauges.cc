// What /metrics shows of a broker beside its counters, under the names of Kafka's JMX exporter.
#include <unistd.h>
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
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes);
  metrics.counter("process_cpu_seconds_total", "Processor time used.", cpu_seconds);
}

}  // namespace broker
