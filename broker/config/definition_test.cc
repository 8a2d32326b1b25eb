#include "broker/config/definition.h"

#include <gtest/gtest.h>

#include <limits>

#include <algorithm>

#include "broker/config/text.h"

namespace broker {
namespace {

const ConfigDefinition& broker_row(std::string_view name) {
  const ConfigDefinition* row = find_broker_config(name);
  EXPECT_NE(row, nullptr) << name;
  return *row;
}

std::string error_of(const ConfigDefinition& row, std::string_view value) {
  const auto valid = validate_value(row, value);
  return valid ? "" : valid.error().message;
}

TEST(ConfigTable, HoldsEveryBrokerConfigOfKafka39) {
  const auto table = broker_config_table();
  const auto of_kafka = std::ranges::count_if(table, [](const auto& row) { return !row.own; });
  // 328 of KafkaConfig's ConfigDef and the three that can be set dynamically only.
  EXPECT_EQ(of_kafka, 331);
  EXPECT_EQ(topic_config_table().size(), 36U);
}

class EachRow : public testing::TestWithParam<bool> {
 protected:
  static std::span<const ConfigDefinition> table() { return GetParam() ? broker_config_table() : topic_config_table(); }
};
INSTANTIATE_TEST_SUITE_P(ConfigTable, EachRow, testing::Bool());

TEST_P(EachRow, IsSortedAndUnique) {
  const auto names = table();
  for (std::size_t i = 1; i < names.size(); ++i) EXPECT_LT(names[i - 1].name, names[i].name);
}

TEST_P(EachRow, HasADefaultThatIsValid) {
  for (const ConfigDefinition& row : table()) {
    if (row.default_value) EXPECT_EQ(error_of(row, *row.default_value), "");
  }
}

TEST_P(EachRow, IsDocumentedInOneLine) {
  for (const ConfigDefinition& row : table()) {
    EXPECT_TRUE(row.doc.ends_with('.') && row.doc.find('\n') == std::string_view::npos) << row.name;
  }
}

TEST_P(EachRow, GivesAReasonUnlessItWorks) {
  for (const ConfigDefinition& row : table()) {
    EXPECT_EQ(row.support == Support::works, row.reason.empty()) << row.name;
  }
}

TEST_P(EachRow, NamesARealBrokerSynonym) {
  for (const ConfigDefinition& row : table()) {
    if (!row.broker_synonym.empty()) EXPECT_NE(find_broker_config(row.broker_synonym), nullptr) << row.name;
  }
}

TEST(ConfigTable, FindsListenerSettingsByTheirBaseName) {
  EXPECT_EQ(broker_row("listener.name.external.max.connections").name, "max.connections");
  EXPECT_EQ(find_broker_config("listener.name.external"), nullptr);
  EXPECT_EQ(find_broker_config("no.such.thing"), nullptr);
}

TEST(ConfigTable, SuggestsTheNearestName) {
  EXPECT_EQ(nearest_name(broker_config_table(), "log.retention.hour"), "log.retention.hours");
  EXPECT_EQ(nearest_name(broker_config_table(), "auto.create.topic.enable"), "auto.create.topics.enable");
  EXPECT_EQ(nearest_name(broker_config_table(), "schema.registry.url"), "");
  EXPECT_EQ(nearest_name(broker_config_table(), std::string(100'000, 'x')), "");
}

TEST(Validation, SpeaksAsKafkaDoes) {
  EXPECT_EQ(error_of(broker_row("num.partitions"), "x"),
            "Invalid value x for configuration num.partitions: Not a number of type INT");
  EXPECT_EQ(error_of(broker_row("num.partitions"), "0"),
            "Invalid value 0 for configuration num.partitions: Value must be at least 1");
  EXPECT_EQ(error_of(broker_row("log.cleaner.min.cleanable.ratio"), "1.5"),
            "Invalid value 1.5 for configuration log.cleaner.min.cleanable.ratio: Value must be no more than 1");
  EXPECT_EQ(error_of(broker_row("auto.create.topics.enable"), "yes"),
            "Invalid value yes for configuration auto.create.topics.enable: Expected value to be either true or false");
  EXPECT_EQ(error_of(broker_row("compression.type"), "brotli"),
            "Invalid value brotli for configuration compression.type: String must be one of: uncompressed, zstd, lz4, "
            "snappy, gzip, producer");
  EXPECT_EQ(error_of(broker_row("compression.gzip.level"), "0"),
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1");
  EXPECT_EQ(error_of(broker_row("log.cleanup.policy"), "delete,shrink"),
            "Invalid value shrink for configuration log.cleanup.policy: String must be one of: compact, delete");
  EXPECT_EQ(error_of(*find_topic_config("leader.replication.throttled.replicas"), "0:1,x"),
            "Invalid value [0:1, x] for configuration leader.replication.throttled.replicas: "
            "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following "
            "format: [partitionId]:[brokerId],[partitionId]:[brokerId],...");
  EXPECT_EQ(error_of(broker_row("inter.broker.protocol.version"), "5.0"),
            "Invalid value 5.0 for configuration inter.broker.protocol.version: Version 5.0 is not a valid version");
}

TEST(Validation, KnowsTheTypesBounds) {
  EXPECT_EQ(error_of(broker_row("log.segment.bytes"), "2147483647"), "");
  EXPECT_NE(error_of(broker_row("log.segment.bytes"), "2147483648"), "");
  EXPECT_EQ(error_of(broker_row("log.flush.interval.messages"), "9223372036854775807"), "");
  EXPECT_NE(error_of(broker_row("log.flush.interval.messages"), "9223372036854775808"), "");
  EXPECT_NE(error_of(broker_row("offsets.topic.replication.factor"), "40000"), "");
  EXPECT_EQ(error_of(broker_row("num.partitions"), " 12 "), "");
  EXPECT_NE(error_of(broker_row("num.partitions"), "1 2"), "");
  EXPECT_NE(error_of(broker_row("num.partitions"), ""), "");
}

TEST(Validation, TakesReleasesInAllTheirForms) {
  for (const char* version : {"2.8", "2.8-IV1", "2.8.1", "3.9-IV0", "0.10.2", "0.10.2-IV0", "0.10.2.1", "0.8.2.0"}) {
    EXPECT_EQ(error_of(broker_row("inter.broker.protocol.version"), version), "");
  }
  for (const char* version : {"2.8-IV2", "0.10", "abc", "2.8-IV"}) {
    EXPECT_NE(error_of(broker_row("inter.broker.protocol.version"), version), "") << version;
  }
}

TEST(Validation, NeverShowsAPassword) {
  const ConfigDefinition& row = broker_row("ssl.key.password");
  EXPECT_TRUE(row.sensitive());
  EXPECT_EQ(error_of(row, "secret"), "");
}

TEST(Normalization, WritesValuesAsKafkaDoes) {
  EXPECT_EQ(normalized_value(broker_row("auto.create.topics.enable"), " TRUE"), "true");
  EXPECT_EQ(normalized_value(broker_row("num.partitions"), "+007"), "7");
  EXPECT_EQ(normalized_value(broker_row("log.cleanup.policy"), "compact , delete"), "compact,delete");
  EXPECT_EQ(normalized_value(broker_row("log.cleaner.min.cleanable.ratio"), "1"), "1.0");
}

TEST(Text, DoublesReadAndLookAsInJava) {
  EXPECT_EQ(java_double_text(0.5), "0.5");
  EXPECT_EQ(java_double_text(3), "3.0");
  EXPECT_EQ(java_double_text(1e7), "1.0E7");
  EXPECT_EQ(java_double_text(0.0001), "1.0E-4");
  EXPECT_EQ(java_double_text(1.7976931348623157E308), "1.7976931348623157E308");
  EXPECT_EQ(parse_double("1e3"), 1000);
  EXPECT_EQ(parse_double("2.5f"), 2.5);
  EXPECT_EQ(parse_double("inf"), std::nullopt);
  EXPECT_EQ(parse_double("-Infinity"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_double("-"), std::nullopt);
}

}  // namespace
}  // namespace broker
