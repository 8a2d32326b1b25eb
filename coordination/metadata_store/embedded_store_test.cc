#include "coordination/metadata_store/embedded_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "coordination/metadata_store/close_later.h"

namespace coordination::metadata_store {
namespace {

using enum CreateMode;
using testing::HasSubstr;

class EmbeddedFile : public testing::Test {
 protected:
  EmbeddedFile() {
    std::string directory = (std::filesystem::temp_directory_path() / "metadata-XXXXXX").string();
    directory_ = mkdtemp(directory.data());
  }
  ~EmbeddedFile() override { std::filesystem::remove_all(directory_); }

  std::string file() const { return directory_ / "metadata.db"; }

  std::unique_ptr<EmbeddedStore> open() {
    auto store = EmbeddedStore::open(file(), clock_);
    EXPECT_TRUE(store) << store.error().text();
    return store ? std::move(*store) : nullptr;
  }

  protocol::ManualClock clock_;
  std::filesystem::path directory_;
};

TEST_F(EmbeddedFile, ReopeningFindsPersistentNodesWithTheirStats) {
  Stat before;
  {
    const auto store = open();
    const auto session = store->open_session();
    ASSERT_TRUE(session->create("/a", "one", persistent));
    ASSERT_TRUE(session->create("/a/b", std::string("\0\1", 2), persistent));
    clock_.advance_ms(5);
    ASSERT_TRUE(session->set("/a", "two"));
    ASSERT_TRUE(session->create("/gone", "", persistent));
    ASSERT_TRUE(session->remove("/gone"));
    before = session->get("/a")->stat;
  }
  const auto store = open();
  const auto session = store->open_session();
  const auto node = session->get("/a");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->data, "two");
  EXPECT_EQ(node->stat, before);
  EXPECT_EQ(session->get("/a/b")->data, std::string("\0\1", 2));
  EXPECT_FALSE(*session->exists("/gone"));
}

TEST_F(EmbeddedFile, ReopeningForgetsEphemeralNodes) {
  {
    const auto store = open();
    auto session = store->open_session();
    ASSERT_TRUE(session->create("/p", "", persistent));
    ASSERT_TRUE(session->create("/p/e", "", ephemeral));
    ASSERT_TRUE(session->create("/p/kept", "", persistent));
  }
  const auto store = open();
  const auto session = store->open_session();
  EXPECT_THAT(*session->children("/p"), testing::ElementsAre("kept"));
}

TEST_F(EmbeddedFile, ZxidsAndSequenceNumbersGrowAcrossReopening) {
  std::int64_t earlier = 0;
  {
    const auto store = open();
    const auto session = store->open_session();
    ASSERT_TRUE(session->create("/s", "", persistent));
    ASSERT_EQ(session->create("/s/n_", "", persistent_sequential), "/s/n_0000000000");
    ASSERT_TRUE(session->create("/e", "", ephemeral));
    earlier = session->get("/e")->stat.czxid;
  }
  const auto store = open();
  const auto session = store->open_session();
  EXPECT_EQ(session->create("/s/n_", "", persistent_sequential), "/s/n_0000000001");
  EXPECT_GT(session->get("/s/n_0000000001")->stat.czxid, earlier);
}

TEST_F(EmbeddedFile, AReplacedPersistentNodeDoesNotComeBack) {
  {
    const auto store = open();
    const auto session = store->open_session();
    ASSERT_TRUE(session->create("/a", "old", persistent));
    ASSERT_TRUE(session->multi({Operation::remove("/a"), Operation::create("/a", "new", ephemeral)}));
  }
  const auto store = open();
  EXPECT_FALSE(*store->open_session()->exists("/a"));
}

// The process dies without any clean-up right after the store answered.
TEST_F(EmbeddedFile, WhatWasAnsweredSurvivesAKill) {
  const pid_t child = fork();
  if (child == 0) {
    auto store = EmbeddedStore::open(file(), clock_);
    if (!store) _exit(1);
    auto session = (*store)->open_session();
    for (int i = 0; i < 100; ++i) {
      if (!session->create("/n" + std::to_string(i), std::to_string(i), persistent)) _exit(2);
    }
    _exit(session->create("/last", "x", persistent) ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
  const auto store = open();
  const auto session = store->open_session();
  EXPECT_EQ(session->children("/")->size(), 101U);
  EXPECT_EQ(session->get("/n99")->data, "99");
}

TEST_F(EmbeddedFile, ASecondProcessIsToldThatTheFileIsInUse) {
  const auto store = open();
  const auto second = EmbeddedStore::open(file(), clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, protocol::ErrorCode::kafka_storage_error);
  EXPECT_THAT(second.error().text(), HasSubstr("in use"));
}

TEST_F(EmbeddedFile, AForeignFileIsRefusedWithItsName) {
  std::ofstream(file()) << std::string(8192, 'x');
  const auto store = EmbeddedStore::open(file(), clock_);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().text(), HasSubstr(file()));
}

TEST_F(EmbeddedFile, AMissingDirectoryIsReported) {
  const auto store = EmbeddedStore::open(directory_ / "none" / "metadata.db", clock_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, protocol::ErrorCode::kafka_storage_error);
}

// A file that may not grow stands for a full disk.
TEST_F(EmbeddedFile, AWriteThatTheDiskRefusesChangesNothing) {
  const auto store = open();
  const auto session = store->open_session();
  ASSERT_TRUE(session->create("/a", "0", persistent));
  rlimit old_limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 16 * 1024, .rlim_max = old_limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto refused = session->multi({Operation::set("/a", std::string(200'000, 'x')), Operation::create("/b", "")});
  setrlimit(RLIMIT_FSIZE, &old_limit);
  signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error, StoreError::failure);
  EXPECT_EQ(session->get("/a")->data, "0");
  EXPECT_FALSE(*session->exists("/b"));
  EXPECT_TRUE(session->set("/a", "1")) << "the store works again when there is room";
  EXPECT_EQ(session->get("/a")->stat.version, 1);
}

TEST(CloseLater, LetsGoOfAStoreUnlessItIsCalledOff) {
  const protocol::ManualClock clock;
  const auto store = EmbeddedStore::in_memory(clock);
  const auto kept = store->open_session();
  const auto given_up = store->open_session();
  {
    const CloseLater later(*kept, 60'000);
  }
  EXPECT_TRUE(kept->exists("/"));
  const CloseLater later(*given_up, 1);
  bool closed = false;
  for (int i = 0; i < 10'000 && !closed; ++i) {
    closed = !given_up->exists("/");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(closed);
}

TEST(EmbeddedStore, SessionsOfOneStoreAreToldApart) {
  const protocol::ManualClock clock;
  const auto store = EmbeddedStore::in_memory(clock);
  const auto first = store->open_session();
  const auto second = store->open_session();
  EXPECT_NE(first->session_id(), second->session_id());
  EXPECT_NE(first->session_id(), 0);
}

}  // namespace
}  // namespace coordination::metadata_store
