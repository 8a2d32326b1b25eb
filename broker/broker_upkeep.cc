// The passes that a broker runs from time to time.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "broker/broker_parts.h"
#include "broker/network/address_limits.h"

namespace broker {
namespace {

constexpr std::int64_t second_ms = 1'000;

storage::CleanerOptions cleaner_options(const BrokerConfig& config) {
  return {.threads = config.log_cleaner_threads,
          .dedupe_buffer_bytes = config.log_cleaner_dedupe_buffer_size,
          .io_buffer_bytes = config.log_cleaner_io_buffer_size,
          .load_factor = config.log_cleaner_io_buffer_load_factor,
          .io_max_bytes_per_second = config.log_cleaner_io_max_bytes_per_second,
          .backoff_ms = config.log_cleaner_backoff_ms};
}

}  // namespace

void Broker::Parts::start_upkeep() {
  upkeep = std::make_unique<PeriodicTasks>(server->executor(), background);
  const std::int64_t first_ms = config()->log_initial_task_delay_ms;
  const auto every = [this](auto BrokerConfig::* interval) {
    return [this, interval] { return static_cast<std::int64_t>((*config()).*interval); };
  };
  const auto each_second = [] { return second_ms; };
  upkeep->add("log retention", first_ms, every(&BrokerConfig::log_retention_check_interval_ms),
              [this] { logs->retention_pass(now()); });
  // Unlike in Kafka, where nobody looks unless told how often, flush.ms alone is enough.
  const bool own_pace = config()->log_flush_scheduler_interval_ms != BrokerConfig::long_max;
  upkeep->add(
      "log flushing and deletion of log files", second_ms, each_second,
      [this, own_pace] {
        logs->flush_pass(now(), !own_pace);
        logs->delete_pass(now());
      },
      [this] { return logs->has_upkeep(now()); });
  if (own_pace) {
    upkeep->add("log flushing by age", first_ms, every(&BrokerConfig::log_flush_scheduler_interval_ms),
                [this] { logs->flush_pass(now(), true); });
  }
  upkeep->add("recovery point checkpoint", first_ms, every(&BrokerConfig::log_flush_offset_checkpoint_interval_ms),
              [this] { logs->checkpoint_recovery_points(now()); });
  upkeep->add("log start offset checkpoint", first_ms,
              every(&BrokerConfig::log_flush_start_offset_checkpoint_interval_ms),
              [this] { logs->checkpoint_log_start_offsets(now()); });
  upkeep->add("high watermark checkpoint", config()->replica_high_watermark_checkpoint_interval_ms,
              every(&BrokerConfig::replica_high_watermark_checkpoint_interval_ms),
              [this] { replicas->checkpoint_high_watermarks(); });
  upkeep->add("expiry of producers", config()->producer_id_expiration_check_interval_ms,
              every(&BrokerConfig::producer_id_expiration_check_interval_ms),
              [this] { logs->producer_expiry_pass(now()); });
  start_cleaner();
}

void Broker::Parts::start_cleaner() {
  if (!config()->log_cleaner_enable) return;
  cleaner = std::make_unique<storage::Cleaner>(*logs, cleaner_options(*config()), clock, random());
  cleaner->start();
}

// What can change while the broker runs and isn't asked for anew at each use.
void Broker::Parts::follow_config_changes() {
  dynamic_config.subscribe([this](const BrokerConfigSnapshot& before, const BrokerConfigSnapshot& after) {
    if (cleaner) cleaner->reconfigure(cleaner_options(*after));
    if (server) server->set_limits(connection_limits(*after));
    background.set_max_threads(static_cast<std::size_t>(after->background_threads));
    if (before->num_network_threads != after->num_network_threads) {
      spdlog::warn("num.network.threads={} takes effect at the next start", after->num_network_threads);
    }
    if (before->advertised_listeners != after->advertised_listeners) announce_endpoints();
    if (before->unclean_leader_election_enable != after->unclean_leader_election_enable && controller) {
      controller->set_unclean_leader_election(after->unclean_leader_election_enable);
    }
  });
}

void Broker::Parts::announce_endpoints() {
  if (!membership) return;
  if (const auto updated = membership->update_endpoints(advertised_endpoints()); !updated) {
    spdlog::error("The new advertised.listeners can't be announced: {}", updated.error().text());
  }
}

ConnectionLimits Broker::Parts::connection_limits(const BrokerConfig& config) {
  ConnectionLimits limits{.total_max = config.max_connections,
                          .per_ip_max = config.max_connections_per_ip,
                          .per_ip_overrides = limits_by_address(config.max_connections_per_ip_overrides),
                          .creation_rate = config.max_connection_creation_rate};
  for (const auto& [listener, own] : config.listener_connections) {
    limits.listeners[listener] = {.connections_max = own.max_connections,
                                  .creation_rate = own.max_connection_creation_rate};
  }
  if (config.listeners.size() > 1) limits.protected_listener = config.inter_broker_listener_name;
  rlimit open_files{};
  if (::getrlimit(RLIMIT_NOFILE, &open_files) != 0) return limits;
  const auto files_max = static_cast<std::int64_t>(std::min<rlim_t>(open_files.rlim_cur, INT32_MAX));
  limits.room = connections_beside_files(files_max);
  limits.room_cause = fmt::format("a limit of {} open files (ulimit -n) leaves room for", files_max);
  return limits;
}

}  // namespace broker
