#include "broker/handlers/describe_configs.h"

#include <gtest/gtest.h>

#include "broker/config/config_test_support.h"
#include "broker/test_support.h"

namespace broker {
namespace {

using protocol::ErrorCode;
using Request = protocol::DescribeConfigsRequest;

class DescribeConfigs : public testing::Test {
 protected:
  ~DescribeConfigs() override { background_.stop(); }

  static Request request_for(std::int8_t type, std::string_view name,
                             std::optional<std::vector<protocol::String>> keys) {
    Request request;
    request.resources.resize(1);
    request.resources[0].resource_type = type;
    request.resources[0].resource_name = name;
    request.resources[0].configuration_keys = std::move(keys);
    return request;
  }

  FakeConfigs store_;
  DynamicConfig broker_{Properties{{"broker.id", "1"}}};
  TopicConfigs topics_{store_, broker_};
  ConfigAdmin admin_{store_, broker_, topics_, [](std::string_view topic) { return topic == "t"; }};
  BackgroundPool background_{"test", 1};
  DescribeConfigsHandler handler_{admin_, background_};
  TestLoop loop_;
};

TEST_F(DescribeConfigs, GivesOnlyTheKeysAskedFor) {
  const auto response = loop_.handle(handler_, request_for(2, "t", {{"retention.ms", "no.such.key"}}), {.version = 4});
  ASSERT_EQ(response.results.size(), 1U);
  ASSERT_EQ(response.results[0].configs.size(), 1U);
  const auto& config = response.results[0].configs[0];
  EXPECT_EQ(config.name, "retention.ms");
  EXPECT_EQ(config.value, protocol::String("604800000"));
  EXPECT_EQ(config.config_type, 5);
  EXPECT_EQ(config.documentation, std::nullopt);
  EXPECT_TRUE(config.synonyms.empty());
}

TEST_F(DescribeConfigs, GivesEverythingForNoKeysAtAll) {
  EXPECT_EQ(loop_.handle(handler_, request_for(2, "t", std::nullopt)).results[0].configs.size(), 36U);
  EXPECT_EQ(loop_.handle(handler_, request_for(2, "t", std::vector<protocol::String>())).results[0].configs.size(),
            36U);
}

TEST_F(DescribeConfigs, AddsSynonymsAndDocumentationWhenAskedTo) {
  Request request = request_for(4, "1", {{"log.retention.ms"}});
  request.include_synonyms = true;
  request.include_documentation = true;
  const auto response = loop_.handle(handler_, request, {.version = 4});
  const auto& config = response.results.at(0).configs.at(0);
  EXPECT_EQ(config.value, std::nullopt);
  EXPECT_TRUE(config.documentation && !config.documentation->empty());
  EXPECT_TRUE(config.synonyms.empty());  // no value of this name anywhere, and lower synonyms don't count
}

TEST_F(DescribeConfigs, AnUnknownResourceTypeSpoilsTheRequest) {
  Request request = request_for(2, "t", std::nullopt);
  request.resources.push_back(request_for(32, "g", std::nullopt).resources[0]);
  const auto response = loop_.handle(handler_, request, {.version = 4});
  ASSERT_EQ(response.results.size(), 2U);
  for (const auto& result : response.results) EXPECT_EQ(result.error_code, ErrorCode::invalid_request);
}

TEST_F(DescribeConfigs, ReportsOneResourceAndAnswersTheOthers) {
  Request request = request_for(2, "gone", std::nullopt);
  request.resources.push_back(request_for(2, "t", std::nullopt).resources[0]);
  const auto response = loop_.handle(handler_, request, {.version = 4});
  EXPECT_EQ(response.results[0].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.results[1].error_code, ErrorCode::none);
}

}  // namespace
}  // namespace broker
