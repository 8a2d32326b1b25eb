// The nodes' text, byte for byte as a Kafka 3.9 broker wrote it (keys in its order), and what it must refuse.
#include "coordination/cluster/znodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordination/cluster/broker_registration.h"

namespace coordination::cluster {
namespace {

using testing::HasSubstr;

TEST(Znodes, BrokerRegistrationIsWrittenAsKafkaWritesIt) {
  const BrokerRegistration broker{.id = 0,
                                  .endpoints = {{"PLAINTEXT", "127.0.0.1", 35967, SecurityProtocol::plaintext}},
                                  .rack = "r1",
                                  .timestamp_ms = 1795165262790};
  EXPECT_EQ(encode(broker), R"({"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},)"
                            R"("endpoints":["PLAINTEXT://127.0.0.1:35967"],"rack":"r1","jmx_port":-1,"port":35967,)"
                            R"("host":"127.0.0.1","version":5,"timestamp":"1795165262790"})");
}

TEST(Znodes, BrokerRegistrationComesBackWhole) {
  const BrokerRegistration broker{.id = 3,
                                  .endpoints = {{"INTERNAL", "::1", 9092, SecurityProtocol::sasl_ssl},
                                                {"CLIENT", "host", 9093, SecurityProtocol::plaintext}},
                                  .timestamp_ms = 5};
  const auto decoded = decode_broker_registration(3, encode(broker));
  ASSERT_TRUE(decoded) << decoded.error().text();
  EXPECT_EQ(*decoded, broker);
  EXPECT_THAT(encode(broker), HasSubstr(R"("port":9093,"host":"host")")) << "the first plaintext endpoint";
}

TEST(Znodes, ABrokerWithoutPlaintextHasNoTopLevelHost) {
  const BrokerRegistration broker{.id = 0, .endpoints = {{"SSL", "host", 9093, SecurityProtocol::ssl}}};
  EXPECT_THAT(encode(broker), HasSubstr(R"("port":-1,"host":null)"));
}

TEST(Znodes, OlderRegistrationsAreRead) {
  const auto v1 = decode_broker_registration(
      1, R"({"version":1,"host":"localhost","port":9092,"jmx_port":9999,"timestamp":"2233345666"})");
  ASSERT_TRUE(v1);
  EXPECT_EQ(v1->endpoints[0], (BrokerEndpoint{"PLAINTEXT", "localhost", 9092, SecurityProtocol::plaintext}));
  const auto v2 =
      decode_broker_registration(1, R"({"version":2,"host":"localhost","port":9092,"jmx_port":9999,"timestamp":"2",)"
                                    R"("endpoints":["PLAINTEXT://host1:9092","SSL://host1:9093"]})");
  ASSERT_TRUE(v2);
  EXPECT_EQ(v2->endpoints[1].security_protocol, SecurityProtocol::ssl);
  const auto v5 = decode_broker_registration(
      1, R"({"version":5,"host":"h","port":1,"jmx_port":-1,"timestamp":"2","endpoints":["CLIENT://host1:9092"],)"
         R"("listener_security_protocol_map":{"CLIENT":"SSL"},"rack":"dc1","features":{"f":{"min_version":1}}})");
  ASSERT_TRUE(v5);
  EXPECT_EQ(v5->rack, "dc1");
  EXPECT_EQ(v5->endpoints[0].listener, "CLIENT");
}

TEST(Znodes, RegistrationsThatKafkaCouldNotReadAreRefused) {
  for (const std::string text :
       {"", "{", "[]", R"({"version":5})", R"({"version":"5","jmx_port":-1,"endpoints":[]})",
        R"({"version":5,"jmx_port":-1})", R"({"version":5,"jmx_port":-1,"endpoints":["nonsense"]})",
        R"({"version":5,"jmx_port":-1,"endpoints":["A://h:x"],"listener_security_protocol_map":{"A":"SSL"}})",
        R"({"version":5,"jmx_port":-1,"endpoints":["A://h:1"],"listener_security_protocol_map":{}})",
        R"({"version":5,"jmx_port":-1,"endpoints":["A://h:1"],"listener_security_protocol_map":{"A":"QUIC"}})",
        R"({"version":0,"jmx_port":-1,"endpoints":[]})"}) {
    EXPECT_FALSE(decode_broker_registration(1, text)) << text;
  }
}

TEST(Znodes, TopicIsWrittenAsKafkaWritesIt) {
  TopicAssignment topic{.topic_id = protocol::Uuid::parse("1xMWPrtgT8SpDNOfLcrQ1g")};
  for (int i = 0; i < 3; ++i) topic.partitions[i].replicas = {0};
  const std::string text = R"({"partitions":{"0":[0],"1":[0],"2":[0]},"topic_id":"1xMWPrtgT8SpDNOfLcrQ1g",)"
                           R"("adding_replicas":{},"removing_replicas":{},"version":3})";
  EXPECT_EQ(encode(topic), text);
  EXPECT_EQ(*decode_topic_assignment("t", text), topic);
}

TEST(Znodes, TopicKeepsItsReassignments) {
  TopicAssignment topic;
  topic.partitions[0] = {.replicas = {3, 1, 2}, .adding = {3}, .removing = {1, 2}};
  topic.partitions[1] = {.replicas = {1}};
  const auto decoded = decode_topic_assignment("t", encode(topic));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, topic);
  EXPECT_TRUE(decoded->partitions.at(0).is_being_reassigned());
  EXPECT_FALSE(decoded->partitions.at(1).is_being_reassigned());
}

TEST(Znodes, TopicsOfOlderKafkasAreRead) {
  const auto v1 = decode_topic_assignment("t", R"({"version":1,"partitions":{"0":[1,2]}})");
  ASSERT_TRUE(v1);
  EXPECT_FALSE(v1->topic_id);
  EXPECT_EQ(v1->partitions.at(0).replicas, (std::vector{1, 2}));
}

