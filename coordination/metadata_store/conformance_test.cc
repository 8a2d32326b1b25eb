// What a MetadataStore must do, whichever it is: the same tests for the store in memory, the one in a SQLite file and,
// when BARNABAS_ZOOKEEPER names a server ("host:port"), for ZooKeeper itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "coordination/metadata_store/conformance_stores.h"

namespace coordination::metadata_store {
namespace {

using testing::ElementsAre, testing::IsEmpty, testing::UnorderedElementsAre;
using enum CreateMode;

// Collects what watches and session listeners report, and waits for it.
template <typename T>
class Events {
 public:
  void add(const T& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
    changed_.notify_all();
  }
  std::vector<T> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return events_.size() >= count; });
    return events_;
  }
  std::vector<T> all() { return wait_for(0); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> events_;
};

std::string text(const WatchEvent& event) {
  switch (event.type) {
    case WatchEventType::created:
      return "created " + event.path;
    case WatchEventType::deleted:
      return "deleted " + event.path;
    case WatchEventType::data_changed:
      return "data " + event.path;
    case WatchEventType::children_changed:
      return "children " + event.path;
  }
  return "?";
}

class Conformance : public testing::TestWithParam<StoreKind> {
 protected:
  Watch watch() {
    return [this](const WatchEvent& event) { events_.add(text(event)); };
  }

  std::string data(const std::string& path) {
    const auto node = store_->get(path);
    return node ? node->data : std::string(name(node.error()));
  }

  // Watches of one session are delivered in order: once this one has fired, all earlier ones have.
  std::vector<std::string> events_so_far() {
    Events<std::string> marker;
    EXPECT_TRUE(store_->create("/marker", "", persistent));
    EXPECT_TRUE(store_->get("/marker", [&](const WatchEvent& event) { marker.add(text(event)); }));
    EXPECT_TRUE(store_->remove("/marker"));
    EXPECT_EQ(marker.wait_for(1).size(), 1U);
    return events_.all();
  }

  std::unique_ptr<TestStore> server_ = make_test_store(GetParam());
  Events<std::string> events_;
  std::unique_ptr<MetadataStore> store_ = server_->open();
};

TEST_P(Conformance, CreatedNodeHasItsDataAndAFreshStat) {
  EXPECT_EQ(store_->create("/a", "text", persistent), "/a");
  const auto node = store_->get("/a");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->data, "text");
  EXPECT_EQ(node->stat.version, 0);
  EXPECT_EQ(node->stat.cversion, 0);
  EXPECT_EQ(node->stat.num_children, 0);
  EXPECT_EQ(node->stat.data_length, 4);
  EXPECT_EQ(node->stat.ephemeral_owner, 0);
  EXPECT_GT(node->stat.czxid, 0);
  EXPECT_EQ(node->stat.mzxid, node->stat.czxid);
  EXPECT_GT(node->stat.ctime_ms, 0);
  EXPECT_EQ(node->stat.mtime_ms, node->stat.ctime_ms);
}

TEST_P(Conformance, DataIsAnyBytesAndMayBeEmpty) {
  const std::string bytes("\0\xff{\n", 4);
  ASSERT_TRUE(store_->create("/bytes", bytes, persistent));
  ASSERT_TRUE(store_->create("/empty", "", persistent));
  EXPECT_EQ(data("/bytes"), bytes);
  EXPECT_EQ(data("/empty"), "");
  ASSERT_TRUE(store_->set("/bytes", ""));
  EXPECT_EQ(data("/bytes"), "");
}

