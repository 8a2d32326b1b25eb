#include "broker/config/broker_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/config/broker_config_check.h"
#include "broker/config/definition.h"
#include "broker/config/synonyms.h"
#include "broker/config/text.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

// Typed reading of values that were checked against the table already.
class Reader {
 public:
  explicit Reader(const Properties& values) : values_(values) {}

  bool is_set(std::string_view name) const { return find_property(values_, name) != nullptr; }

  // What is set, else the table's default; null: Kafka's null.
  std::optional<std::string_view> text(std::string_view name) const {
    if (const std::string* value = find_property(values_, name)) return trim(*value);
    const ConfigDefinition* row = find_broker_config(name);
    return row == nullptr ? std::nullopt : row->default_value;
  }

  // Unset and empty are the same: container settings often blank a value instead of leaving it out.
  std::optional<std::string> optional_text(std::string_view name) const {
    const auto value = text(name);
    if (!value || value->empty()) return std::nullopt;
    return std::string(*value);
  }

  void read(bool& field, std::string_view name) const {
    if (const auto value = text(name)) field = equal_ignoring_case(*value, "true");
  }
  void read(double& field, std::string_view name) const {
    if (const auto value = text(name)) field = parse_double(*value).value_or(field);
  }
  template <std::integral T>
  void read(T& field, std::string_view name) const {
    if (const auto value = text(name)) field = static_cast<T>(parse_int64(*value).value_or(field));
  }

 private:
  const Properties& values_;
};

void read_identity(const Reader& reader, BrokerConfig& config) {
  reader.read(config.broker_id, reader.is_set("broker.id") ? "broker.id" : "node.id");
  reader.read(config.broker_id_generation_enable, "broker.id.generation.enable");
  reader.read(config.reserved_broker_max_id, "reserved.broker.max.id");
  config.broker_rack = reader.optional_text("broker.rack");
  reader.read(config.ephemeral, "ephemeral");
}

void read_network(const Reader& reader, BrokerConfig& config) {
  reader.read(config.num_network_threads, "num.network.threads");
  config.num_network_threads_set = reader.is_set("num.network.threads");
  reader.read(config.num_io_threads, "num.io.threads");
  reader.read(config.background_threads, "background.threads");
  reader.read(config.socket_send_buffer_bytes, "socket.send.buffer.bytes");
  reader.read(config.socket_receive_buffer_bytes, "socket.receive.buffer.bytes");
  config.socket_buffers_set = reader.is_set("socket.send.buffer.bytes") || reader.is_set("socket.receive.buffer.bytes");
  if (reader.is_set("socket.listen.backlog.size")) {
    reader.read(config.socket_listen_backlog_size, "socket.listen.backlog.size");
  }
  reader.read(config.socket_request_max_bytes, "socket.request.max.bytes");
  reader.read(config.queued_max_requests, "queued.max.requests");
  reader.read(config.queued_max_request_bytes, "queued.max.request.bytes");
  reader.read(config.max_connections, "max.connections");
  reader.read(config.max_connections_per_ip, "max.connections.per.ip");
  reader.read(config.max_connection_creation_rate, "max.connection.creation.rate");
  reader.read(config.connections_max_idle_ms, "connections.max.idle.ms");
  reader.read(config.request_timeout_ms, "request.timeout.ms");
}

void read_topics(const Reader& reader, BrokerConfig& config) {
  reader.read(config.auto_create_topics_enable, "auto.create.topics.enable");
  reader.read(config.delete_topic_enable, "delete.topic.enable");
  reader.read(config.num_partitions, "num.partitions");
  reader.read(config.default_replication_factor, "default.replication.factor");
  reader.read(config.max_request_partition_size_limit, "max.request.partition.size.limit");
  reader.read(config.fetch_max_bytes, "fetch.max.bytes");
  reader.read(config.max_incremental_fetch_session_cache_slots, "max.incremental.fetch.session.cache.slots");
}

