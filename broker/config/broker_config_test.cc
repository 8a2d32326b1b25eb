#include "broker/config/broker_config.h"

#include <gtest/gtest.h>

#include "broker/config/definition.h"

namespace broker {
namespace {

BrokerConfig made(Properties values) {
  auto config = make_broker_config(std::move(values));
  EXPECT_TRUE(config) << config.error().message;
  return config ? **config : BrokerConfig();
}

std::string error_of(Properties values) {
  const auto config = make_broker_config(std::move(values));
  return config ? "" : config.error().message;
}

TEST(BrokerConfig, HasKafkasDefaultsWhenNothingIsSet) {
  const BrokerConfig config = made({});
  EXPECT_EQ(config.broker_id, -1);
  EXPECT_EQ(config.group_initial_rebalance_delay_ms, 3000);
  EXPECT_EQ(config.offsets_topic_replication_factor, 3);
  EXPECT_EQ(config.log_dirs, std::vector<std::string>{"/tmp/kafka-logs"});
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].text(), "PLAINTEXT://:9092");
  EXPECT_FALSE(config.advertised_listeners_set);
  EXPECT_EQ(config.offsets_retention_ms, 7LL * 24 * 3600 * 1000);
  EXPECT_FALSE(config.zookeeper_connect);
}

TEST(BrokerConfig, FieldDefaultsAreTheTables) {
  const BrokerConfig from_table = made({});
  BrokerConfig from_struct;
  from_struct.listeners = from_table.listeners;
  from_struct.advertised_listeners = from_table.advertised_listeners;
  from_struct.log_dirs = from_table.log_dirs;
  EXPECT_EQ(from_struct.socket_request_max_bytes, from_table.socket_request_max_bytes);
  EXPECT_EQ(from_struct.log_cleaner_io_max_bytes_per_second, from_table.log_cleaner_io_max_bytes_per_second);
  EXPECT_EQ(from_struct.offsets_retention_ms, from_table.offsets_retention_ms);
  EXPECT_EQ(from_struct.fetch_max_bytes, from_table.fetch_max_bytes);
  EXPECT_EQ(from_struct.group_max_session_timeout_ms, from_table.group_max_session_timeout_ms);
  EXPECT_EQ(from_struct.transaction_max_timeout_ms, from_table.transaction_max_timeout_ms);
}

TEST(BrokerConfig, ResolvesTimeSynonymsFromTheFinestUnit) {
  EXPECT_EQ(made({{"log.retention.hours", "2"}}).effective("log.retention.ms"), "7200000");
  EXPECT_EQ(made({{"log.retention.hours", "2"}, {"log.retention.minutes", "3"}}).effective("log.retention.ms"),
            "180000");
  EXPECT_EQ(made({{"log.retention.ms", "-1"}, {"log.retention.minutes", "3"}}).effective("log.retention.ms"), "-1");
  EXPECT_EQ(made({{"log.retention.hours", "-1"}}).effective("log.retention.ms"), "-1");
  EXPECT_EQ(made({{"log.roll.hours", "1"}}).effective("log.roll.ms"), "3600000");
  EXPECT_EQ(made({{"log.flush.scheduler.interval.ms", "5"}}).effective("log.flush.interval.ms"), "5");
  EXPECT_EQ(made({{"log.retention.ms", ""}, {"log.retention.minutes", "3"}}).effective("log.retention.ms"), "180000");
}

TEST(BrokerConfig, TakesNodeIdForBrokerId) {
  EXPECT_EQ(made({{"node.id", "7"}}).broker_id, 7);
  EXPECT_EQ(error_of({{"node.id", "7"}, {"broker.id", "8"}}),
            "You must set `node.id` to the same value as `broker.id`.");
  EXPECT_EQ(error_of({{"broker.id", "1001"}}),
            "broker.id must be greater than or equal to -1 and not greater than reserved.broker.max.id");
  EXPECT_EQ(error_of({{"broker.id.generation.enable", "false"}}), "broker.id must be greater than or equal to 0");
}

TEST(BrokerConfig, ReadsListenersAndWhatIsAdvertised) {
  const BrokerConfig config = made({{"listeners", "INTERNAL://:9092,EXTERNAL://0.0.0.0:9093"},
                                    {"advertised.listeners", "INTERNAL://a:9092,EXTERNAL://b:19093"},
                                    {"listener.security.protocol.map", "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT"},
                                    {"inter.broker.listener.name", "internal"}});
  EXPECT_EQ(config.listeners.size(), 2U);
  EXPECT_EQ(config.advertised_listeners[1].text(), "EXTERNAL://b:19093");
  EXPECT_EQ(config.inter_broker_listener_name, "INTERNAL");
  EXPECT_TRUE(config.advertised_listeners_set);
}