TEST_P(Conformance, DataMayBeHalfAMegabyte) {
  const std::string large(500'000, 'x');
  ASSERT_TRUE(store_->create("/large", large, persistent));
  EXPECT_EQ(data("/large"), large);
}

TEST_P(Conformance, CreatingTwiceIsRefused) {
  ASSERT_TRUE(store_->create("/a", "first", persistent));
  EXPECT_EQ(store_->create("/a", "second", persistent).error(), StoreError::node_exists);
  EXPECT_EQ(data("/a"), "first");
}

TEST_P(Conformance, CreatingUnderAMissingParentIsRefused) {
  EXPECT_EQ(store_->create("/a/b", "", persistent).error(), StoreError::no_node);
}

TEST_P(Conformance, ImpossiblePathsAreRefused) {
  for (const std::string path : {"", "a", "/a/", "//", "/a//b", "/./a", "/a/.."}) {
    EXPECT_EQ(store_->create(path, "", persistent).error(), StoreError::bad_arguments) << path;
    EXPECT_EQ(store_->get(path).error(), StoreError::bad_arguments) << path;
    EXPECT_EQ(store_->exists(path).error(), StoreError::bad_arguments) << path;
    EXPECT_EQ(store_->children(path).error(), StoreError::bad_arguments) << path;
    EXPECT_EQ(store_->set(path, "").error(), StoreError::bad_arguments) << path;
    EXPECT_EQ(store_->remove(path).error(), StoreError::bad_arguments) << path;
  }
}

TEST_P(Conformance, MissingNodesAreNamedSo) {
  EXPECT_EQ(store_->get("/a").error(), StoreError::no_node);
  EXPECT_EQ(store_->set("/a", "").error(), StoreError::no_node);
  EXPECT_EQ(store_->remove("/a").error(), StoreError::no_node);
  EXPECT_EQ(store_->children("/a").error(), StoreError::no_node);
  const auto missing = store_->exists("/a");
  ASSERT_TRUE(missing);
  EXPECT_FALSE(*missing);
}

TEST_P(Conformance, SettingCountsVersionsAndKeepsTheCreationsZxid) {
  ASSERT_TRUE(store_->create("/a", "0", persistent));
  const std::int64_t czxid = store_->get("/a")->stat.czxid;
  const auto first = store_->set("/a", "1");
  const auto second = store_->set("/a", "2");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->version, 1);
  EXPECT_EQ(second->version, 2);
  EXPECT_EQ(second->czxid, czxid);
  EXPECT_GT(second->mzxid, first->mzxid);
  EXPECT_EQ(data("/a"), "2");
}

TEST_P(Conformance, SettingWithAnExpectedVersionIsACompareAndSet) {
  ASSERT_TRUE(store_->create("/a", "0", persistent));
  EXPECT_EQ(store_->set("/a", "1", 0)->version, 1);
  EXPECT_EQ(store_->set("/a", "other", 0).error(), StoreError::bad_version);
  EXPECT_EQ(store_->set("/a", "other", 7).error(), StoreError::bad_version);
  EXPECT_EQ(data("/a"), "1");
  EXPECT_EQ(store_->set("/a", "2", any_version)->version, 2);
}

TEST_P(Conformance, RemovingNeedsTheVersionAndNoChildren) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->create("/a/b", "", persistent));
  EXPECT_EQ(store_->remove("/a").error(), StoreError::not_empty);
  EXPECT_EQ(store_->remove("/a/b", 3).error(), StoreError::bad_version);
  EXPECT_TRUE(store_->remove("/a/b", 0));
  EXPECT_TRUE(store_->remove("/a"));
  EXPECT_FALSE(*store_->exists("/a"));
}

TEST_P(Conformance, ANodeCreatedAgainStartsAtVersionZeroWithALaterZxid) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->set("/a", "x"));
  const std::int64_t czxid = store_->get("/a")->stat.czxid;
  ASSERT_TRUE(store_->remove("/a"));
  ASSERT_TRUE(store_->create("/a", "", persistent));
  EXPECT_EQ(store_->get("/a")->stat.version, 0);
  EXPECT_GT(store_->get("/a")->stat.czxid, czxid);
}

TEST_P(Conformance, ChildrenAreNamesAndTheParentCountsTheirChanges) {
  ASSERT_TRUE(store_->create("/p", "", persistent));
  EXPECT_THAT(*store_->children("/p"), IsEmpty());
  ASSERT_TRUE(store_->create("/p/x", "", persistent));
  ASSERT_TRUE(store_->create("/p/y", "", persistent));
  ASSERT_TRUE(store_->create("/p/y/deep", "", persistent));
  EXPECT_THAT(*store_->children("/p"), UnorderedElementsAre("x", "y"));
  Stat stat = store_->get("/p")->stat;
  EXPECT_EQ(stat.num_children, 2);
  EXPECT_EQ(stat.cversion, 2);
  EXPECT_EQ(stat.pzxid, store_->get("/p/y")->stat.czxid);
  EXPECT_EQ(stat.version, 0);
  ASSERT_TRUE(store_->remove("/p/x"));
  stat = store_->get("/p")->stat;
  EXPECT_EQ(stat.num_children, 1);
  EXPECT_EQ(stat.cversion, 3);
}

