#include "broker/config/config_admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "broker/config/config_test_support.h"

namespace broker {
namespace {

using enum AlterOperation;
using protocol::ErrorCode;

class ConfigAdminTest : public testing::Test {
 protected:
  using Outcome = protocol::Result<void>;

  Outcome change(ResourceType type, std::string name, std::vector<ConfigChange> changes, bool validate_only = false) {
    return admin_.change({{type, std::move(name), std::move(changes)}}, validate_only).at(0);
  }
  Outcome replace(ResourceType type, std::string name, std::vector<ConfigChange> changes, bool validate_only = false) {
    return admin_.replace({{type, std::move(name), std::move(changes)}}, validate_only).at(0);
  }
  static std::string text(const Outcome& outcome) {
    return outcome ? "" : std::string(protocol::name(outcome.error().code)) + ": " + outcome.error().message;
  }

  FakeConfigs store_;
  DynamicConfig broker_{Properties{{"broker.id", "1"}}};
  TopicConfigs topics_{store_, broker_};
  ConfigAdmin admin_{store_, broker_, topics_, [](std::string_view topic) { return topic == "t"; }};
};

TEST_F(ConfigAdminTest, SetsRemovesAppendsAndSubtracts) {
  EXPECT_EQ(text(change(ResourceType::topic, "t", {{"retention.ms", set, "5"}, {"cleanup.policy", append, "compact"}})),
            "");
  EXPECT_EQ(store_.topics["t"], (Properties{{"cleanup.policy", "delete,compact"}, {"retention.ms", "5"}}));
  EXPECT_EQ(text(change(ResourceType::topic, "t",
                        {{"retention.ms", remove, std::nullopt}, {"cleanup.policy", subtract, "delete"}})),
            "");
  EXPECT_EQ(store_.topics["t"], (Properties{{"cleanup.policy", "compact"}}));
}

TEST_F(ConfigAdminTest, ReplacingDropsWhatIsNotNamed) {
  store_.topics["t"] = {{"retention.ms", "5"}};
  EXPECT_EQ(text(replace(ResourceType::topic, "t", {{"segment.ms", set, "7"}})), "");
  EXPECT_EQ(store_.topics["t"], (Properties{{"segment.ms", "7"}}));
}

TEST_F(ConfigAdminTest, ATopicsSettingsAreInForceWhenTheAnswerLeaves) {
  ASSERT_TRUE(change(ResourceType::topic, "t", {{"retention.ms", set, "5"}}));
  EXPECT_EQ(topics_.log_config("t")->retention_ms, 5);
}

TEST_F(ConfigAdminTest, ABrokersSettingsAreInForceWhenTheAnswerLeaves) {
  ASSERT_TRUE(change(ResourceType::broker, "1", {{"max.connections", set, "5"}}));
  ASSERT_TRUE(change(ResourceType::broker, "", {{"max.connections.per.ip", set, "3"}}));
  EXPECT_EQ(broker_.snapshot()->max_connections, 5);
  EXPECT_EQ(broker_.snapshot()->max_connections_per_ip, 3);
  EXPECT_EQ(store_.broker_values["1"], (Properties{{"max.connections", "5"}}));
  EXPECT_EQ(store_.broker_values["<default>"], (Properties{{"max.connections.per.ip", "3"}}));
}

TEST_F(ConfigAdminTest, ValidateOnlyChangesNothing) {
  EXPECT_EQ(text(change(ResourceType::topic, "t", {{"retention.ms", set, "5"}}, true)), "");
  EXPECT_EQ(text(change(ResourceType::broker, "1", {{"max.connections", set, "5"}}, true)), "");
  EXPECT_TRUE(store_.topics.empty());
  EXPECT_TRUE(store_.broker_values.empty());
  EXPECT_EQ(broker_.snapshot()->max_connections, BrokerConfig::int_max);
}

TEST_F(ConfigAdminTest, RefusesMalformedChanges) {
  EXPECT_EQ(text(change(ResourceType::topic, "t", {{"retention.ms", set, "5"}, {"retention.ms", set, "6"}})),
            "invalid_request: Error due to duplicate config keys");
  EXPECT_EQ(text(change(ResourceType::topic, "t", {{"a", set, std::nullopt}, {"b", append, std::nullopt}})),
            "invalid_request: Null value not supported for : a, b");
  EXPECT_EQ(text(replace(ResourceType::topic, "t", {{"a", remove, std::nullopt}})),
            "invalid_request: Null value not supported for : a");
  EXPECT_EQ(text(change(ResourceType::topic, "", {})), "invalid_request: Default topic resources are not allowed.");
  EXPECT_EQ(text(change(static_cast<ResourceType>(77), "t", {})), "invalid_request: Unknown resource type 77");
  EXPECT_EQ(text(change(ResourceType::topic, "t", {{"retention.ms", static_cast<AlterOperation>(9), "5"}})),
            "invalid_request: Unknown operations type 9");
  EXPECT_EQ(text(change(ResourceType::topic, "t", {{"retention.ms", append, "5"}})),
            "invalid_config: Config value append is not allowed for config key: retention.ms");
  EXPECT_EQ(text(replace(ResourceType::broker_logger, "1", {})), "invalid_request: Unknown resource type 8");
}

TEST_F(ConfigAdminTest, OfABrokersChangesAnUnknownOperationIsToldFirst) {
  EXPECT_EQ(text(change(ResourceType::broker, "1",
                        {{"message.max.bytes", append, "5"}, {"log.roll.ms", static_cast<AlterOperation>(5), "5"}})),
            "invalid_request: Unknown operations type 5");
}

TEST_F(ConfigAdminTest, RefusesAResourceThatOccursTwiceAndDoesTheOthers) {
  const ResourceChange twice{ResourceType::topic, "t", {{"retention.ms", set, "5"}}};
  const ResourceChange other{ResourceType::broker, "1", {{"max.connections", set, "5"}}};
  const auto outcomes = admin_.change({twice, other, twice}, false);
  EXPECT_EQ(text(outcomes[0]), "invalid_request: Each resource must appear at most once.");
  EXPECT_EQ(text(outcomes[1]), "");
  EXPECT_EQ(text(outcomes[2]), "invalid_request: Each resource must appear at most once.");
  EXPECT_TRUE(store_.topics.empty());
}

TEST_F(ConfigAdminTest, RefusesWrongValuesAsKafkaDoes) {
  EXPECT_EQ(text(change(ResourceType::topic, "t", {{"retention.ms", set, "x"}})),
            "invalid_config: Invalid config value for resource ConfigResource(type=TOPIC, name='t'): Invalid value x "
            "for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(text(change(ResourceType::topic, "t", {{"retention", set, "1"}})),
            "invalid_config: Unknown topic config name: retention");
  EXPECT_EQ(text(change(ResourceType::topic, "gone", {{"retention.ms", set, "1"}})),
            "unknown_topic_or_partition: The topic 'gone' does not exist.");
  EXPECT_EQ(text(change(ResourceType::topic, "..", {})), "invalid_config: Topic name is invalid: '..' is not allowed");
  EXPECT_EQ(text(change(ResourceType::broker, "1", {{"broker.id", set, "2"}})),
            "invalid_request: Cannot update these configs dynamically: Set(broker.id)");
  EXPECT_EQ(text(change(ResourceType::broker, "2", {})),
            "invalid_request: Unexpected broker id, expected 1, but received 2");
  EXPECT_EQ(text(change(ResourceType::broker, "one", {})),
            "invalid_request: Node id must be an integer, but it is: one");
  EXPECT_EQ(text(change(ResourceType::client_metrics, "m", {})),
            "invalid_request: AlterConfigs is only supported for topics and brokers, but resource type is "
            "CLIENT_METRICS");
}

TEST_F(ConfigAdminTest, AFailedWriteIsReportedAndNothingChanges) {
  store_.failure = protocol::Error(ErrorCode::kafka_storage_error, "disk");
  EXPECT_EQ(change(ResourceType::broker, "1", {{"max.connections", set, "5"}}).code(), ErrorCode::kafka_storage_error);
  EXPECT_EQ(broker_.snapshot()->max_connections, BrokerConfig::int_max);
}

TEST_F(ConfigAdminTest, DescribesATopicFromTheStore) {
  store_.topics["t"] = {{"retention.ms", "5"}};
  const auto entries = admin_.describe(ResourceType::topic, "t");
  ASSERT_TRUE(entries);
  const auto retention = std::ranges::find(*entries, "retention.ms", &ConfigEntry::name);
  ASSERT_NE(retention, entries->end());
  EXPECT_EQ(retention->value, "5");
  EXPECT_EQ(retention->source, ConfigSource::topic);
}

TEST_F(ConfigAdminTest, DescribeRefusesAsKafkaDoes) {
  const auto error = [&](ResourceType type, const std::string& name) {
    const auto entries = admin_.describe(type, name);
    return entries ? "" : std::string(protocol::name(entries.error().code)) + ": " + entries.error().message;
  };
  EXPECT_EQ(error(ResourceType::topic, "gone"), "unknown_topic_or_partition: ");
  EXPECT_THAT(error(ResourceType::topic, "a b"), testing::StartsWith("invalid_topic_exception: "));
  EXPECT_EQ(error(ResourceType::broker, "x"), "invalid_request: Broker id must be an integer, but it is: x");
  EXPECT_EQ(error(ResourceType::broker, "2"),
            "invalid_request: Unexpected broker id, expected 1 or empty string, but received 2");
  EXPECT_EQ(error(ResourceType::broker_logger, ""), "invalid_request: Broker id must not be empty");
  EXPECT_EQ(error(ResourceType::client_metrics, "m"),
            "invalid_request: Config type client-metrics is only supported on KRaft clusters");
}

TEST_F(ConfigAdminTest, DescribesTheRootLogger) {
  const auto entries = admin_.describe(ResourceType::broker_logger, "1");
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_EQ(entries->front().name, "root");
  EXPECT_EQ(entries->front().source, ConfigSource::dynamic_broker_logger);
}

}  // namespace
}  // namespace broker
