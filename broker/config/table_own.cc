// Settings that Kafka doesn't have, and those it takes only dynamically.
#include "broker/config/table_parts.h"

namespace broker::config_table {
namespace {

constexpr std::string_view long_max = "9223372036854775807";

constexpr ConfigDefinition rows[] = {
    {.name = "ephemeral",
     .type = boolean,
     .default_value = "false",
     .importance = low,
     .doc = "Whether topics, groups and configurations are kept in memory only; set by --ephemeral.",
     .own = true},
    {.name = "follower.replication.throttled.rate",
     .type = int64,
     .default_value = long_max,
     .check = at_least(0),
     .mode = cluster_wide,
     .support = no_effect,
     .reason = reason::replication,
     .doc = "Most bytes per second that throttled replicas fetch.",
     .internal = true},
    {.name = "http.listener",
     .type = string,
     .importance = medium,
     .doc = "Where /healthz, /readyz and /metrics are served, [http://]host:port; unset: nowhere.",
     .own = true},
    {.name = "leader.replication.throttled.rate",
     .type = int64,
     .default_value = long_max,
     .check = at_least(0),
     .mode = cluster_wide,
     .support = no_effect,
     .reason = reason::replication,
     .doc = "Most bytes per second that leaders serve to throttled replicas.",
     .internal = true},
    {.name = "replica.alter.log.dirs.io.max.bytes.per.second",
     .type = int64,
     .default_value = long_max,
     .check = at_least(0),
     .mode = cluster_wide,
     .doc = "Most bytes per second that are moved between log directories.",
     .internal = true},
};

}  // namespace

std::span<const ConfigDefinition> own() { return rows; }

}  // namespace broker::config_table
