#include "coordination/cluster/config_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "coordination/cluster/fake_brokers.h"
#include "coordination/cluster/membership.h"
#include "coordination/cluster/znodes.h"
#include "coordination/metadata_store/embedded_store.h"
#include "coordination/metadata_store/forwarding_store.h"

namespace coordination::cluster {
namespace {

using metadata_store::CreateMode, metadata_store::EmbeddedStore, metadata_store::MetadataStore;
using testing::ElementsAre;

// Advanced while the store's thread reads it.
class SharedClock final : public protocol::Clock {
 public:
  protocol::TimestampMs now_ms() const override { return now_ms_; }
  std::int64_t monotonic_ms() const override { return now_ms_; }
  void advance_ms(std::int64_t by_ms) { now_ms_ += by_ms; }

 private:
  std::atomic<std::int64_t> now_ms_ = 1'000'000;
};

class ConfigStoreTest : public testing::Test {
 protected:
  ConfigStoreTest() {
    EXPECT_TRUE(create_permanent_nodes(*store_));
    EXPECT_TRUE(store_->create(path::controller, encode_controller(0, 0), CreateMode::ephemeral));
  }

  ConfigChangeListener::OnChange remember() {
    return [this](ConfigType type, const std::string& entity, const ConfigMap& config) {
      const std::lock_guard lock(mutex_);
      std::string text = std::string(name(type)) + "/" + entity;
      for (const auto& [key, value] : config) text += " " + key + "=" + value;
      changes_.push_back(text);
    };
  }
  std::vector<std::string> changes() {
    const std::lock_guard lock(mutex_);
    return changes_;
  }

  SharedClock clock_;
  std::unique_ptr<EmbeddedStore> embedded_ = EmbeddedStore::in_memory(clock_);
  std::unique_ptr<MetadataStore> store_ = embedded_->open_session();
  std::mutex mutex_;
  std::vector<std::string> changes_;
};

TEST_F(ConfigStoreTest, WhatIsWrittenIsRead) {
  EXPECT_TRUE(read_config(*store_, ConfigType::topics, "t")->empty());
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"retention.ms", "5"}}));
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"retention.ms", "6"}, {"a", "b"}}));
  EXPECT_EQ(*read_config(*store_, ConfigType::topics, "t"), (ConfigMap{{"retention.ms", "6"}, {"a", "b"}}));
  ASSERT_TRUE(write_config(*store_, ConfigType::brokers, default_entity, {{"x", "y"}}));
  const auto brokers = read_configs(*store_, ConfigType::brokers);
  EXPECT_EQ(brokers->at("<default>"), (ConfigMap{{"x", "y"}}));
  EXPECT_EQ(store_->children(path::config_changes)->size(), 3U);
}

// Writes another configuration when the first try to write has found no node.
class ConfigRace final : public metadata_store::ForwardingStore {
 public:
  ConfigRace(MetadataStore& store, std::function<void()> meanwhile)
      : ForwardingStore(store), meanwhile_(std::move(meanwhile)) {}

  metadata_store::TransactionResult multi(const metadata_store::Transaction& steps) override {
    auto result = ForwardingStore::multi(steps);
    if (const auto race = std::exchange(meanwhile_, nullptr)) race();
    return result;
  }

 private:
  std::function<void()> meanwhile_;
};

TEST_F(ConfigStoreTest, OfTwoFirstWritesTheLaterOneStays) {
  ConfigRace store(*store_,
                   [&] { ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"retention.ms", "1"}})); });
  ASSERT_TRUE(write_config(store, ConfigType::topics, "t", {{"retention.ms", "2"}}));
  EXPECT_EQ(*read_config(*store_, ConfigType::topics, "t"), (ConfigMap{{"retention.ms", "2"}}));
}

TEST_F(ConfigStoreTest, WithoutAControllerNothingIsWritten) {
  ASSERT_TRUE(store_->remove(path::controller));
  EXPECT_FALSE(write_config(*store_, ConfigType::topics, "t", {{"a", "b"}}));
  EXPECT_FALSE(*store_->exists(path::config("topics", "t")));
}

TEST_F(ConfigStoreTest, AListenerHearsOfEveryChangeInOrder) {
  ConfigChangeListener listener(*store_, clock_, remember());
  ASSERT_TRUE(listener.start());
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "1"}}));
  ASSERT_TRUE(eventually([&] { return changes().size() == 1; }));
  ASSERT_TRUE(write_config(*store_, ConfigType::brokers, "0", {{"b", "2"}}));
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {}));
  ASSERT_TRUE(eventually([&] { return changes().size() == 3; }));
  EXPECT_THAT(changes(), ElementsAre("topics/t a=1", "brokers/0 b=2", "topics/t"));
}

TEST_F(ConfigStoreTest, NotificationsThatWaitAlreadyAreReported) {
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "1"}}));
  ConfigChangeListener listener(*store_, clock_, remember());
  ASSERT_TRUE(listener.start());
  EXPECT_THAT(changes(), ElementsAre("topics/t a=1"));
}

TEST_F(ConfigStoreTest, AListenerGoesOnInARenewedSession) {
  const auto other = embedded_->open_session();
  ConfigChangeListener listener(*other, clock_, remember());
  ASSERT_TRUE(listener.start());
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "1"}}));
  ASSERT_TRUE(eventually([&] { return changes().size() == 1; }));
  embedded_->expire(other->session_id());
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "2"}}));
  ASSERT_TRUE(other->renew_session());
  EXPECT_EQ(changes().size(), 2U) << "what happened meanwhile";
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "3"}}));
  ASSERT_TRUE(eventually([&] { return changes().size() == 3; }));
}

TEST_F(ConfigStoreTest, OldNotificationsAreRemoved) {
  ConfigChangeListener listener(*store_, clock_, remember());
  ASSERT_TRUE(listener.start());
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "1"}}));
  ASSERT_TRUE(eventually([&] { return changes().size() == 1; }));
  clock_.advance_ms(16 * 60 * 1000);
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "2"}}));
  ASSERT_TRUE(eventually([&] { return store_->children(path::config_changes)->size() == 1; }));
  EXPECT_EQ(changes().size(), 2U);
}

TEST_F(ConfigStoreTest, ANotificationThatCannotBeReadIsSkipped) {
  ConfigChangeListener listener(*store_, clock_, remember());
  ASSERT_TRUE(listener.start());
  ASSERT_TRUE(store_->create(path::config_change_prefix, "nonsense", CreateMode::persistent_sequential));
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "1"}}));
  ASSERT_TRUE(eventually([&] { return changes().size() == 1; }));
}

TEST_F(ConfigStoreTest, ADestroyedListenerHearsNothing) {
  {
    ConfigChangeListener listener(*store_, clock_, remember());
    ASSERT_TRUE(listener.start());
  }
  ASSERT_TRUE(write_config(*store_, ConfigType::topics, "t", {{"a", "1"}}));
  store_->close();
  EXPECT_TRUE(changes().empty());
}

}  // namespace
}  // namespace coordination::cluster
