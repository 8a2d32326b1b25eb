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

}  // namespace

void Broker::Parts::register_gauges() {
  metrics.gauge("kafka_server_kafkaserver_brokerstate", "3: running.", [this] { return ready ? running : starting; });
  const auto replica_gauge = [this](const char* name, const char* help, std::size_t ReplicaManager::Counts::* count) {
    metrics.gauge(name, help, [this, count] { return static_cast<double>(replicas->counts().*count); });
  };
  using Counts = ReplicaManager::Counts;
  replica_gauge("kafka_server_replicamanager_partitioncount", "Partitions on this broker.", &Counts::partitions);
  replica_gauge("kafka_server_replicamanager_leadercount", "Partitions that this broker leads.", &Counts::leaders);
  replica_gauge("kafka_server_replicamanager_offlinereplicacount", "Partitions on offline directories.",
                &Counts::offline);
  replica_gauge("kafka_server_replicamanager_underreplicatedpartitions", "Led partitions with replicas out of sync.",
                &Counts::under_replicated);
  replica_gauge("kafka_server_replicamanager_underminisrpartitioncount", "Led partitions below min.insync.replicas.",
                &Counts::under_min_isr);
  metrics.gauge("kafka_controller_kafkacontroller_activecontrollercount", "1 on the controller, else 0.",
                [this] { return controller->is_active() ? 1.0 : 0.0; });
  metrics.gauge("kafka_controller_kafkacontroller_globaltopiccount", "Topics of the cluster.",
                [this] { return static_cast<double>(metadata.snapshot()->topic_count()); });
  metrics.gauge("kafka_controller_kafkacontroller_globalpartitioncount", "Partitions of the cluster.",
                [this] { return static_cast<double>(metadata.snapshot()->partition_count()); });
  metrics.gauge("kafka_server_fetchsessioncache_numincrementalfetchsessions", "Open fetch sessions.",
                [this] { return static_cast<double>(fetch_sessions->counts().sessions); });
  const auto group_gauge = [this](const char* name, const char* help, std::size_t GroupCoordinator::Counts::* count) {
    metrics.gauge(name, help, [this, count] { return static_cast<double>(groups->counts().*count); });
  };
  using GroupCounts = GroupCoordinator::Counts;
  group_gauge("kafka_coordinator_group_groupmetadatamanager_numgroups", "Consumer groups.", &GroupCounts::groups);
  group_gauge("kafka_coordinator_group_groupmetadatamanager_numgroupsstable", "Groups in state Stable.",
              &GroupCounts::stable);
  group_gauge("kafka_coordinator_group_groupmetadatamanager_numgroupsempty", "Groups in state Empty.",
              &GroupCounts::empty);
  group_gauge("kafka_coordinator_group_groupmetadatamanager_numgroupsdead", "Groups in state Dead.",
              &GroupCounts::dead);
  group_gauge("kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance",
              "Groups in state PreparingRebalance.", &GroupCounts::preparing_rebalance);
  group_gauge("kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance",
              "Groups in state CompletingRebalance.", &GroupCounts::completing_rebalance);
  group_gauge("kafka_coordinator_group_groupmetadatamanager_numoffsets", "Committed offsets.", &GroupCounts::offsets);
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes);
  metrics.counter("process_cpu_seconds_total", "Processor time used.", cpu_seconds);
}

}  // namespace broker
