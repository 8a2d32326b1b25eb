#include "broker/config/dynamic_config.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace broker {
namespace {

std::string error_of(const protocol::Result<void>& result) { return result ? "" : result.error().message; }

TEST(DynamicConfig, LayersLieOverEachOther) {
  DynamicConfig config({{"log.retention.ms", "1000"}});
  config.set_cluster_values({{"log.retention.ms", "2000"}});
  EXPECT_EQ(config.snapshot()->effective("log.retention.ms"), "2000");
  config.set_broker_values({{"log.retention.ms", "3000"}});
  EXPECT_EQ(config.snapshot()->effective("log.retention.ms"), "3000");
  config.set_broker_values({});
  config.set_cluster_values({});
  EXPECT_EQ(config.snapshot()->effective("log.retention.ms"), "1000");
}

TEST(DynamicConfig, AnUpperLayerReplacesSynonymsOfLowerOnes) {
  DynamicConfig config({{"log.retention.minutes", "1"}});
  config.set_cluster_values({{"log.retention.ms", "5"}});
  EXPECT_EQ(config.snapshot()->effective("log.retention.ms"), "5");
}

TEST(DynamicConfig, TellsListenersWhatChanged) {
  DynamicConfig config(Properties{});
  std::vector<std::pair<std::int32_t, std::int32_t>> seen;
  config.subscribe([&](const auto& before, const auto& after) {
    seen.emplace_back(before->max_connections, after->max_connections);
  });
  config.set_cluster_values({{"max.connections", "5"}});
  config.set_cluster_values({{"max.connections", "5"}});
  config.set_cluster_values({{"max.connections", "6"}});
  EXPECT_EQ(seen, (std::vector<std::pair<std::int32_t, std::int32_t>>{{BrokerConfig::int_max, 5}, {5, 6}}));
}

TEST(DynamicConfig, LeavesOutStoredValuesThatDontBelong) {
  DynamicConfig config(Properties{});
  config.set_cluster_values({{"broker.id", "5"},
                             {"advertised.listeners", "PLAINTEXT://x:1"},
                             {"max.connections", "many"},
                             {"num.io.threads", "16"}});
  EXPECT_EQ(config.layers().cluster_values, (Properties{{"num.io.threads", "16"}}));
}

TEST(DynamicConfig, KeepsTheOldLayerWhenTheNewOneContradictsItself) {
  DynamicConfig config(Properties{});
  config.set_broker_values({{"max.connections", "7"}});
  config.set_broker_values({{"log.retention.ms", "0"}});
  EXPECT_EQ(config.snapshot()->max_connections, 7);
}

TEST(DynamicConfig, RefusesWhatKafkaRefuses) {
  const DynamicConfig config(Properties{});
  EXPECT_EQ(error_of(config.validate_broker_values({{"broker.id", "5"}, {"log.dirs", "/x"}})),
            "Cannot update these configs dynamically: Set(broker.id, log.dirs)");
  EXPECT_EQ(error_of(config.validate_broker_values({{"ssl.keystore.location", "/x"}})),
            "These security configs can be dynamically updated only per-listener using the listener prefix: "
            "Set(ssl.keystore.location)");
  EXPECT_EQ(error_of(config.validate_cluster_values({{"advertised.listeners", "PLAINTEXT://x:1"}})),
            "Cannot update these configs at default cluster level, broker id must be specified: "
            "Set(advertised.listeners)");
  EXPECT_EQ(error_of(config.validate_broker_values({{"max.connections", "x"}})),
            "Invalid value x for configuration max.connections: Not a number of type INT");
  EXPECT_EQ(error_of(config.validate_cluster_values({{"log.flush.interval.ms", ""}})),
            "Invalid value  for configuration log.flush.interval.ms: Not a number of type LONG");
  EXPECT_EQ(error_of(config.validate_broker_values({{"num.io.threads", "100"}})),
            "Dynamic thread count update validation failed for num.io.threads=100, value should not be greater than "
            "double the current value 8");
  EXPECT_EQ(error_of(config.validate_broker_values({{"log.cleaner.threads", "9"}})),
            "Log cleaner threads cannot be increased to more than double the current value 1");
  EXPECT_EQ(config.validate_broker_values({{"log.retention.ms", "0"}}).code(), protocol::ErrorCode::invalid_request);
}

TEST(DynamicConfig, AdvertisedListenersMayChangeAndListenersMayNot) {
  const DynamicConfig config(Properties{});
  EXPECT_EQ(error_of(config.validate_broker_values({{"advertised.listeners", "PLAINTEXT://x:1"}})), "");
  EXPECT_NE(error_of(config.validate_broker_values({{"listeners", "PLAINTEXT://:1"}})), "");
}

TEST(DynamicConfig, UnknownNamesPassAsInKafka) {
  const DynamicConfig config(Properties{});
  EXPECT_EQ(error_of(config.validate_cluster_values({{"my.plugin", "x"}})), "");
}

TEST(DynamicConfig, ListenersHearOfChangesInTheirOrder) {
  DynamicConfig config(Properties{});
  std::vector<std::int32_t> heard;
  std::thread second;
  config.subscribe([&](const auto&, const BrokerConfigSnapshot& after) {
    if (after->max_connections == 1) {
      second = std::thread([&config] { config.set_cluster_values({{"max.connections", "2"}}); });
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // in which the other change would overtake this one
    }
    heard.push_back(after->max_connections);
  });
  config.set_cluster_values({{"max.connections", "1"}});
  second.join();
  EXPECT_EQ(heard, (std::vector<std::int32_t>{1, 2}));
}

TEST(DynamicConfig, ShowsAnAssignedBrokerIdFromThenOn) {
  DynamicConfig config(Properties{});
  config.assign_broker_id(1001);
  EXPECT_EQ(config.snapshot()->broker_id, 1001);
  config.set_cluster_values({{"max.connections", "5"}});
  EXPECT_EQ(config.snapshot()->broker_id, 1001);
}

}  // namespace
}  // namespace broker