void read_logs(const Reader& reader, BrokerConfig& config) {
  const auto dirs = reader.optional_text("log.dirs");
  const std::string_view list = dirs ? std::string_view(*dirs) : reader.text("log.dir").value_or("");
  for (const std::string_view dir : split_list(list)) {
    if (!dir.empty()) config.log_dirs.emplace_back(dir);
  }
  reader.read(config.num_recovery_threads_per_data_dir, "num.recovery.threads.per.data.dir");
  reader.read(config.log_retention_check_interval_ms, "log.retention.check.interval.ms");
  reader.read(config.log_initial_task_delay_ms, "log.initial.task.delay.ms");
  reader.read(config.log_flush_scheduler_interval_ms, "log.flush.scheduler.interval.ms");
  reader.read(config.log_flush_offset_checkpoint_interval_ms, "log.flush.offset.checkpoint.interval.ms");
  reader.read(config.log_flush_start_offset_checkpoint_interval_ms, "log.flush.start.offset.checkpoint.interval.ms");
  reader.read(config.log_dir_failure_timeout_ms, "log.dir.failure.timeout.ms");
  reader.read(config.num_replica_alter_log_dirs_threads, "num.replica.alter.log.dirs.threads");
  reader.read(config.replica_alter_log_dirs_io_max_bytes_per_second, "replica.alter.log.dirs.io.max.bytes.per.second");
  reader.read(config.alter_log_dirs_replication_quota_window_num, "alter.log.dirs.replication.quota.window.num");
  reader.read(config.alter_log_dirs_replication_quota_window_size_seconds,
              "alter.log.dirs.replication.quota.window.size.seconds");
  reader.read(config.log_cleaner_enable, "log.cleaner.enable");
  reader.read(config.log_cleaner_threads, "log.cleaner.threads");
  reader.read(config.log_cleaner_dedupe_buffer_size, "log.cleaner.dedupe.buffer.size");
  reader.read(config.log_cleaner_io_buffer_size, "log.cleaner.io.buffer.size");
  reader.read(config.log_cleaner_io_buffer_load_factor, "log.cleaner.io.buffer.load.factor");
  reader.read(config.log_cleaner_io_max_bytes_per_second, "log.cleaner.io.max.bytes.per.second");
  reader.read(config.log_cleaner_backoff_ms, "log.cleaner.backoff.ms");
  reader.read(config.message_max_bytes, "message.max.bytes");
}

void read_replication(const Reader& reader, BrokerConfig& config) {
  reader.read(config.num_replica_fetchers, "num.replica.fetchers");
  reader.read(config.replica_lag_time_max_ms, "replica.lag.time.max.ms");
  reader.read(config.replica_fetch_max_bytes, "replica.fetch.max.bytes");
  reader.read(config.replica_fetch_response_max_bytes, "replica.fetch.response.max.bytes");
  reader.read(config.replica_fetch_min_bytes, "replica.fetch.min.bytes");
  reader.read(config.replica_fetch_wait_max_ms, "replica.fetch.wait.max.ms");
  reader.read(config.replica_fetch_backoff_ms, "replica.fetch.backoff.ms");
  reader.read(config.replica_socket_timeout_ms, "replica.socket.timeout.ms");
  reader.read(config.replica_socket_receive_buffer_bytes, "replica.socket.receive.buffer.bytes");
  reader.read(config.replica_high_watermark_checkpoint_interval_ms, "replica.high.watermark.checkpoint.interval.ms");
  reader.read(config.auto_leader_rebalance_enable, "auto.leader.rebalance.enable");
  reader.read(config.leader_imbalance_check_interval_seconds, "leader.imbalance.check.interval.seconds");
  reader.read(config.leader_imbalance_per_broker_percentage, "leader.imbalance.per.broker.percentage");
  reader.read(config.unclean_leader_election_enable, "unclean.leader.election.enable");
  reader.read(config.controlled_shutdown_enable, "controlled.shutdown.enable");
  reader.read(config.controlled_shutdown_max_retries, "controlled.shutdown.max.retries");
  reader.read(config.controlled_shutdown_retry_backoff_ms, "controlled.shutdown.retry.backoff.ms");
  reader.read(config.controller_socket_timeout_ms, "controller.socket.timeout.ms");
}

