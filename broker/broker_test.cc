// A whole broker in the process: start, serve, stop, start again, and the ways in which a start fails.
#include "broker/broker.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "broker/local_cluster.h"
#include "coordination/metadata_store/embedded_store.h"

namespace broker {
namespace {

using protocol::ErrorCode;
using testing::HasSubstr;

class BrokerTest : public testing::Test {
 protected:
  BrokerTest() {
    char path[] = "/tmp/broker_test.XXXXXX";
    directory_ = ::mkdtemp(path);
  }
  ~BrokerTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  Properties config(const std::string& name = "data") const {
    return {{"broker.id", "1"},
            {"listeners", "PLAINTEXT://127.0.0.1:0"},
            {"log.dirs", directory_ + "/" + name},
            {"offsets.topic.replication.factor", "1"},
            {"num.network.threads", "1"}};
  }

  static bool can_connect(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    return connected;
  }

  std::string directory_;
};

TEST_F(BrokerTest, StartsOnAnyFreePortAndStops) {
  Broker broker({.config = config()});
  const auto started = broker.start();
  ASSERT_TRUE(started) << started.error().text();
  const std::uint16_t port = broker.endpoints().at(0).port;
  EXPECT_NE(port, 0);
  EXPECT_TRUE(can_connect(port));
  EXPECT_EQ(broker.broker_id(), 1);
  EXPECT_EQ(broker.cluster_id().size(), 22u);
  broker.stop();
  EXPECT_FALSE(can_connect(port));
}

TEST_F(BrokerTest, TopicsAndTheClusterIdSurviveARestart) {
  std::string cluster_id;
  {
    Broker broker({.config = config()});
    ASSERT_TRUE(broker.start());
    cluster_id = broker.cluster_id();
    const auto created =
        broker.create_topic({.name = "kept", .partitions = 3, .config = {{"cleanup.policy", "compact"}}});
    ASSERT_TRUE(created) << created.error().text();
    EXPECT_EQ(broker.partition_count(), 3u);
    EXPECT_TRUE(broker.create_topic({.name = "kept", .partitions = 5, .config = {}})) << "it is there: nothing to do";
  }
  Broker again({.config = config()});
  ASSERT_TRUE(again.start());
  EXPECT_EQ(again.cluster_id(), cluster_id);
  EXPECT_EQ(again.partition_count(), 3u);
}

TEST_F(BrokerTest, AnEphemeralBrokerLeavesNothingBehind) {
  Properties ephemeral = config();
  ephemeral.erase("log.dirs");
  ephemeral.insert_or_assign("ephemeral", "true");
  Broker broker({.config = ephemeral});
  ASSERT_TRUE(broker.start());
  ASSERT_TRUE(broker.create_topic({.name = "fleeting", .partitions = 1, .config = {}}));
  EXPECT_TRUE(broker.data_directories().empty());
}

TEST_F(BrokerTest, ADirectoryInUseIsRefusedByName) {
  Broker first({.config = config()});
  ASSERT_TRUE(first.start());
  Broker second({.config = config()});
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().text(), HasSubstr(directory_));
}

TEST_F(BrokerTest, ADirectoryOfAnotherBrokerIsRefused) {
  {
    Broker first({.config = config()});
    ASSERT_TRUE(first.start());
  }
  Properties other = config();
  other.insert_or_assign("broker.id", "2");
  Broker second({.config = other});
  EXPECT_FALSE(second.start());
}

TEST_F(BrokerTest, AnAddressInUseIsRefusedAndNothingIsLeftRunning) {
  Broker first({.config = config("one")});
  ASSERT_TRUE(first.start());
  const std::string taken = "PLAINTEXT://127.0.0.1:" + std::to_string(first.endpoints().at(0).port);
  Properties same_port = config("two");
  same_port.insert_or_assign("listeners", taken);
  {
    Broker second({.config = same_port});
    const auto started = second.start();
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().text(), HasSubstr("cannot be bound"));
  }
  Broker third({.config = config("two")});
  EXPECT_TRUE(third.start());
}

TEST_F(BrokerTest, ABrokerIdIsGeneratedAndKept) {
  Properties unnamed = config();
  unnamed.erase("broker.id");
  protocol::BrokerId id = -1;
  {
    Broker broker({.config = unnamed});
    ASSERT_TRUE(broker.start());
    id = broker.broker_id();
    EXPECT_GT(id, 1000);
  }
  Broker again({.config = unnamed});
  ASSERT_TRUE(again.start());
  EXPECT_EQ(again.broker_id(), id);
}

TEST_F(BrokerTest, SeveralBrokersOnOneStoreAreACluster) {
  const protocol::SystemClock clock;
  const auto store = coordination::metadata_store::EmbeddedStore::in_memory(clock);
  LocalCluster cluster;
  Properties second_config = config("two");
  second_config.insert_or_assign("broker.id", "2");
  Broker first({.config = config("one"), .shared_store = store.get(), .cluster = &cluster});
  Broker second({.config = second_config, .shared_store = store.get(), .cluster = &cluster});
  ASSERT_TRUE(first.start());
  ASSERT_TRUE(second.start());
  EXPECT_EQ(first.cluster_id(), second.cluster_id());
  ASSERT_TRUE(second.create_topic({.name = "spread", .partitions = 4, .config = {}}));
  // The other broker may hear of its partitions a little later than the one that was asked.
  constexpr int patience = 2000;
  for (int i = 0; i < patience && first.partition_count() < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(first.partition_count(), 2u);
  EXPECT_EQ(second.partition_count(), 2u);
  second.stop();
  first.stop();
}

TEST_F(BrokerTest, HttpTellsReadiness) {
  Properties with_http = config();
  with_http.insert_or_assign("http.listener", "127.0.0.1:0");
  Broker broker({.config = with_http});
  ASSERT_TRUE(broker.start());
  ASSERT_TRUE(broker.http_endpoint());
  EXPECT_TRUE(can_connect(broker.http_endpoint()->port));
}

}  // namespace
}  // namespace broker