TEST_P(Conformance, SequentialNodesGetGrowingTenDigitNumbers) {
  ASSERT_TRUE(store_->create("/seq", "", persistent));
  EXPECT_EQ(store_->create("/seq/n_", "", persistent_sequential), "/seq/n_0000000000");
  EXPECT_EQ(store_->create("/seq/n_", "", persistent_sequential), "/seq/n_0000000001");
  ASSERT_TRUE(store_->remove("/seq/n_0000000001"));
  EXPECT_EQ(store_->create("/seq/m_", "", persistent_sequential), "/seq/m_0000000002");
  EXPECT_EQ(store_->create("/seq/", "", ephemeral_sequential), "/seq/0000000003");
}

TEST_P(Conformance, EphemeralNodesNameTheirSessionAndHaveNoChildren) {
  ASSERT_TRUE(store_->create("/e", "", ephemeral));
  EXPECT_EQ(store_->get("/e")->stat.ephemeral_owner, store_->session_id());
  EXPECT_EQ(store_->create("/e/child", "", persistent).error(), StoreError::no_children_for_ephemerals);
}

TEST_P(Conformance, ClosingASessionRemovesItsEphemeralNodesOnly) {
  auto other = server_->open();
  ASSERT_TRUE(other->create("/theirs", "", ephemeral));
  ASSERT_TRUE(other->create("/kept", "", persistent));
  ASSERT_TRUE(store_->create("/ours", "", ephemeral));
  ASSERT_TRUE(store_->exists("/theirs", watch()));
  other->close();
  EXPECT_THAT(events_.wait_for(1), ElementsAre("deleted /theirs"));
  EXPECT_FALSE(*store_->exists("/theirs"));
  EXPECT_TRUE(*store_->exists("/kept"));
  EXPECT_TRUE(*store_->exists("/ours"));
  EXPECT_EQ(other->get("/kept").error(), StoreError::session_expired);
}

TEST_P(Conformance, DataWatchFiresOnceForASet) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->get("/a", watch()));
  ASSERT_TRUE(store_->set("/a", "1"));
  ASSERT_TRUE(store_->set("/a", "2"));
  EXPECT_THAT(events_so_far(), ElementsAre("data /a"));
}

TEST_P(Conformance, DataWatchFiresForADeletion) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->get("/a", watch()));
  ASSERT_TRUE(store_->remove("/a"));
  ASSERT_TRUE(store_->create("/a", "", persistent));
  EXPECT_THAT(events_so_far(), ElementsAre("deleted /a"));
}

TEST_P(Conformance, DataWatchIgnoresChildren) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->get("/a", watch()));
  ASSERT_TRUE(store_->create("/a/b", "", persistent));
  EXPECT_THAT(events_so_far(), IsEmpty());
}

TEST_P(Conformance, AFailedGetLeavesNoWatch) {
  EXPECT_EQ(store_->get("/a", watch()).error(), StoreError::no_node);
  ASSERT_TRUE(store_->create("/a", "", persistent));
  EXPECT_THAT(events_so_far(), IsEmpty());
}

TEST_P(Conformance, ExistsWatchFiresForTheCreationOfAMissingNode) {
  ASSERT_TRUE(store_->exists("/a", watch()));
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->set("/a", "1"));
  EXPECT_THAT(events_so_far(), ElementsAre("created /a"));
}

TEST_P(Conformance, ExistsWatchOnAnExistingNodeFiresForASet) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->exists("/a", watch()));
  ASSERT_TRUE(store_->set("/a", "1"));
  EXPECT_THAT(events_so_far(), ElementsAre("data /a"));
}

