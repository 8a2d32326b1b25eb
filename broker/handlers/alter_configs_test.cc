#include "broker/handlers/alter_configs.h"

#include <gtest/gtest.h>

#include "broker/config/config_test_support.h"
#include "broker/handlers/incremental_alter_configs.h"
#include "broker/test_support.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class AlterConfigs : public testing::Test {
 protected:
  ~AlterConfigs() override { background_.stop(); }

  FakeConfigs store_;
  DynamicConfig broker_{Properties{{"broker.id", "1"}}};
  TopicConfigs topics_{store_, broker_};
  ConfigAdmin admin_{store_, broker_, topics_, [](std::string_view topic) { return topic == "t"; }};
  BackgroundPool background_{"test", 1};
  TestLoop loop_;
};

TEST_F(AlterConfigs, AnswersEachResourceInOrder) {
  AlterConfigsHandler handler(admin_, background_);
  protocol::AlterConfigsRequest request;
  request.resources.resize(2);
  request.resources[0].resource_type = 2;
  request.resources[0].resource_name = "t";
  request.resources[0].configs.resize(1);
  request.resources[0].configs[0].name = "retention.ms";
  request.resources[0].configs[0].value = protocol::String("5");
  request.resources[1].resource_type = 2;
  request.resources[1].resource_name = "gone";
  const auto response = loop_.handle(handler, request, {.version = 2});
  ASSERT_EQ(response.responses.size(), 2U);
  EXPECT_EQ(response.responses[0].error_code, ErrorCode::none);
  EXPECT_EQ(response.responses[0].error_message, std::nullopt);
  EXPECT_EQ(response.responses[1].error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(response.responses[1].error_message, protocol::String("The topic 'gone' does not exist."));
  EXPECT_EQ(response.responses[1].resource_name, "gone");
  EXPECT_EQ(store_.topics["t"], (Properties{{"retention.ms", "5"}}));
}

TEST_F(AlterConfigs, IncrementalChangesReadTheirOperation) {
  store_.topics["t"] = {{"retention.ms", "5"}, {"segment.ms", "7"}};
  IncrementalAlterConfigsHandler handler(admin_, background_);
  protocol::IncrementalAlterConfigsRequest request;
  request.resources.resize(1);
  request.resources[0].resource_type = 2;
  request.resources[0].resource_name = "t";
  request.resources[0].configs.resize(1);
  request.resources[0].configs[0].name = "retention.ms";
  request.resources[0].configs[0].config_operation = 1;
  request.resources[0].configs[0].value = std::nullopt;
  const auto response = loop_.handle(handler, request, {.version = 1});
  EXPECT_EQ(response.responses.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(store_.topics["t"], (Properties{{"segment.ms", "7"}}));
}

}  // namespace
}  // namespace broker
