#include "broker/config/topic_configs.h"

#include <gtest/gtest.h>

#include "broker/config/config_test_support.h"

namespace broker {
namespace {

class TopicConfigsTest : public testing::Test {
 protected:
  TopicConfigsTest() {
    topics_.on_change([this](const std::string& topic, const TopicConfigs::Config& config) {
      told_.emplace_back(topic, config->retention_ms);
    });
  }

  FakeConfigs store_;
  DynamicConfig broker_{Properties{}};
  TopicConfigs topics_{store_, broker_};
  std::vector<std::pair<std::string, std::int64_t>> told_;
};

TEST_F(TopicConfigsTest, ReadsATopicOnce) {
  store_.topics["t"] = {{"retention.ms", "5"}};
  EXPECT_EQ(topics_.log_config("t")->retention_ms, 5);
  EXPECT_EQ(topics_.log_config("t")->retention_ms, 5);
  EXPECT_EQ(store_.reads, 1);
}

TEST_F(TopicConfigsTest, ReadsADeletedTopicAgain) {
  store_.topics["t"] = {{"retention.ms", "5"}};
  ASSERT_EQ(topics_.log_config("t")->retention_ms, 5);
  store_.topics["t"] = {{"retention.ms", "6"}};
  topics_.forget("t");
  EXPECT_EQ(topics_.log_config("t")->retention_ms, 6);
}

TEST_F(TopicConfigsTest, TellsOfChangedTopics) {
  topics_.set_overrides("t", {{"retention.ms", "5"}});
  EXPECT_EQ(told_, (std::vector<std::pair<std::string, std::int64_t>>{{"t", 5}}));
}

TEST_F(TopicConfigsTest, ABrokerChangeReachesTopicsWithoutAnOverride) {
  topics_.set_overrides("own", {{"retention.ms", "5"}});
  topics_.set_overrides("default", {});
  told_.clear();
  broker_.set_cluster_values({{"log.retention.ms", "77"}});
  topics_.broker_changed();
  EXPECT_EQ(told_, (std::vector<std::pair<std::string, std::int64_t>>{{"default", 77}}));
  EXPECT_EQ(topics_.log_config("default")->retention_ms, 77);
}

TEST_F(TopicConfigsTest, DefaultsHoldWhileTheStoreCantBeRead) {
  store_.failure = protocol::Error(protocol::ErrorCode::network_exception, "gone");
  EXPECT_EQ(*topics_.log_config("t"), storage::LogConfig());
  store_.failure.reset();
  store_.topics["t"] = {{"retention.ms", "5"}};
  EXPECT_EQ(topics_.log_config("t")->retention_ms, 5);
}

TEST_F(TopicConfigsTest, WhatWasLoadedIsNotReadAgain) {
  store_.topics["t"] = {{"retention.ms", "5"}};
  store_.topics["changed"] = {{"retention.ms", "5"}};
  topics_.set_overrides("changed", {{"retention.ms", "6"}});
  ASSERT_TRUE(topics_.load());
  store_.failure = protocol::Error(protocol::ErrorCode::unknown_server_error, "the store is away");
  EXPECT_EQ(topics_.log_config("t")->retention_ms, 5);
  EXPECT_EQ(topics_.log_config("changed")->retention_ms, 6) << "a change is newer than what was read";
  EXPECT_EQ(store_.reads, 0);
}

}  // namespace
}  // namespace broker