TEST_P(Conformance, ChildWatchFiresOnceForAnAddedOrRemovedChild) {
  ASSERT_TRUE(store_->create("/p", "", persistent));
  ASSERT_TRUE(store_->children("/p", watch()));
  ASSERT_TRUE(store_->create("/p/a", "", persistent));
  ASSERT_TRUE(store_->create("/p/b", "", persistent));
  EXPECT_THAT(events_so_far(), ElementsAre("children /p"));
  ASSERT_TRUE(store_->children("/p", watch()));
  ASSERT_TRUE(store_->remove("/p/a"));
  EXPECT_THAT(events_.wait_for(2), ElementsAre("children /p", "children /p"));
}

TEST_P(Conformance, ChildWatchIgnoresDataAndGrandchildren) {
  ASSERT_TRUE(store_->create("/p", "", persistent));
  ASSERT_TRUE(store_->create("/p/a", "", persistent));
  ASSERT_TRUE(store_->children("/p", watch()));
  ASSERT_TRUE(store_->set("/p", "x"));
  ASSERT_TRUE(store_->set("/p/a", "x"));
  ASSERT_TRUE(store_->create("/p/a/b", "", persistent));
  EXPECT_THAT(events_so_far(), IsEmpty());
}

TEST_P(Conformance, ChildWatchFiresForTheNodesOwnDeletion) {
  ASSERT_TRUE(store_->create("/p", "", persistent));
  ASSERT_TRUE(store_->children("/p", watch()));
  ASSERT_TRUE(store_->remove("/p"));
  EXPECT_THAT(events_so_far(), ElementsAre("deleted /p"));
}

TEST_P(Conformance, TwoWatchesGiveTwoCalls) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->get("/a", watch()));
  ASSERT_TRUE(store_->exists("/a", watch()));
  ASSERT_TRUE(store_->set("/a", "1"));
  EXPECT_THAT(events_so_far(), ElementsAre("data /a", "data /a"));
}

TEST_P(Conformance, ChangesOfOtherSessionsFireWatchesToo) {
  auto other = server_->open();
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->get("/a", watch()));
  ASSERT_TRUE(other->set("/a", "1"));
  EXPECT_THAT(events_.wait_for(1), ElementsAre("data /a"));
}

TEST_P(Conformance, AWatchMayCallTheStore) {
  ASSERT_TRUE(store_->create("/a", "0", persistent));
  Events<std::string> seen;
  ASSERT_TRUE(store_->get("/a", [&](const WatchEvent&) { seen.add(data("/a")); }));
  ASSERT_TRUE(store_->set("/a", "1"));
  EXPECT_THAT(seen.wait_for(1), ElementsAre("1"));
}

TEST_P(Conformance, NoWatchFiresAfterClose) {
  auto other = server_->open();
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(other->get("/a", watch()));
  other->close();
  ASSERT_TRUE(store_->set("/a", "1"));
  EXPECT_THAT(events_so_far(), IsEmpty());
}

TEST_P(Conformance, MultiDoesAllSteps) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->create("/gone", "", persistent));
  const auto result =
      store_->multi({Operation::check("/a", 0), Operation::create("/b", "b", persistent), Operation::set("/a", "x", 0),
                     Operation::remove("/gone", 0), Operation::create("/b/c_", "", persistent_sequential)});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->size(), 5U);
  EXPECT_EQ((*result)[1].created_path, "/b");
  EXPECT_EQ((*result)[2].stat.version, 1);
  EXPECT_EQ((*result)[4].created_path, "/b/c_0000000000");
  EXPECT_EQ(data("/a"), "x");
  EXPECT_FALSE(*store_->exists("/gone"));
  EXPECT_EQ(store_->get("/b")->stat.czxid, store_->get("/a")->stat.mzxid) << "one change, one zxid";
}

TEST_P(Conformance, MultiDoesNothingWhenAStepFailsAndNamesTheStep) {
  ASSERT_TRUE(store_->create("/a", "0", persistent));
  const auto failed =
      store_->multi({Operation::set("/a", "1"), Operation::create("/b", "", persistent), Operation::check("/a", 7)});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().error, StoreError::bad_version);
  EXPECT_EQ(failed.error().step, 2U);
  EXPECT_EQ(data("/a"), "0");
  EXPECT_EQ(store_->get("/a")->stat.version, 0);
  EXPECT_FALSE(*store_->exists("/b"));
  EXPECT_EQ(store_->get("/")->stat.num_children, 1);
}