void read_groups(const Reader& reader, BrokerConfig& config) {
  reader.read(config.group_min_session_timeout_ms, "group.min.session.timeout.ms");
  reader.read(config.group_max_session_timeout_ms, "group.max.session.timeout.ms");
  reader.read(config.group_initial_rebalance_delay_ms, "group.initial.rebalance.delay.ms");
  reader.read(config.group_max_size, "group.max.size");
  reader.read(config.offset_metadata_max_bytes, "offset.metadata.max.bytes");
  reader.read(config.offsets_load_buffer_size, "offsets.load.buffer.size");
  reader.read(config.offsets_topic_replication_factor, "offsets.topic.replication.factor");
  reader.read(config.offsets_topic_num_partitions, "offsets.topic.num.partitions");
  reader.read(config.offsets_topic_segment_bytes, "offsets.topic.segment.bytes");
  reader.read(config.offsets_topic_compression_codec, "offsets.topic.compression.codec");
  std::int64_t minutes = 0;
  reader.read(minutes, "offsets.retention.minutes");
  config.offsets_retention_ms = minutes * 60'000;
  reader.read(config.offsets_retention_check_interval_ms, "offsets.retention.check.interval.ms");
  reader.read(config.offsets_commit_timeout_ms, "offsets.commit.timeout.ms");
}

void read_quotas(const Reader& reader, BrokerConfig& config) {
  reader.read(config.quota_window_num, "quota.window.num");
  reader.read(config.quota_window_size_seconds, "quota.window.size.seconds");
  reader.read(config.controller_quota_window_num, "controller.quota.window.num");
  reader.read(config.controller_quota_window_size_seconds, "controller.quota.window.size.seconds");
}

void read_transactions(const Reader& reader, BrokerConfig& config) {
  reader.read(config.producer_id_expiration_ms, "producer.id.expiration.ms");
  reader.read(config.producer_id_expiration_check_interval_ms, "producer.id.expiration.check.interval.ms");
  reader.read(config.transaction_partition_verification_enable, "transaction.partition.verification.enable");
  reader.read(config.transaction_max_timeout_ms, "transaction.max.timeout.ms");
  reader.read(config.transactional_id_expiration_ms, "transactional.id.expiration.ms");
  reader.read(config.transaction_state_log_num_partitions, "transaction.state.log.num.partitions");
  reader.read(config.transaction_state_log_replication_factor, "transaction.state.log.replication.factor");
  reader.read(config.transaction_state_log_min_isr, "transaction.state.log.min.isr");
  reader.read(config.transaction_state_log_segment_bytes, "transaction.state.log.segment.bytes");
  reader.read(config.transaction_state_log_load_buffer_size, "transaction.state.log.load.buffer.size");
  reader.read(config.transaction_abort_timed_out_transaction_cleanup_interval_ms,
              "transaction.abort.timed.out.transaction.cleanup.interval.ms");
  reader.read(config.transaction_remove_expired_transaction_cleanup_interval_ms,
              "transaction.remove.expired.transaction.cleanup.interval.ms");
}

void read_zookeeper(const Reader& reader, BrokerConfig& config) {
  config.zookeeper_connect = reader.optional_text("zookeeper.connect");
  reader.read(config.zookeeper_session_timeout_ms, "zookeeper.session.timeout.ms");
  config.zookeeper_connection_timeout_ms = config.zookeeper_session_timeout_ms;
  reader.read(config.zookeeper_connection_timeout_ms, "zookeeper.connection.timeout.ms");
  reader.read(config.zookeeper_set_acl, "zookeeper.set.acl");
  reader.read(config.zookeeper_max_in_flight_requests, "zookeeper.max.in.flight.requests");
}

Result<void> read_connection_limits(const Reader& reader, BrokerConfig& config) {
  constexpr std::string_view key = "max.connections.per.ip.overrides";
  for (const std::string_view item : split_list(reader.text(key).value_or(""))) {
    const std::size_t colon = item.rfind(':');
    const auto limit = colon == std::string_view::npos ? std::nullopt : parse_int64(trim(item.substr(colon + 1)));
    if (!limit || *limit < 0 || *limit > BrokerConfig::int_max || trim(item.substr(0, colon)).empty()) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("Invalid value {} for configuration {}: entries are written host:number", item, key));
    }
    config.max_connections_per_ip_overrides[std::string(trim(item.substr(0, colon)))] =
        static_cast<std::int32_t>(*limit);
  }
  const auto optional_number = [&reader](const std::string& name) -> std::optional<std::int32_t> {
    if (!reader.is_set(name)) return std::nullopt;
    std::int32_t number = 0;
    reader.read(number, name);
    return number;
  };
  for (const Endpoint& endpoint : config.listeners) {
    const std::string prefix = "listener.name." + to_lower(endpoint.listener) + ".";
    config.listener_connections[endpoint.listener] = {
        .max_connections = optional_number(prefix + "max.connections"),
        .max_connection_creation_rate = optional_number(prefix + "max.connection.creation.rate")};
  }
  return {};
}