TEST(BrokerConfig, RefusesListenersThatDontFitTogether) {
  EXPECT_EQ(error_of({{"listeners", "PLAINTEXT://:1"}, {"advertised.listeners", "PLAINTEXT://0.0.0.0:1"}}),
            "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address.");
  EXPECT_EQ(error_of({{"listeners", "A://:1"}, {"listener.security.protocol.map", "A:PLAINTEXT"}}),
            "inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options "
            "based on currently configured listeners are A");
  EXPECT_NE(error_of({{"advertised.listeners", "PLAINTEXT://h:1,SSL://h:2"}}), "");
  EXPECT_EQ(error_of({{"listeners", "PLAINTEXT://:1,SSL://:2"}}),
            "Listener SSL is refused: SSL isn't there yet, only PLAINTEXT is");
}

TEST(BrokerConfig, LeavesOutTheListenersOfKRaftControllers) {
  const BrokerConfig config = made({{"node.id", "1"},
                                    {"process.roles", "broker,controller"},
                                    {"controller.listener.names", "CONTROLLER"},
                                    {"controller.quorum.voters", "1@kafka:29093"},
                                    {"listeners", "PLAINTEXT://:9092,CONTROLLER://:29093"}});
  ASSERT_EQ(config.listeners.size(), 1U);
  EXPECT_EQ(config.listeners[0].listener, "PLAINTEXT");
}

TEST(BrokerConfig, RefusesWhatWouldBeDangerousToIgnore) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  for (const auto& [name, value] : Pairs{{"authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"},
                                         {"process.roles", "broker"},
                                         {"process.roles", "controller"},
                                         {"controller.quorum.voters", "1@a:1,2@b:1"},
                                         {"remote.log.storage.system.enable", "true"},
                                         {"create.topic.policy.class.name", "x.Y"},
                                         {"config.providers", "file"}}) {
    EXPECT_NE(error_of({{name, value}}).find("refused"), std::string::npos) << name;
  }
  EXPECT_EQ(error_of({{"authorizer.class.name", ""}}), "");
}

TEST(BrokerConfig, ChecksValuesAgainstEachOther) {
  EXPECT_EQ(error_of({{"log.retention.ms", "0"}}),
            "log.retention.ms must be unlimited (-1) or, greater than or equal to 1");
  EXPECT_NE(error_of({{"log.cleaner.dedupe.buffer.size", "1000"}}), "");
  EXPECT_NE(error_of({{"queued.max.request.bytes", "10"}}), "");
  EXPECT_NE(error_of({{"max.connections.per.ip", "0"}}), "");
  EXPECT_EQ(error_of({{"max.connections.per.ip", "0"}, {"max.connections.per.ip.overrides", "127.0.0.1:5"}}), "");
}

TEST(BrokerConfig, ReadsConnectionLimitsOfSingleHosts) {
  const BrokerConfig config = made({{"max.connections.per.ip.overrides", "h:10, ::1:20"}});
  EXPECT_EQ(config.max_connections_per_ip_overrides, (std::map<std::string, std::int32_t>{{"h", 10}, {"::1", 20}}));
  EXPECT_NE(error_of({{"max.connections.per.ip.overrides", "h"}}), "");
}

TEST(BrokerConfig, ReadsTheHttpListenerWithAndWithoutScheme) {
  for (const char* text : {"127.0.0.1:8080", "http://127.0.0.1:8080"}) {
    const BrokerConfig config = made({{"http.listener", text}});
    ASSERT_TRUE(config.http_listener);
    EXPECT_EQ(config.http_listener->host, "127.0.0.1");
    EXPECT_EQ(config.http_listener->port, 8080);
  }
  EXPECT_FALSE(made({{"http.listener", ""}}).http_listener);
  EXPECT_NE(error_of({{"http.listener", "nowhere"}}), "");
}

TEST(BrokerConfig, UnknownNamesPass) { EXPECT_EQ(made({{"my.own", "x"}}).effective("my.own"), "x"); }

TEST(BrokerConfig, ListenersMayHaveConnectionLimitsOfTheirOwn) {
  const auto config = make_broker_config({{"listeners", "PLAINTEXT://:1,EXT://:2"},
                                          {"listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,EXT:PLAINTEXT"},
                                          {"max.connections", "9"},
                                          {"listener.name.ext.max.connections", "5"},
                                          {"listener.name.ext.max.connection.creation.rate", "7"}});
  ASSERT_TRUE(config) << config.error().text();
  const auto& limits = (*config)->listener_connections;
  EXPECT_EQ(limits.at("EXT").max_connections, 5);
  EXPECT_EQ(limits.at("EXT").max_connection_creation_rate, 7);
  EXPECT_FALSE(limits.at("PLAINTEXT").max_connections);
  EXPECT_EQ((*config)->max_connections, 9);
}

}  // namespace
}  // namespace broker
