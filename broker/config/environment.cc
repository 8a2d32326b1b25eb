// KAFKA_* environment variables as the common container images take them.
#include <algorithm>

#include "broker/config/definition.h"
#include "broker/config/sources.h"
#include "broker/config/text.h"

namespace broker {
namespace {

// Variables of the images' start scripts, of the JVM, and those that Kubernetes makes for a service called "kafka".
constexpr std::string_view not_configs[] = {
    "KAFKA_HEAP_OPTS",
    "KAFKA_OPTS",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_VERSION",
    "KAFKA_HOME",
    "KAFKA_DEBUG",
    "KAFKA_CLUSTER_ID",
    "KAFKA_NATIVE",
    "KAFKA_JMX_PORT",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_HOSTNAME",
    "KAFKA_LOG_DIR",
    "KAFKA_BROKER_ID_FILE",
    "KAFKA_CREATE_TOPICS",
    "KAFKA_KRAFT_CLUSTER_ID",
    "KAFKA_KRAFT_MODE",
    "KAFKA_ENABLE_KRAFT",
    "KAFKA_SCALA_VERSION",
    "KAFKA_MOUNTED_CONF_DIR",
    "KAFKA_BASE_DIR",
    "KAFKA_CONF_DIR",
    "KAFKA_CONF_FILE",
    "KAFKA_DATA_DIR",
    "KAFKA_DAEMON_USER",
    "KAFKA_DAEMON_GROUP",
    "KAFKA_VOLUME_DIR",
    "KAFKA_CERTS_DIR",
    "KAFKA_INITSCRIPTS_DIR",
};
constexpr std::string_view not_config_prefixes[] = {"KAFKA_LOG4J_", "KAFKA_TOOLS_LOG4J_", "KAFKA_SERVICE_",
                                                    "KAFKA_JVM_", "KAFKA_EXTRA_"};

bool is_config_variable(std::string_view variable) {
  if (!variable.starts_with("KAFKA_")) return false;
  if (std::ranges::find(not_configs, variable) != std::end(not_configs)) return false;
  if (std::ranges::any_of(not_config_prefixes, [&](auto prefix) { return variable.starts_with(prefix); })) return false;
  // KAFKA_PORT and KAFKA_PORT_9092_TCP… are Kubernetes' as well; Kafka's own "port" left with 3.0.
  return variable != "KAFKA_PORT" && !variable.starts_with("KAFKA_PORT_");
}

std::string dotted(std::string_view rest) {
  std::string name;
  while (!rest.empty()) {
    const std::size_t underscores = std::min(rest.find_first_not_of('_'), rest.size());
    if (underscores == 0) {
      name += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    const std::size_t taken = std::min<std::size_t>(underscores, 3);
    name += taken == 1 ? '.' : (taken == 2 ? '_' : '-');
    rest.remove_prefix(taken);
  }
  return to_lower(name);
}

}  // namespace

std::string config_name_of_variable(std::string_view variable) {
  if (!is_config_variable(variable)) return {};
  std::string_view rest = variable.substr(std::string_view("KAFKA_").size());
  if (rest.starts_with("CFG_")) rest.remove_prefix(4);
  const std::string name = dotted(rest);
  // A few names have capitals (zookeeper.clientCnxnSocket), which variables can't show.
  const auto table = broker_config_table();
  const auto row = std::ranges::find_if(table, [&](const auto& r) { return equal_ignoring_case(r.name, name); });
  return row == table.end() ? name : std::string(row->name);
}

}  // namespace broker
