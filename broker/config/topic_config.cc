#include "broker/config/topic_config.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "broker/config/broker_config_check.h"
#include "broker/config/text.h"

namespace broker {
namespace {

using protocol::ErrorCode, protocol::fail, protocol::Result;

// The order in which Kafka looks at values, which decides what a client reads when several are wrong.
constexpr std::string_view checking_order[] = {
    "segment.bytes",
    "segment.ms",
    "segment.jitter.ms",
    "segment.index.bytes",
    "flush.messages",
    "flush.ms",
    "retention.bytes",
    "retention.ms",
    "max.message.bytes",
    "index.interval.bytes",
    "delete.retention.ms",
    "min.compaction.lag.ms",
    "max.compaction.lag.ms",
    "file.delete.delay.ms",
    "min.cleanable.dirty.ratio",
    "cleanup.policy",
    "unclean.leader.election.enable",
    "min.insync.replicas",
    "compression.type",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.zstd.level",
    "preallocate",
    "message.format.version",
    "message.timestamp.type",
    "message.timestamp.difference.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.after.max.ms",
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
    "message.downconversion.enable",
    "remote.storage.enable",
    "local.retention.ms",
    "local.retention.bytes",
    "remote.log.copy.disable",
    "remote.log.delete.on.disable",
};

// Typed reading of a topic's values: overrides over broker defaults. What doesn't fit its row counts as not set.
class TopicValues {
 public:
  TopicValues(const Properties& overrides, const BrokerConfig& broker) : overrides_(overrides), broker_(broker) {}

  std::string text(std::string_view name) const {
    return effective_topic_value(name, overrides_, broker_).value_or(std::string());
  }
  bool boolean(std::string_view name) const { return text(name) == "true"; }
  std::int64_t int64(std::string_view name) const { return parse_int64(text(name)).value_or(0); }
  std::int32_t int32(std::string_view name) const { return static_cast<std::int32_t>(int64(name)); }
  double number(std::string_view name) const { return parse_double(text(name)).value_or(0); }

  // The older setting for both directions counts where the newer one is at its default, as in Kafka.
  std::int64_t timestamp_bound(std::string_view name) const {
    const std::int64_t bound = int64(name);
    return bound != storage::LogConfig::unlimited ? bound : int64("message.timestamp.difference.max.ms");
  }

 private:
  const Properties& overrides_;
  const BrokerConfig& broker_;
};

storage::TopicCompression compression(std::string_view name) {
  using enum storage::TopicCompression;
  if (name == "gzip") return gzip;
  if (name == "snappy") return snappy;
  if (name == "lz4") return lz4;
  if (name == "zstd") return zstd;
  return name == "uncompressed" ? uncompressed : producer;
}

Result<void> check_remote_storage(const Properties& overrides) {
  const auto is_on = [&](std::string_view name) {
    const std::string* value = find_property(overrides, name);
    return value != nullptr && equal_ignoring_case(trim(*value), "true");
  };
  if (is_on("remote.log.delete.on.disable") || is_on("remote.log.copy.disable")) {
    return fail(ErrorCode::invalid_config,
                "It is invalid to set `remote.log.delete.on.disable` or `remote.log.copy.disable` under Zookeeper's "
                "mode.");
  }
  if (is_on("remote.storage.enable")) {
    return fail(ErrorCode::invalid_config,
                "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log "
                "storage.");
  }
  return {};
}

}  // namespace

Result<void> validate_topic_config(const Properties& overrides, const BrokerConfig& broker) {
  for (const auto& [name, value] : overrides) {
    if (find_topic_config(name) == nullptr) {
      return fail(ErrorCode::invalid_config, "Unknown topic config name: " + name);
    }
  }
  for (const std::string_view name : checking_order) {
    const std::string* value = find_property(overrides, name);
    if (value == nullptr) continue;
    if (auto valid = validate_value(*find_topic_config(name), *value); !valid) return valid;
  }
  const TopicValues values(overrides, broker);
  const std::int64_t min_lag_ms = values.int64("min.compaction.lag.ms");
  const std::int64_t max_lag_ms = values.int64("max.compaction.lag.ms");
  if (min_lag_ms > max_lag_ms) {
    return fail(ErrorCode::invalid_config,
                fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms ({})",
                            min_lag_ms, max_lag_ms));
  }
  return check_remote_storage(overrides);
}

