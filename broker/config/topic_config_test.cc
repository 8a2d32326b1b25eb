#include "broker/config/topic_config.h"

#include <gtest/gtest.h>

namespace broker {
namespace {

BrokerConfigSnapshot broker_with(Properties values) {
  auto config = make_broker_config(std::move(values));
  EXPECT_TRUE(config) << config.error().message;
  return *config;
}

std::string error_of(const Properties& overrides) {
  const auto valid = validate_topic_config(overrides, *broker_with({}));
  return valid ? "" : valid.error().message;
}

TEST(TopicConfig, DefaultsAreThoseOfTheStorageLayer) {
  EXPECT_EQ(make_log_config("t", {}, *broker_with({})), storage::LogConfig());
}

TEST(TopicConfig, OverridesGoBeforeTheBrokersValues) {
  const auto broker =
      broker_with({{"log.segment.bytes", "1000"}, {"log.retention.hours", "1"}, {"log.roll.hours", "2"}});
  const auto config = make_log_config("t", {{"segment.bytes", "2000"}}, *broker);
  EXPECT_EQ(config.segment_bytes, 2000);
  EXPECT_EQ(config.retention_ms, 3'600'000);
  EXPECT_EQ(config.segment_ms, 7'200'000);
}

TEST(TopicConfig, EverySettingReachesTheLog) {
  const Properties overrides{{"segment.bytes", "100"},
                             {"segment.ms", "1"},
                             {"segment.jitter.ms", "2"},
                             {"segment.index.bytes", "8"},
                             {"index.interval.bytes", "3"},
                             {"flush.messages", "4"},
                             {"flush.ms", "5"},
                             {"retention.bytes", "6"},
                             {"retention.ms", "7"},
                             {"max.message.bytes", "8"},
                             {"file.delete.delay.ms", "9"},
                             {"delete.retention.ms", "10"},
                             {"min.compaction.lag.ms", "11"},
                             {"max.compaction.lag.ms", "12"},
                             {"min.cleanable.dirty.ratio", "0.25"},
                             {"cleanup.policy", "compact"},
                             {"unclean.leader.election.enable", "true"},
                             {"min.insync.replicas", "2"},
                             {"compression.type", "zstd"},
                             {"compression.gzip.level", "1"},
                             {"compression.lz4.level", "2"},
                             {"compression.zstd.level", "4"},
                             {"preallocate", "true"},
                             {"message.timestamp.type", "LogAppendTime"},
                             {"message.timestamp.before.max.ms", "13"},
                             {"message.timestamp.after.max.ms", "14"},
                             {"message.downconversion.enable", "false"}};
  storage::LogConfig expected;
  expected.segment_bytes = 100;
  expected.segment_ms = 1;
  expected.segment_jitter_ms = 2;
  expected.segment_index_bytes = 8;
  expected.index_interval_bytes = 3;
  expected.flush_messages = 4;
  expected.flush_ms = 5;
  expected.retention_bytes = 6;
  expected.retention_ms = 7;
  expected.max_message_bytes = 8;
  expected.file_delete_delay_ms = 9;
  expected.delete_retention_ms = 10;
  expected.min_compaction_lag_ms = 11;
  expected.max_compaction_lag_ms = 12;
  expected.min_cleanable_dirty_ratio = 0.25;
  expected.cleanup_delete = false;
  expected.cleanup_compact = true;
  expected.unclean_leader_election = true;
  expected.min_insync_replicas = 2;
  expected.compression = storage::TopicCompression::zstd;
  expected.gzip_level = 1;
  expected.lz4_level = 2;
  expected.zstd_level = 4;
  expected.preallocate = true;
  expected.timestamp_type = storage::TimestampType::log_append_time;
  expected.timestamp_before_max_ms = 13;
  expected.timestamp_after_max_ms = 14;
  expected.message_downconversion = false;
  EXPECT_EQ(error_of(overrides), "");
  EXPECT_EQ(make_log_config("t", overrides, *broker_with({})), expected);
}

TEST(TopicConfig, OldTimestampDifferenceBoundsBothSidesUnlessTheNewOnesAreSet) {
  const auto config = make_log_config(
      "t", {{"message.timestamp.difference.max.ms", "5"}, {"message.timestamp.after.max.ms", "9"}}, *broker_with({}));
  EXPECT_EQ(config.timestamp_before_max_ms, 5);
  EXPECT_EQ(config.timestamp_after_max_ms, 9);
}

TEST(TopicConfig, RefusesWhatKafkaRefusesInItsWords) {
  EXPECT_EQ(error_of({{"retention.msec", "1"}}), "Unknown topic config name: retention.msec");
  EXPECT_EQ(error_of({{"retention.ms", "-2"}}),
            "Invalid value -2 for configuration retention.ms: Value must be at least -1");
  EXPECT_EQ(error_of({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "5"}}),
            "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)");
  EXPECT_EQ(
      error_of({{"remote.storage.enable", "true"}}),
      "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.");
  EXPECT_NE(error_of({{"remote.log.copy.disable", "true"}}), "");
}

TEST(TopicConfig, ABrokenStoredValueFallsBackToTheDefault) {
  const auto config = make_log_config("t", {{"segment.bytes", "many"}, {"strange", "1"}}, *broker_with({}));
  EXPECT_EQ(config, storage::LogConfig());
}

}  // namespace
}  // namespace broker
