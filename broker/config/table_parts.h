// What the files of the configuration table share: short names for rows' checks, and the reasons why a setting does
// nothing here or isn't allowed. Constants.
#pragma once

#include <span>

#include "broker/config/definition.h"

namespace broker::config_table {

using enum ConfigType;
using enum Importance;
using enum UpdateMode;
using enum Support;

constexpr Check at_least(double min) { return {.kind = Check::Kind::at_least, .min = min}; }
constexpr Check between(double min, double max) { return {.kind = Check::Kind::between, .min = min, .max = max}; }
constexpr Check between_or(double min, double max, double other) {
  return {.kind = Check::Kind::between_or, .min = min, .max = max, .other = other};
}
constexpr Check one_of(std::string_view allowed) { return {.kind = Check::Kind::one_of, .allowed = allowed}; }
constexpr Check one_of_any_case(std::string_view allowed) {
  return {.kind = Check::Kind::one_of_any_case, .allowed = allowed};
}
constexpr Check list_of(std::string_view allowed) { return {.kind = Check::Kind::list_of, .allowed = allowed}; }
inline constexpr Check non_empty{.kind = Check::Kind::non_empty};
inline constexpr Check minus_one_or_positive{.kind = Check::Kind::minus_one_or_positive};
inline constexpr Check throttled_replicas{.kind = Check::Kind::throttled_replicas};
inline constexpr Check metadata_version{.kind = Check::Kind::metadata_version};

// Each completes "KEY has no effect: …" or "KEY is refused: …".
namespace reason {
inline constexpr std::string_view java = "Java classes can't be loaded into this broker";
inline constexpr std::string_view java_security = "TLS and hashing come from OpenSSL, not from Java";
inline constexpr std::string_view reporters =
    "Java classes can't be loaded; http.listener serves metrics to Prometheus";
inline constexpr std::string_view metrics = "metrics are plain counters; rates are computed by whoever reads them";
inline constexpr std::string_view telemetry = "client metrics aren't collected";
inline constexpr std::string_view throttle = "throttles of replication aren't there yet";
inline constexpr std::string_view unstable = "only finished request versions are offered";
inline constexpr std::string_view startup = "a start that can't go on ends with an error at once";
inline constexpr std::string_view purgatory = "a finished wait is removed at once";
inline constexpr std::string_view io_threads = "requests run on the network threads, what blocks on background.threads";
inline constexpr std::string_view queue = "a connection has one request running at a time, so none waits for a thread";
inline constexpr std::string_view control_plane = "the controller's requests never wait behind those of clients";
inline constexpr std::string_view early = "there is no authorizer to wait for";
inline constexpr std::string_view replication = "replication between brokers isn't there yet";
inline constexpr std::string_view preferred = "with one replica the preferred leader always leads";
inline constexpr std::string_view selector = "consumers read from the leader, the only replica";
inline constexpr std::string_view ibp = "requests between brokers are those of Kafka 3.9";
inline constexpr std::string_view format = "records are written in format v2, as Kafka does from 3.0 on";
inline constexpr std::string_view new_groups = "the consumer group protocol of KIP-848 isn't there yet";
inline constexpr std::string_view new_coordinator = "there is one group coordinator";
inline constexpr std::string_view coordinator = "groups run on the network threads and write at once";
inline constexpr std::string_view commit_acks = "commits always wait for every replica in sync";
inline constexpr std::string_view share = "share groups aren't there yet";
inline constexpr std::string_view transactions = "transactions aren't there yet";
inline constexpr std::string_view tls = "TLS isn't there yet";
inline constexpr std::string_view sasl = "SASL isn't there yet";
inline constexpr std::string_view authorizer =
    "authorisation isn't there yet, and without it everyone could do everything";
inline constexpr std::string_view passwords = "no password is stored in the cluster";
inline constexpr std::string_view tokens = "delegation tokens need SASL, which isn't there yet";
inline constexpr std::string_view zk_acl = "znodes are written open to everyone";
inline constexpr std::string_view zk_tls = "the connection to ZooKeeper isn't encrypted";
inline constexpr std::string_view kraft =
    "this broker keeps its metadata in its own store or in ZooKeeper, not in KRaft";
inline constexpr std::string_view kraft_roles =
    "there is no KRaft here; this broker is a cluster of one, or joins others through zookeeper.connect";
inline constexpr std::string_view kraft_listeners = "there is no KRaft controller, so its listeners aren't opened";
inline constexpr std::string_view kraft_move = "a cluster can't be moved to KRaft through this broker";
inline constexpr std::string_view remote = "tiered storage isn't there";
inline constexpr std::string_view remote_zk = "Kafka allows it with KRaft only";
inline constexpr std::string_view remote_topic = "tiered storage isn't there";
}  // namespace reason

// One part of the table for each theme, in a file of its own (table_THEME.cc), sorted by name.
std::span<const ConfigDefinition> server();
std::span<const ConfigDefinition> network();
std::span<const ConfigDefinition> log();
std::span<const ConfigDefinition> replication();
std::span<const ConfigDefinition> group();
std::span<const ConfigDefinition> transaction();
std::span<const ConfigDefinition> ssl();
std::span<const ConfigDefinition> security();
std::span<const ConfigDefinition> zookeeper();
std::span<const ConfigDefinition> kraft();
std::span<const ConfigDefinition> remote();
std::span<const ConfigDefinition> own();
std::span<const ConfigDefinition> topic();

}  // namespace broker::config_table
