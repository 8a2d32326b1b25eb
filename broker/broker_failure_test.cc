// Whole brokers in the process whose log directories fail, and those beside a broker that stops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "broker/broker.h"
#include "broker/local_cluster.h"
#include "coordination/cluster/topic_admin.h"
#include "coordination/cluster/znodes.h"
#include "coordination/metadata_store/embedded_store.h"

namespace broker {
namespace {

namespace cluster = coordination::cluster;
namespace fs = std::filesystem;
using testing::HasSubstr;

// Far longer than anything here takes; only a test that fails waits for it.
constexpr int patience_ms = 20'000;

template <typename Condition>
bool eventually(Condition condition) {
  constexpr int pause_ms = 10;
  for (int waited_ms = 0; waited_ms < patience_ms; waited_ms += pause_ms) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
  }
  return false;
}

class BrokerFailureTest : public testing::Test {
 protected:
  BrokerFailureTest() {
    char path[] = "/tmp/broker_failure_test.XXXXXX";
    directory_ = ::mkdtemp(path);
  }
  ~BrokerFailureTest() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }

  BrokerOptions options(int id, const std::string& log_dirs) {
    BrokerOptions options{.config = {{"broker.id", std::to_string(id)},
                                     {"listeners", "PLAINTEXT://127.0.0.1:0"},
                                     {"log.dirs", log_dirs},
                                     {"num.network.threads", "1"}},
                          .shared_store = store_.get(),
                          .cluster = &cluster_};
    options.on_failure = [this](const std::string& reason) { failure_.set_value(reason); };
    return options;
  }
  std::string dir(const std::string& name) const { return directory_ + "/" + name; }

  // Nothing can be made in the directory any more.
  void break_directory(const std::string& name) {
    fs::rename(dir(name), dir(name + "-moved"));
    std::ofstream(dir(name)) << "not a directory";
  }
  // Has the controller make a topic, without waiting for its leaders.
  void create_topic(int broker, const std::string& name, std::int32_t partitions) {
    const cluster::TopicAdmin admin(
        *session_, [] { return cluster::TopicAdminOptions{}; },
        [](const cluster::ConfigMap&) { return protocol::Result<void>(); });
    cluster::NewTopic topic;
    topic.name = name;
    topic.partition_count = partitions;
    topic.replication_factor = 1;
    const cluster::BrokerRack rack{.id = broker, .rack = std::nullopt};
    ASSERT_TRUE(admin.create(std::span(&topic, 1), std::span(&rack, 1), 1, false).front());
  }
  std::string state_of(const std::string& topic, int partition) {
    const auto node = session_->get(cluster::path::partition_state(topic, partition));
    return node ? node->data : std::string();
  }

  const protocol::SystemClock clock_;
  std::string directory_;
  std::unique_ptr<coordination::metadata_store::EmbeddedStore> store_ =
      coordination::metadata_store::EmbeddedStore::in_memory(clock_);
  std::unique_ptr<coordination::metadata_store::MetadataStore> session_ = store_->open_session();
  LocalCluster cluster_;
  std::promise<std::string> failure_;
};

TEST_F(BrokerFailureTest, WithoutALogDirectoryABrokerSaysThatItCantGoOn) {
  Broker broker(options(1, dir("only")));
  ASSERT_TRUE(broker.start());
  break_directory("only");
  create_topic(1, "t", 1);
  auto failure = failure_.get_future();
  ASSERT_EQ(failure.wait_for(std::chrono::milliseconds(patience_ms)), std::future_status::ready);
  EXPECT_THAT(failure.get(), HasSubstr("no log directory is left"));
  broker.stop();
}

TEST_F(BrokerFailureTest, AStartThatIsToldToStopEnds) {
  std::stop_source stop;
  BrokerOptions stopping = options(0, dir("a"));
  stopping.stop = stop.get_token();
  stop.request_stop();
  Broker broker(std::move(stopping));
  const auto started = broker.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().text(), HasSubstr("told to stop"));
  broker.stop();
  Broker again(options(0, dir("a")));
  EXPECT_TRUE(again.start());
}

TEST_F(BrokerFailureTest, AStartThatWaitsForZooKeeperEndsWhenItIsTold) {
  std::stop_source stop;
  BrokerOptions stopping = options(0, dir("a"));
  stopping.shared_store = nullptr;
  stopping.cluster = nullptr;
  stopping.config.insert_or_assign("zookeeper.connect", "127.0.0.1:1");
  stopping.config.insert_or_assign("zookeeper.connection.timeout.ms", "3600000");
  stopping.stop = stop.get_token();
  Broker broker(std::move(stopping));
  auto starting = std::async(std::launch::async, [&] { return broker.start().has_value(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  stop.request_stop();
  EXPECT_FALSE(starting.get());
}

TEST_F(BrokerFailureTest, TheControllerIsToldOfAFailedDirectoryAndItsPartitionsHaveNoLeader) {
  Broker broker(options(1, dir("one") + "," + dir("two")));
  ASSERT_TRUE(broker.start());
  ASSERT_TRUE(broker.create_topic({.name = "old", .partitions = 2, .config = {}}));
  const int lost = fs::exists(dir("one") + "/old-0") ? 0 : 1;
  break_directory("one");
  create_topic(1, "new", 2);
  EXPECT_TRUE(eventually([&] { return state_of("old", lost).find("\"leader\":-1") != std::string::npos; }))
      << state_of("old", lost);
  EXPECT_THAT(state_of("old", 1 - lost), HasSubstr("\"leader\":1"));
  broker.stop();
}

// Its controller finds out only later that the other is gone, and goes on talking to it.
TEST_F(BrokerFailureTest, ABrokerThatStopsIsLeftAloneByTheControllerOfAnother) {
  Broker first(options(1, dir("one")));
  ASSERT_TRUE(first.start());
  for (int round = 0; round < 5; ++round) {
    auto second = std::make_unique<Broker>(options(2, dir("two")));
    ASSERT_TRUE(second->start());
    for (int i = 0; i < 20; ++i) create_topic(2, "t" + std::to_string(round) + "-" + std::to_string(i), 2);
    second->stop();
    second.reset();
  }
  first.stop();
}

}  // namespace
}  // namespace broker