TEST_P(Conformance, MultiStepsSeeTheStepsBeforeThem) {
  ASSERT_TRUE(store_->multi({Operation::create("/a", "0", persistent), Operation::set("/a", "1", 0),
                             Operation::check("/a", 1), Operation::create("/a/b", "", persistent)}));
  EXPECT_EQ(data("/a"), "1");
  const auto failed = store_->multi({Operation::remove("/a/b"), Operation::remove("/a"), Operation::check("/a", 1)});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().error, StoreError::no_node);
  EXPECT_EQ(failed.error().step, 2U);
  EXPECT_TRUE(*store_->exists("/a/b"));
}

TEST_P(Conformance, MultiFiresTheWatchesOfItsChanges) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->get("/a", watch()));
  ASSERT_TRUE(store_->exists("/b", watch()));
  ASSERT_TRUE(store_->multi({Operation::set("/a", "1"), Operation::create("/b", "", persistent)}));
  EXPECT_THAT(events_.wait_for(2), ElementsAre("data /a", "created /b"));
}

TEST_P(Conformance, AFailedMultiFiresNoWatch) {
  ASSERT_TRUE(store_->create("/a", "", persistent));
  ASSERT_TRUE(store_->get("/a", watch()));
  ASSERT_FALSE(store_->multi({Operation::set("/a", "1"), Operation::check("/missing", 0)}));
  EXPECT_THAT(events_so_far(), IsEmpty());
}

TEST_P(Conformance, ATransactionWithoutStepsSucceeds) {
  const auto result = store_->multi({});
  ASSERT_TRUE(result);
  EXPECT_THAT(*result, IsEmpty());
}

TEST_P(Conformance, MultiEachGivesEachTransactionItsOwnOutcomeInOrder) {
  const std::vector<Transaction> transactions = {
      {Operation::create("/a", "", persistent)},
      {Operation::create("/a/b", "", persistent), Operation::check("/a", 5)},
      {Operation::create("/a/c", "", persistent)},
      {Operation::create("/a", "", persistent)},
  };
  const auto results = store_->multi_each(transactions);
  ASSERT_EQ(results.size(), 4U);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().error, StoreError::bad_version);
  EXPECT_TRUE(results[2]);
  EXPECT_EQ(results[3].error().error, StoreError::node_exists);
  EXPECT_THAT(*store_->children("/a"), ElementsAre("c"));
}

TEST_P(Conformance, MultiEachTakesThousands) {
  ASSERT_TRUE(store_->create("/many", "", persistent));
  std::vector<Transaction> transactions;
  std::vector<std::string> paths;
  for (int i = 0; i < 2000; ++i) {
    paths.push_back("/many/" + std::to_string(i));
    transactions.push_back({Operation::check("/many", 0), Operation::create(paths.back(), std::to_string(i))});
  }
  const auto results = store_->multi_each(transactions);
  EXPECT_EQ(std::ranges::count_if(results, [](const auto& result) { return result.has_value(); }), 2000);
  const auto nodes = store_->get_each(paths);
  ASSERT_EQ(nodes.size(), 2000U);
  EXPECT_EQ(nodes[1234]->data, "1234");
}

TEST_P(Conformance, GetEachReportsMissingNodesOneByOne) {
  ASSERT_TRUE(store_->create("/a", "x", persistent));
  const std::vector<std::string> paths = {"/a", "/missing", "/a"};
  const auto nodes = store_->get_each(paths);
  ASSERT_EQ(nodes.size(), 3U);
  EXPECT_EQ(nodes[0]->data, "x");
  EXPECT_EQ(nodes[1].error(), StoreError::no_node);
  EXPECT_EQ(nodes[2]->data, "x");
}