// "host:port", with or without "http://".
Result<void> read_http_listener(const Reader& reader, BrokerConfig& config) {
  const auto text = reader.optional_text("http.listener");
  if (!text) return {};
  const bool has_scheme = text->find("://") != std::string::npos;
  auto endpoints =
      parse_endpoints("http.listener", has_scheme ? *text : "HTTP://" + *text, {{"HTTP", "PLAINTEXT"}}, false);
  if (!endpoints || endpoints->size() != 1) {
    return fail(ErrorCode::invalid_config,
                fmt::format("Invalid value {} for configuration http.listener: write [http://]host:port", *text));
  }
  config.http_listener = std::move(endpoints->front());
  return {};
}

Result<void> read_listeners(const Reader& reader, BrokerConfig& config) {
  const std::string_view map_key = "listener.security.protocol.map";
  auto protocols = parse_protocol_map(map_key, reader.text(map_key).value_or(""));
  if (!protocols) return std::unexpected(protocols.error());

  // Container settings for KRaft list the controller's listener too. There is no such controller: it isn't opened.
  std::vector<std::string> controllers;
  for (const auto name : split_list(reader.text("controller.listener.names").value_or(""))) {
    controllers.push_back(to_upper(name));
    protocols->try_emplace(controllers.back(), "PLAINTEXT");
  }
  const auto is_controller = [&](const Endpoint& endpoint) {
    return std::ranges::find(controllers, endpoint.listener) != controllers.end();
  };

  auto listeners = parse_endpoints("listeners", reader.text("listeners").value_or(""), *protocols, false);
  if (!listeners) return std::unexpected(listeners.error());
  std::erase_if(*listeners, is_controller);
  config.listeners = std::move(*listeners);

  const auto advertised_text = reader.optional_text("advertised.listeners");
  config.advertised_listeners_set = advertised_text.has_value();
  config.advertised_listeners = config.listeners;
  if (advertised_text) {
    auto advertised = parse_endpoints("advertised.listeners", *advertised_text, *protocols, true);
    if (!advertised) return std::unexpected(advertised.error());
    std::erase_if(*advertised, is_controller);
    config.advertised_listeners = std::move(*advertised);
  }
  const auto inter_broker = reader.optional_text("inter.broker.listener.name");
  config.inter_broker_listener_name =
      to_upper(inter_broker ? *inter_broker : reader.text("security.inter.broker.protocol").value_or("PLAINTEXT"));
  if (inter_broker && reader.is_set("security.inter.broker.protocol")) {
    return fail(ErrorCode::invalid_config,
                "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set.");
  }
  if (const auto control = reader.optional_text("control.plane.listener.name")) {
    config.control_plane_listener_name = to_upper(*control);
  }
  return {};
}

}  // namespace

std::optional<std::string> BrokerConfig::effective(std::string_view name) const {
  if (has_time_synonyms(name)) {
    const std::int64_t milliseconds = effective_milliseconds(values, name);
    return std::to_string(name == "log.retention.ms" && milliseconds < 0 ? -1 : milliseconds);
  }
  if (name == "broker.id" || name == "node.id") return std::to_string(broker_id);
  const ConfigDefinition* row = find_broker_config(name);
  if (const std::string* value = find_property(values, name)) {
    return row == nullptr ? *value : normalized_value(*row, *value);
  }
  if (row == nullptr || !row->default_value) return std::nullopt;
  return std::string(*row->default_value);
}

Result<BrokerConfigSnapshot> make_broker_config(Properties values) {
  if (auto checked = check_values(values); !checked) return std::unexpected(checked.error());
  auto config = std::make_shared<BrokerConfig>();
  config->values = std::move(values);
  const Reader reader(config->values);
  read_identity(reader, *config);
  read_network(reader, *config);
  read_topics(reader, *config);
  read_logs(reader, *config);
  read_replication(reader, *config);
  read_groups(reader, *config);
  read_quotas(reader, *config);
  read_transactions(reader, *config);
  read_zookeeper(reader, *config);
  for (const auto read : {read_listeners, read_connection_limits, read_http_listener}) {
    if (auto done = read(reader, *config); !done) return std::unexpected(done.error());
  }
  if (auto checked = check_together(*config); !checked) return std::unexpected(checked.error());
  return BrokerConfigSnapshot(std::move(config));
}

}  // namespace broker
