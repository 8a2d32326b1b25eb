// Writes whose answer is lost: the store must say whether they happened. On ZooKeeper only, see conformance_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "coordination/metadata_store/conformance_stores.h"
#include "coordination/metadata_store/cutting_proxy.h"
#include "coordination/metadata_store/zookeeper_session.h"

namespace coordination::metadata_store {
namespace {

using enum CreateMode;

std::vector<StoreKind> zookeeper_only() {
  std::vector<StoreKind> kinds = store_kinds();
  std::erase_if(kinds, [](StoreKind kind) { return kind != StoreKind::zookeeper; });
  return kinds;
}

class ConnectionLoss : public testing::TestWithParam<StoreKind> {
 protected:
  ConnectionLoss() : proxy_(std::getenv("BARNABAS_ZOOKEEPER")) {
    static int next = 0;
    auto opened = ZooKeeperSession::open({.connect = "127.0.0.1:" + std::to_string(proxy_.port()) + "/loss/" +
                                                     std::to_string(getpid()) + "-" + std::to_string(next++),
                                          .session_timeout_ms = 10'000});
    EXPECT_TRUE(opened) << opened.error().text();
    store_ = std::move(*opened);
  }

  // Runs the write while its first answer is lost.
  template <typename F>
  auto losing(F write) {
    const int before = proxy_.lost();
    proxy_.lose_next_answer();
    auto result = write();
    EXPECT_EQ(proxy_.lost(), before + 1) << "the test lost nothing";
    return result;
  }

  CuttingProxy proxy_;
  std::unique_ptr<MetadataStore> store_;
};

TEST_P(ConnectionLoss, AReadIsRepeated) {
  ASSERT_TRUE(store_->create("/a", "x", persistent));
  EXPECT_EQ(losing([&] { return store_->get("/a"); })->data, "x");
}

TEST_P(ConnectionLoss, ACreationThatHappenedSucceeds) {
  EXPECT_EQ(losing([&] { return store_->create("/a", "x", persistent); }), "/a");
  EXPECT_EQ(losing([&] { return store_->create("/e", "x", ephemeral); }), "/e");
  EXPECT_EQ(store_->get("/e")->stat.ephemeral_owner, store_->session_id());
}

TEST_P(ConnectionLoss, ACreationThatSomebodyElseMadeFails) {
  ASSERT_TRUE(store_->create("/a", "theirs", persistent));
  const auto created = losing([&] { return store_->create("/a", "ours", persistent); });
  EXPECT_EQ(created.error(), StoreError::node_exists);
}

TEST_P(ConnectionLoss, ACompareAndSetThatHappenedSucceeds) {
  ASSERT_TRUE(store_->create("/a", "0", persistent));
  const auto set = losing([&] { return store_->set("/a", "1", 0); });
  ASSERT_TRUE(set);
  EXPECT_EQ(set->version, 1);
  EXPECT_EQ(losing([&] { return store_->set("/a", "other", 0); }).error(), StoreError::bad_version);
  EXPECT_EQ(store_->get("/a")->data, "1");
}

TEST_P(ConnectionLoss, ARemovalThatHappenedSucceeds) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  EXPECT_TRUE(losing([&] { return store_->remove("/a"); }));
  EXPECT_FALSE(*store_->exists("/a"));
}

// The election of a controller.
TEST_P(ConnectionLoss, AMultiThatHappenedSucceeds) {
  ASSERT_TRUE(store_->create("/epoch", "0", persistent));
  const auto elected = losing([&] {
    return store_->multi({Operation::create("/controller", "me", ephemeral), Operation::set("/epoch", "1", 0)});
  });
  ASSERT_TRUE(elected);
  EXPECT_EQ((*elected)[0].created_path, "/controller");
  EXPECT_EQ((*elected)[1].stat.version, 1);
}

TEST_P(ConnectionLoss, AMultiWhoseCheckFailsStaysFailed) {
  ASSERT_TRUE(store_->create("/epoch", "0", persistent));
  const auto refused =
      losing([&] { return store_->multi({Operation::check("/epoch", 7), Operation::create("/a", "x", persistent)}); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error, StoreError::bad_version);
  EXPECT_EQ(refused.error().step, 0U);
}

TEST_P(ConnectionLoss, ManyTransactionsAreAllDoneInOrder) {
  std::vector<Transaction> transactions = {{Operation::create("/p", "")}};
  for (int i = 0; i < 200; ++i) transactions.push_back({Operation::create("/p/" + std::to_string(i), "")});
  const auto results = losing([&] { return store_->multi_each(transactions); });
  for (const auto& result : results) EXPECT_TRUE(result);
  EXPECT_EQ(store_->children("/p")->size(), 200U);
}

TEST_P(ConnectionLoss, WatchesOutliveIt) {
  ASSERT_TRUE(store_->create("/a", "0", persistent));
  std::atomic<int> fired = 0;
  ASSERT_TRUE(store_->get("/a", [&](const WatchEvent&) { ++fired; }));
  ASSERT_TRUE(losing([&] { return store_->exists("/a"); }));
  ASSERT_TRUE(store_->set("/a", "1"));
  for (int i = 0; i < 3000 && fired == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(fired, 1);
}

TEST_P(ConnectionLoss, ClosingLetsGoOfACallThatWaitsForTheServer) {
  ASSERT_TRUE(store_->exists("/"));
  proxy_.go_down();
  std::promise<StoreError> outcome;
  std::thread caller([&] { outcome.set_value(store_->create("/a", "", persistent).error()); });
  auto waiting = outcome.get_future();
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  store_->close();
  EXPECT_EQ(waiting.get(), StoreError::session_expired);
  caller.join();
}

TEST_P(ConnectionLoss, ClosingLetsGoOfARenewalThatWaitsForTheServer) {
  std::promise<void> renewing;
  std::atomic<bool> refused = false;
  store_->on_session_event([&](SessionEvent event) {
    if (event != SessionEvent::expired) return;
    proxy_.go_down();
    renewing.set_value();
    refused = !store_->renew_session();
  });
  ASSERT_TRUE(dynamic_cast<ZooKeeperSession&>(*store_).expire_for_test(std::getenv("BARNABAS_ZOOKEEPER")));
  renewing.get_future().wait();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  store_->close();
  EXPECT_TRUE(refused) << "closing waits for it";
}

// Needs no server: nothing listens there.
TEST(ZooKeeperClient, ShuttingDownWakesWhoeverWaitsForAConnection) {
  ZooKeeperClient client("127.0.0.1:1", 10'000, [](const auto&) {}, {});
  std::promise<StoreError> outcome;
  std::thread caller([&] { outcome.set_value(client.wait_connected(0).error()); });
  client.shut_down();
  EXPECT_EQ(outcome.get_future().get(), StoreError::session_expired);
  caller.join();
  EXPECT_EQ(client.wait_connected(0).error(), StoreError::session_expired);
}

INSTANTIATE_TEST_SUITE_P(Stores, ConnectionLoss, testing::ValuesIn(zookeeper_only()),
                         [](const auto& info) { return std::string(name(info.param)); });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConnectionLoss);

}  // namespace
}  // namespace coordination::metadata_store
