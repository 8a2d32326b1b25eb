// What the broker's code reads of its configuration: every value checked, typed and named as Kafka names it
// (log.retention.ms is log_retention_ms). Immutable: a change makes a new snapshot (dynamic_config.h); whoever needs
// several values at once takes one snapshot and keeps it. Fields marked "dynamic" may differ between snapshots.
//
// Times are milliseconds, sizes bytes unless a name says otherwise. Topic defaults are in topic_config.h.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/endpoint.h"
#include "broker/config/properties.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace broker {

struct BrokerConfig {
  static constexpr std::int32_t int_max = std::numeric_limits<std::int32_t>::max();
  static constexpr std::int64_t long_max = std::numeric_limits<std::int64_t>::max();

  // Identity
  protocol::BrokerId broker_id = -1;  // -1: generated (broker_id_generation_enable) or kept in meta.properties
  bool broker_id_generation_enable = true;
  std::int32_t reserved_broker_max_id = 1000;  // generated ids start above
  std::optional<std::string> broker_rack;

  // Listeners
  std::vector<Endpoint> listeners;
  std::vector<Endpoint> advertised_listeners;  // dynamic; `listeners` when the key isn't set
  bool advertised_listeners_set = false;       // false: hand out the address the client came in on
  std::string inter_broker_listener_name = "PLAINTEXT";
  std::optional<std::string> control_plane_listener_name;
  std::optional<Endpoint> http_listener;  // our own: health and metrics; unset: off

  // Sockets and requests
  std::int32_t num_network_threads = 3;               // dynamic
  bool num_network_threads_set = false;               // false: the server chooses by the machine's cores
  std::int32_t num_io_threads = 8;                    // dynamic
  std::int32_t background_threads = 10;               // dynamic
  std::int32_t socket_send_buffer_bytes = 102400;     // -1: the system's default
  std::int32_t socket_receive_buffer_bytes = 102400;  // -1: the system's default
  bool socket_buffers_set = false;                    // false: the server may choose larger ones
  // Unset, not Kafka's 50 but as many as the system allows: a crowd that reconnects at once fills 50 places before a
  // busy machine accepts the first, and then gets in by 50 a second, the pace at which TCP tries again.
  std::int32_t socket_listen_backlog_size = 65'535;
  std::int32_t socket_request_max_bytes = 104857600;
  std::int32_t queued_max_requests = 500;
  std::int64_t queued_max_request_bytes = -1;                            // -1: no limit
  std::int32_t max_connections = int_max;                                // dynamic
  std::int32_t max_connections_per_ip = int_max;                         // dynamic
  std::map<std::string, std::int32_t> max_connections_per_ip_overrides;  // dynamic; by host name or address
  std::int32_t max_connection_creation_rate = int_max;                   // dynamic; per second
  struct ListenerConnections {
    std::optional<std::int32_t> max_connections;
    std::optional<std::int32_t> max_connection_creation_rate;
  };
  std::map<std::string, ListenerConnections, std::less<>> listener_connections;  // dynamic; by listener name
  std::int64_t connections_max_idle_ms = 600000;                                 // < 0: never closed
  std::int32_t request_timeout_ms = 30000;

  // Topics
  bool auto_create_topics_enable = true;
  bool delete_topic_enable = true;
  std::int32_t num_partitions = 1;
  std::int32_t default_replication_factor = 1;
  std::int32_t max_request_partition_size_limit = 2000;  // partitions in one DescribeTopicPartitions answer

  // Log directories and their upkeep
  std::vector<std::string> log_dirs;
  std::int32_t num_recovery_threads_per_data_dir = 1;  // dynamic
  std::int64_t log_retention_check_interval_ms = 300000;
  std::int64_t log_initial_task_delay_ms = 30000;
  std::int64_t log_flush_scheduler_interval_ms = long_max;
  std::int32_t log_flush_offset_checkpoint_interval_ms = 60000;
  std::int32_t log_flush_start_offset_checkpoint_interval_ms = 60000;
  std::int64_t log_dir_failure_timeout_ms = 30000;
  std::int32_t num_replica_alter_log_dirs_threads = 0;                     // 0: one for each directory
  std::int64_t replica_alter_log_dirs_io_max_bytes_per_second = long_max;  // dynamic
  std::int32_t alter_log_dirs_replication_quota_window_num = 11;
  std::int32_t alter_log_dirs_replication_quota_window_size_seconds = 1;