TEST_P(Conformance, SetByManySessionsLosesNoIncrement) {
  ASSERT_TRUE(store_->create("/counter", "0", persistent));
  auto count = [&] {
    auto session = server_->open();
    for (int done = 0; done < 25;) {
      const auto node = session->get("/counter");
      if (!node) return;
      const std::string next = std::to_string(std::stoi(node->data) + 1);
      if (session->set("/counter", next, node->stat.version)) ++done;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(count);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(data("/counter"), "100");
}

TEST_P(Conformance, AnExpiredSessionLosesNodesAndWatchesAndSaysSo) {
  auto other = server_->open();
  Events<SessionEvent> session_events;
  other->on_session_event([&](SessionEvent event) {
    if (event == SessionEvent::expired) session_events.add(event);
  });
  ASSERT_TRUE(other->create("/e", "", ephemeral));
  ASSERT_TRUE(other->exists("/a", watch()));
  server_->expire(*other);
  EXPECT_THAT(session_events.wait_for(1), ElementsAre(SessionEvent::expired));
  EXPECT_FALSE(*store_->exists("/e"));
  EXPECT_EQ(other->get("/").error(), StoreError::session_expired);
  ASSERT_TRUE(store_->create("/a", "", persistent));
  EXPECT_THAT(events_so_far(), IsEmpty());
}

TEST_P(Conformance, ARenewedSessionIsANewOne) {
  auto other = server_->open();
  const std::int64_t old_id = other->session_id();
  Events<SessionEvent> session_events;
  other->on_session_event([&](SessionEvent event) {
    if (event == SessionEvent::expired) session_events.add(event);
  });
  server_->expire(*other);
  ASSERT_EQ(session_events.wait_for(1).size(), 1U);
  int renewals = 0;
  other->on_renewal([&] { ++renewals; });
  ASSERT_TRUE(other->renew_session());
  EXPECT_EQ(renewals, 1);
  EXPECT_NE(other->session_id(), old_id);
  ASSERT_TRUE(other->create("/e", "", ephemeral));
  EXPECT_EQ(store_->get("/e")->stat.ephemeral_owner, other->session_id());
  ASSERT_TRUE(other->get("/e", watch()));
  ASSERT_TRUE(store_->set("/e", "1"));
  EXPECT_THAT(events_.wait_for(1), ElementsAre("data /e"));
}

TEST_P(Conformance, ASessionMayBeRenewedByItsOwnListener) {
  auto other = server_->open();
  Events<bool> renewed;
  other->on_session_event([&](SessionEvent event) {
    if (event == SessionEvent::expired) renewed.add(other->renew_session().has_value());
  });
  server_->expire(*other);
  EXPECT_THAT(renewed.wait_for(1), ElementsAre(true));
  EXPECT_TRUE(other->create("/a", "", ephemeral));
}

TEST_P(Conformance, AClosedSessionIsNotRenewed) {
  auto other = server_->open();
  other->close();
  EXPECT_EQ(other->renew_session().error(), StoreError::session_expired);
  EXPECT_EQ(other->exists("/").error(), StoreError::session_expired);
}

// Whoever listens may be destroyed as soon as the store is closed, whichever session it was told about.
TEST_P(Conformance, ClosingWaitsForAListenerThatHasRenewedTheSession) {
  auto other = server_->open();
  Events<bool> renewed;
  std::atomic<bool> returned = false;
  other->on_session_event([&](SessionEvent event) {
    if (event != SessionEvent::expired) return;
    renewed.add(other->renew_session().has_value());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    returned = true;
  });
  server_->expire(*other);
  EXPECT_THAT(renewed.wait_for(1), ElementsAre(true));
  other->close();
  EXPECT_TRUE(returned);
}

TEST_P(Conformance, CreateRecursiveFillsInWhatIsMissing) {
  ASSERT_TRUE(create_recursive(*store_, "/x/y/z", "data"));
  ASSERT_TRUE(create_recursive(*store_, "/x/y/z", "ignored"));
  EXPECT_EQ(data("/x/y/z"), "data");
  EXPECT_EQ(data("/x"), "");
}

INSTANTIATE_TEST_SUITE_P(Stores, Conformance, testing::ValuesIn(store_kinds()),
                         [](const auto& info) { return std::string(name(info.param)); });

}  // namespace
}  // namespace coordination::metadata_store
