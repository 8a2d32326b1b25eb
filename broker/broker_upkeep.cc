// The passes that a broker runs from time to time.
#include "broker/broker_parts.h"

namespace broker {
namespace {

constexpr std::int64_t second_ms = 1'000;

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
  upkeep->add("log flushing", second_ms, each_second, [this] { logs->flush_pass(now()); });
  upkeep->add("deletion of log files", second_ms, each_second, [this] { logs->delete_pass(now()); });
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
}

}  // namespace broker