  // Compaction
  bool log_cleaner_enable = true;
  std::int32_t log_cleaner_threads = 1;                                             // dynamic
  std::int64_t log_cleaner_dedupe_buffer_size = 134217728;                          // dynamic
  std::int32_t log_cleaner_io_buffer_size = 524288;                                 // dynamic
  double log_cleaner_io_buffer_load_factor = 0.9;                                   // dynamic
  double log_cleaner_io_max_bytes_per_second = std::numeric_limits<double>::max();  // dynamic
  std::int64_t log_cleaner_backoff_ms = 15000;                                      // dynamic
  std::int32_t message_max_bytes = 1048588;  // dynamic; also the default of max.message.bytes

  // Replication
  std::int32_t num_replica_fetchers = 1;  // dynamic
  std::int64_t replica_lag_time_max_ms = 30000;
  std::int32_t replica_fetch_max_bytes = 1048576;
  std::int32_t replica_fetch_response_max_bytes = 10485760;
  std::int32_t replica_fetch_min_bytes = 1;
  std::int32_t replica_fetch_wait_max_ms = 500;
  std::int32_t replica_fetch_backoff_ms = 1000;
  std::int32_t replica_socket_timeout_ms = 30000;
  std::int32_t replica_socket_receive_buffer_bytes = 65536;
  std::int64_t replica_high_watermark_checkpoint_interval_ms = 5000;

  // Controller
  bool auto_leader_rebalance_enable = true;
  std::int64_t leader_imbalance_check_interval_seconds = 300;
  std::int32_t leader_imbalance_per_broker_percentage = 10;
  bool unclean_leader_election_enable = false;  // dynamic
  bool controlled_shutdown_enable = true;
  std::int32_t controlled_shutdown_max_retries = 3;
  std::int64_t controlled_shutdown_retry_backoff_ms = 5000;
  std::int32_t controller_socket_timeout_ms = 30000;

  // Fetch
  std::int32_t fetch_max_bytes = 57671680;
  std::int32_t max_incremental_fetch_session_cache_slots = 1000;

  // Quotas
  std::int32_t quota_window_num = 11;
  std::int32_t quota_window_size_seconds = 1;
  std::int32_t controller_quota_window_num = 11;
  std::int32_t controller_quota_window_size_seconds = 1;

  // Groups and offsets
  std::int32_t group_min_session_timeout_ms = 6000;
  std::int32_t group_max_session_timeout_ms = 1800000;
  std::int32_t group_initial_rebalance_delay_ms = 3000;
  std::int32_t group_max_size = int_max;
  std::int32_t offset_metadata_max_bytes = 4096;
  std::int32_t offsets_load_buffer_size = 5242880;
  std::int16_t offsets_topic_replication_factor = 3;
  std::int32_t offsets_topic_num_partitions = 50;
  std::int32_t offsets_topic_segment_bytes = 104857600;
  std::int8_t offsets_topic_compression_codec = 0;  // codec number as in a batch's attributes
  std::int64_t offsets_retention_ms = 604800000;    // from offsets.retention.minutes
  std::int64_t offsets_retention_check_interval_ms = 600000;
  std::int32_t offsets_commit_timeout_ms = 5000;

  // Producers and transactions
  std::int32_t producer_id_expiration_ms = 86400000;  // dynamic
  std::int32_t producer_id_expiration_check_interval_ms = 600000;
  bool transaction_partition_verification_enable = true;  // dynamic
  std::int32_t transaction_max_timeout_ms = 900000;
  std::int32_t transactional_id_expiration_ms = 604800000;
  std::int32_t transaction_state_log_num_partitions = 50;
  std::int16_t transaction_state_log_replication_factor = 3;
  std::int32_t transaction_state_log_min_isr = 2;
  std::int32_t transaction_state_log_segment_bytes = 104857600;
  std::int32_t transaction_state_log_load_buffer_size = 5242880;
  std::int32_t transaction_abort_timed_out_transaction_cleanup_interval_ms = 10000;
  std::int32_t transaction_remove_expired_transaction_cleanup_interval_ms = 3600000;

  // Metadata store
  std::optional<std::string> zookeeper_connect;  // unset: the embedded store
  std::int32_t zookeeper_session_timeout_ms = 18000;
  std::int32_t zookeeper_connection_timeout_ms = 18000;
  bool zookeeper_set_acl = false;
  std::int32_t zookeeper_max_in_flight_requests = 10;
  bool ephemeral = false;  // our own: embedded store in memory

  // Every explicitly set value, after dynamic ones were laid over static ones: raw text by name.
  Properties values;

  // The text in force for a Kafka name: set explicitly, by a synonym, or the table's default. Null: Kafka's null.
  std::optional<std::string> effective(std::string_view name) const;
};

using BrokerConfigSnapshot = std::shared_ptr<const BrokerConfig>;

// Checks every value alone and all together, and types them. Unknown names are accepted.
// Errors: invalid_config; the sentence names key, value and what is allowed.
protocol::Result<BrokerConfigSnapshot> make_broker_config(Properties values);

}  // namespace broker
