#include "broker/config/sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace broker {
namespace {

LoadedConfig loaded(const ConfigInputs& inputs) {
  auto result = load_config(inputs);
  EXPECT_TRUE(result) << result.error().message;
  return result.value_or(LoadedConfig());
}

std::string error_of(const ConfigInputs& inputs) {
  const auto result = load_config(inputs);
  return result ? "" : result.error().message;
}

std::vector<std::string> texts(const std::vector<ConfigNote>& notes, bool warning) {
  std::vector<std::string> out;
  for (const auto& note : notes) {
    if (note.warning == warning) out.push_back(note.text);
  }
  return out;
}

TEST(Sources, WithoutAFileTheBrokerIsFriendly) {
  const auto config = loaded({.data_directory = "/d"}).config;
  EXPECT_EQ(config->broker_id, 1);
  EXPECT_EQ(config->listeners[0].text(), "PLAINTEXT://localhost:9092");
  EXPECT_EQ(config->group_initial_rebalance_delay_ms, 0);
  EXPECT_EQ(config->offsets_topic_replication_factor, 1);
  EXPECT_EQ(config->log_dirs, std::vector<std::string>{"/d"});
}

TEST(Sources, WithAFileKafkasDefaultsHold) {
  const auto config = loaded({.file_text = "", .file_name = "f"}).config;
  EXPECT_EQ(config->broker_id, -1);
  EXPECT_EQ(config->listeners[0].text(), "PLAINTEXT://:9092");
  EXPECT_EQ(config->group_initial_rebalance_delay_ms, 3000);
}

TEST(Sources, OverridesGoBeforeTheEnvironmentBeforeTheFile) {
  const auto config = loaded({.file_text = "num.partitions=2\nbroker.id=2\nmax.connections=2",
                              .environment = {{"KAFKA_NUM_PARTITIONS", "3"}, {"KAFKA_BROKER_ID", "3"}},
                              .overrides = {"num.partitions=4"}})
                          .config;
  EXPECT_EQ(config->num_partitions, 4);
  EXPECT_EQ(config->broker_id, 3);
  EXPECT_EQ(config->max_connections, 2);
}

TEST(Sources, AnEphemeralBrokerNamesNoDirectory) {
  const auto friendly = loaded({.ephemeral = true});
  EXPECT_TRUE(friendly.config->ephemeral);
  EXPECT_FALSE(friendly.values.contains("log.dirs"));
  const auto with_file = loaded({.file_text = "log.dirs=/data", .ephemeral = true});
  EXPECT_FALSE(with_file.values.contains("log.dirs"));
  EXPECT_THAT(texts(with_file.notes, false), testing::ElementsAre("log.dirs is left aside: --ephemeral keeps nothing"));
}

TEST(Sources, TurnsVariablesIntoNames) {
  EXPECT_EQ(config_name_of_variable("KAFKA_LOG_RETENTION_MS"), "log.retention.ms");
  EXPECT_EQ(config_name_of_variable("KAFKA_CFG_LOG_RETENTION_MS"), "log.retention.ms");
  EXPECT_EQ(config_name_of_variable("KAFKA_A__B___C"), "a_b-c");
  EXPECT_EQ(config_name_of_variable("KAFKA_ZOOKEEPER_CLIENTCNXNSOCKET"), "zookeeper.clientCnxnSocket");
  for (const char* other :
       {"KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_LOG4J_OPTS", "KAFKA_LOG4J_ROOT_LOGLEVEL",
        "CLUSTER_ID", "KAFKA_SERVICE_HOST", "KAFKA_PORT", "KAFKA_PORT_9092_TCP_ADDR", "PATH", "KAFKA_JMX_PORT"}) {
    EXPECT_EQ(config_name_of_variable(other), "") << other;
  }
}

TEST(Sources, AComposeFileForKRaftWorksWithAWarningForEachKRaftSetting) {
  const auto result =
      loaded({.environment = {{"KAFKA_NODE_ID", "3"},
                              {"KAFKA_PROCESS_ROLES", "broker,controller"},
                              {"KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093"},
                              {"KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://localhost:9092"},
                              {"KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"},
                              {"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"},
                              {"KAFKA_CONTROLLER_QUORUM_VOTERS", "3@localhost:9093"},
                              {"CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw"}}});
  EXPECT_EQ(result.config->broker_id, 3);
  ASSERT_EQ(result.config->listeners.size(), 1U);
  EXPECT_THAT(texts(result.notes, true),
              testing::ElementsAre(testing::StartsWith("controller.listener.names has no effect: "),
                                   testing::StartsWith("controller.quorum.voters has no effect: "),
                                   testing::StartsWith("process.roles has no effect: ")));
}

TEST(Sources, ListensOnThePortsThatAreAdvertised) {
  const auto config = loaded({.environment = {{"KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka:29092"}}}).config;
  EXPECT_EQ(config->listeners[0].text(), "PLAINTEXT://0.0.0.0:29092");
}

TEST(Sources, UnknownNamesGetAWarningWithTheNearestName) {
  const auto result = loaded({.overrides = {"log.retention.hour=5", "confluent.thing=1"}});
  EXPECT_THAT(
      texts(result.notes, true),
      testing::ElementsAre("Unknown configuration confluent.thing does nothing",
                           "Unknown configuration log.retention.hour does nothing; is log.retention.hours meant?"));
}

TEST(Sources, NothingIsIgnoredInSilence) {
  const auto result = loaded({.overrides = {"replica.fetch.wait.max.ms=400", "num.io.threads=4", "num.partitions=1"}});
  EXPECT_THAT(texts(result.notes, true), testing::ElementsAre(testing::StartsWith("replica.fetch.wait.max.ms")));
  EXPECT_THAT(texts(result.notes, false), testing::ElementsAre(testing::StartsWith("num.io.threads")));
}

TEST(Sources, ReportsEveryBrokenValueWithWhatIsAllowed) {
  EXPECT_EQ(error_of({.overrides = {"num.partitions=x", "compression.type=rar"}}),
            "Invalid value rar for configuration compression.type: String must be one of: uncompressed, zstd, lz4, "
            "snappy, gzip, producer (allowed: one of: uncompressed, zstd, lz4, snappy, gzip, producer)\n"
            "Invalid value x for configuration num.partitions: Not a number of type INT (allowed: a whole number, at "
            "least 1)");
  EXPECT_EQ(error_of({.overrides = {"num.partitions"}}), "--override num.partitions: write key=value");
  EXPECT_EQ(error_of({.file_text = "a=\\u1", .file_name = "server.properties"}),
            "server.properties: Line 1: \\u needs four hexadecimal digits");
}

TEST(Sources, KafkasOwnExampleFileIsTakenWithoutAWarning) {
  const auto result = loaded({.file_text = "broker.id=0\nnum.network.threads=3\nnum.io.threads=8\n"
                                           "socket.send.buffer.bytes=102400\nsocket.receive.buffer.bytes=102400\n"
                                           "socket.request.max.bytes=104857600\nlog.dirs=/tmp/kafka-logs\n"
                                           "num.partitions=1\nnum.recovery.threads.per.data.dir=1\n"
                                           "offsets.topic.replication.factor=1\n"
                                           "transaction.state.log.replication.factor=1\n"
                                           "transaction.state.log.min.isr=1\nlog.retention.hours=168\n"
                                           "log.retention.check.interval.ms=300000\nzookeeper.connect=localhost:2181\n"
                                           "zookeeper.connection.timeout.ms=18000\n"
                                           "group.initial.rebalance.delay.ms=0\n"});
  EXPECT_EQ(result.config->zookeeper_connect, "localhost:2181");
  EXPECT_THAT(texts(result.notes, false), testing::IsEmpty());
}

}  // namespace
}  // namespace broker