TEST(Znodes, BrokenTopicsAreRefused) {
  for (const std::string text : {"", "null", R"({"partitions":{"x":[1]}})", R"({"partitions":{"0":["1"]}})",
                                 R"({"partitions":{"0":[1.5]}})", R"({"partitions":{"0":[99999999999]}})",
                                 R"({"partitions":{},"topic_id":"short"})", R"({"partitions":{},"topic_id":7})"}) {
    EXPECT_FALSE(decode_topic_assignment("t", text)) << text;
  }
}

TEST(Znodes, PartitionStateIsWrittenAsKafkaWritesIt) {
  PartitionStateNode state{.leader_and_isr = {.leader = 0, .leader_epoch = 0, .isr = {0}}, .controller_epoch = 1};
  const std::string text = R"({"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0,"isr":[0]})";
  EXPECT_EQ(encode(state), text);
  state.leader_and_isr.partition_epoch = 7;
  EXPECT_EQ(*decode_partition_state({"t", 0}, text, 7), state) << "the epoch is the node's version";
}

TEST(Znodes, PartitionStateKeepsAnUncleanRecovery) {
  const PartitionStateNode state{
      .leader_and_isr = {.leader = -1, .leader_epoch = 3, .isr = {1, 2}, .recovery = LeaderRecoveryState::recovering},
      .controller_epoch = 4};
  EXPECT_THAT(encode(state), HasSubstr(R"("leader_recovery_state":1)"));
  EXPECT_EQ(*decode_partition_state({"t", 0}, encode(state), 0), state);
}

TEST(Znodes, BrokenPartitionStatesAreRefused) {
  for (const std::string text :
       {"", R"({"leader":0})", R"({"controller_epoch":1,"leader":"0","leader_epoch":0,"isr":[0]})",
        R"({"controller_epoch":1,"leader":0,"leader_epoch":0})",
        R"({"controller_epoch":1,"leader":0,"leader_epoch":0,"isr":[0],"leader_recovery_state":9})"}) {
    EXPECT_FALSE(decode_partition_state({"t", 0}, text, 0)) << text;
  }
}

TEST(Znodes, SmallNodesAreWrittenAsKafkaWritesThem) {
  EXPECT_EQ(encode_controller(0, 1795165262875),
            R"({"version":2,"brokerid":0,"timestamp":"1795165262875","kraftControllerEpoch":-1})");
  EXPECT_EQ(encode_cluster_id("cqaCwXcUT9y0CZFCo0bUgQ"), R"({"version":"1","id":"cqaCwXcUT9y0CZFCo0bUgQ"})");
  EXPECT_EQ(encode_config({{"retention.ms", "5000"}}), R"({"version":1,"config":{"retention.ms":"5000"}})");
  EXPECT_EQ(encode_config({}), R"({"version":1,"config":{}})");
  EXPECT_EQ(encode_config_change("topics/foo"), R"({"version":2,"entity_path":"topics/foo"})");
  EXPECT_EQ(encode(ProducerIdBlockNode{.broker = 1, .first = 1000, .last = 1999}),
            R"({"version":1,"broker":1,"block_start":"1000","block_end":"1999"})");
  EXPECT_EQ(encode_log_dir_event(2), R"({"version":1,"broker":2,"event":1})");
  EXPECT_EQ(encode_no_features(), R"({"features":{},"version":2,"status":1})");
}

TEST(Znodes, SmallNodesAreRead) {
  EXPECT_EQ(*decode_controller(encode_controller(3, 1)), 3);
  EXPECT_EQ(*decode_controller_epoch("12"), 12);
  EXPECT_FALSE(decode_controller_epoch("12x"));
  EXPECT_FALSE(decode_controller_epoch(""));
  EXPECT_EQ(*decode_cluster_id(encode_cluster_id("abc")), "abc");
  EXPECT_EQ(*decode_config_change(encode_config_change("brokers/1")), "brokers/1");
  EXPECT_EQ(*decode_config_change(R"({"version":1,"entity_type":"topics","entity_name":"foo"})"), "topics/foo");
  EXPECT_FALSE(decode_config_change("{}"));
  EXPECT_EQ(decode_producer_id_block(encode(ProducerIdBlockNode{.broker = 1, .first = 5, .last = 6}))->last, 6);
  EXPECT_FALSE(decode_producer_id_block(R"({"version":1,"broker":0,"block_start":0,"block_end":999})"));
  EXPECT_EQ(*decode_log_dir_event(encode_log_dir_event(2)), 2);
}

TEST(Znodes, ConfigurationsKeepAnyCharacters) {
  const std::map<std::string, std::string> config = {{"a\"b", "line\nbreak\\"}, {"latin", "caf\xe9"}, {"utf", "é"}};
  EXPECT_EQ(*decode_config("/config/topics/t", encode_config(config)), config);
  EXPECT_TRUE(decode_config("/config/topics/t", "")->empty()) << "a node without data";
  EXPECT_TRUE(decode_config("/config/topics/t", R"({"version":1})")->empty());
  EXPECT_FALSE(decode_config("/config/topics/t", R"({"version":1,"config":{"a":1}})"));
}

TEST(Znodes, PathsAreKafkas) {
  EXPECT_EQ(path::broker_id(3), "/brokers/ids/3");
  EXPECT_EQ(path::partition_state("t", 4), "/brokers/topics/t/partitions/4/state");
  EXPECT_EQ(path::delete_topic("t"), "/admin/delete_topics/t");
  EXPECT_EQ(path::config("brokers", "<default>"), "/config/brokers/<default>");
}

}  // namespace
}  // namespace coordination::cluster