storage::LogConfig make_log_config(std::string_view topic, const Properties& overrides, const BrokerConfig& broker) {
  for (const auto& [name, value] : overrides) {
    const ConfigDefinition* row = find_topic_config(name);
    if (row == nullptr) {
      spdlog::warn("Topic {} has an unknown config {}; it does nothing", topic, name);
    } else if (const auto valid = validate_value(*row, value); !valid) {
      spdlog::warn("Topic {}: {}; the default is used instead", topic, valid.error().message);
    }
  }
  const TopicValues values(overrides, broker);
  const std::string policy = values.text("cleanup.policy");
  const auto policies = split_list(policy);
  const auto has_policy = [&](std::string_view name) { return std::ranges::find(policies, name) != policies.end(); };
  storage::LogConfig config;
  config.segment_bytes = values.int32("segment.bytes");
  config.segment_ms = values.int64("segment.ms");
  config.segment_jitter_ms = values.int64("segment.jitter.ms");
  config.segment_index_bytes = values.int32("segment.index.bytes");
  config.index_interval_bytes = values.int32("index.interval.bytes");
  config.flush_messages = values.int64("flush.messages");
  config.flush_ms = values.int64("flush.ms");
  config.retention_bytes = values.int64("retention.bytes");
  config.retention_ms = values.int64("retention.ms");
  config.max_message_bytes = values.int32("max.message.bytes");
  config.file_delete_delay_ms = values.int64("file.delete.delay.ms");
  config.delete_retention_ms = values.int64("delete.retention.ms");
  config.min_compaction_lag_ms = values.int64("min.compaction.lag.ms");
  config.max_compaction_lag_ms = values.int64("max.compaction.lag.ms");
  config.min_cleanable_dirty_ratio = values.number("min.cleanable.dirty.ratio");
  config.cleanup_delete = has_policy("delete");
  config.cleanup_compact = has_policy("compact");
  config.unclean_leader_election = values.boolean("unclean.leader.election.enable");
  config.min_insync_replicas = values.int32("min.insync.replicas");
  config.compression = compression(values.text("compression.type"));
  config.gzip_level = values.int32("compression.gzip.level");
  config.lz4_level = values.int32("compression.lz4.level");
  config.zstd_level = values.int32("compression.zstd.level");
  config.preallocate = values.boolean("preallocate");
  config.timestamp_type = values.text("message.timestamp.type") == "LogAppendTime"
                              ? storage::TimestampType::log_append_time
                              : storage::TimestampType::create_time;
  config.timestamp_before_max_ms = values.timestamp_bound("message.timestamp.before.max.ms");
  config.timestamp_after_max_ms = values.timestamp_bound("message.timestamp.after.max.ms");
  config.message_downconversion = values.boolean("message.downconversion.enable");
  return config;
}

std::optional<std::string> effective_topic_value(std::string_view name, const Properties& overrides,
                                                 const BrokerConfig& broker) {
  const ConfigDefinition* row = find_topic_config(name);
  if (row == nullptr) return std::nullopt;
  const std::string* value = find_property(overrides, name);
  if (value != nullptr && validate_value(*row, *value)) return normalized_value(*row, *value);
  if (!row->broker_synonym.empty()) {
    if (auto inherited = broker.effective(row->broker_synonym)) return inherited;
  }
  return row->default_value ? std::optional<std::string>(*row->default_value) : std::nullopt;
}

}  // namespace broker
