// Deleting a partition and creating it anew, also when the broker is killed in between: nothing of the old log may
// reach the new one.
#include <gmock/gmock.h>

#include <filesystem>

#include "storage/fault_injection.h"
#include "storage/log_manager.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using protocol::ErrorCode;
using ::testing::HasSubstr;
using testing::make_batch;
using ::testing::Not;
using testing::read_all;
using testing::read_file;

const TopicPartition orders_0{"orders", 0};

class LogManagerDeletionTest : public ::testing::Test {
 protected:
  ~LogManagerDeletionTest() override { crash(); }

  void start() {
    manager_.reset();
    ++now;
    manager_ = std::make_unique<LogManager>(LogManagerOptions{.log_dirs = {root_.path()}, .file_system = &disk_});
    ASSERT_TRUE(manager_->lock_directories());
    ASSERT_TRUE(manager_->set_identity("cluster", 1, now));
    ASSERT_TRUE(manager_->load(now));
  }
  void crash() {
    disk_.fault = nullptr;
    manager_.reset();
  }
  void stop() {
    manager_->shutdown(now);
    manager_.reset();
  }
  std::shared_ptr<Log> create(int records, const TopicPartition& partition = orders_0) {
    const auto log = manager_->get_or_create(partition, std::nullopt, now);
    EXPECT_TRUE(log) << log.error().text();
    for (int i = 0; i < records; ++i) {
      EXPECT_TRUE((*log)->append_as_leader(make_batch("value", now), 0, AppendOrigin::client, now));
    }
    return *log;
  }
  // A log whose checkpoints say more than its successor can live up to.
  void create_with_checkpoints() {
    const auto log = create(10);
    log->update_high_watermark(10);
    ASSERT_TRUE(log->increment_log_start_offset(7));
    ASSERT_TRUE(log->flush(now));
    checkpoint();
  }
  void checkpoint() {
    manager_->checkpoint_log_start_offsets(now);
    manager_->checkpoint_recovery_points(now);
    manager_->checkpoint_high_watermarks(now);
  }
  std::string file(const std::string& name) const { return root_.path() + "/" + name; }

  TimestampMs now = 1'700'000'000'000;  // moves on with every start
  testing::TemporaryDirectory root_;
  testing::FaultyFileSystem disk_;
  std::unique_ptr<LogManager> manager_;
};

TEST_F(LogManagerDeletionTest, ACrashAfterTheReCreationKeepsTheNewLog) {
  start();
  create_with_checkpoints();
  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  create(3);
  crash();
  start();
  const auto log = create(0);
  EXPECT_EQ(log->log_start_offset(), 0);
  EXPECT_EQ(log->log_end_offset(), 3);
  EXPECT_EQ(log->high_watermark(), 0);
  EXPECT_EQ(read_all(*log).size(), 3u);
}

TEST_F(LogManagerDeletionTest, ACrashBeforeTheReCreationLeavesNothingOfTheOldLog) {
  start();
  create_with_checkpoints();
  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  crash();
  start();
  const auto log = create(3);
  EXPECT_EQ(log->log_start_offset(), 0);
  EXPECT_EQ(log->log_end_offset(), 3);
  EXPECT_EQ(manager_->checkpointed_high_watermark(orders_0), std::nullopt);
  crash();
  start();
  EXPECT_EQ(read_all(*create(0)).size(), 3u);
}

TEST_F(LogManagerDeletionTest, ALogIsNotCreatedAnewWhileTheOldOnesCheckpointsCannotBeReplaced) {
  start();
  create_with_checkpoints();
  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  disk_.space_left = 0;
  EXPECT_EQ(manager_->get_or_create(orders_0, std::nullopt, now).code(), ErrorCode::kafka_storage_error);
  disk_.space_left.reset();
  create(3);
  EXPECT_THAT(read_file(file("log-start-offset-checkpoint")), Not(HasSubstr("orders")));
  crash();
  start();
  EXPECT_EQ(read_all(*create(0)).size(), 3u);
}

TEST_F(LogManagerDeletionTest, AltersDeletesAndCreatesAnewOverAndOver) {
  start();
  for (int round = 1; round <= 5; ++round) {
    auto log = create(10 * round);
    log->update_high_watermark(10 * round);
    ASSERT_TRUE(log->increment_log_start_offset(round));
    if (round % 2 == 0) checkpoint();
    ASSERT_TRUE(manager_->async_delete(orders_0, now));
    if (round % 3 == 0) crash(), start();
    log = create(2);
    ASSERT_EQ(log->log_start_offset(), 0) << round;
    if (round % 2 == 0) checkpoint();
    crash();
    start();
    ASSERT_EQ(read_all(*create(0)).size(), 2u) << round;
    ASSERT_TRUE(manager_->async_delete(orders_0, now));
  }
}

TEST_F(LogManagerDeletionTest, AFailedDeletionCanBeTriedAgain) {
  for (const bool open : {true, false}) {
    start();
    create(3);
    if (!open) {
      stop();
      start();
    }
    disk_.fault = [](std::string_view operation, const std::string& path) {
      return operation == "rename" && path.ends_with("orders-0") ? ENOSPC : 0;
    };
    EXPECT_EQ(manager_->async_delete(orders_0, now).code(), ErrorCode::kafka_storage_error);
    EXPECT_TRUE(manager_->contains(orders_0));
    EXPECT_EQ(manager_->directories()[0].logs, 1u);
    disk_.fault = nullptr;
    EXPECT_TRUE(manager_->async_delete(orders_0, now));
    EXPECT_FALSE(manager_->contains(orders_0));
    EXPECT_FALSE(std::filesystem::exists(file("orders-0")));
    EXPECT_EQ(manager_->directories()[0].logs, 0u);
    crash();
  }
}

TEST_F(LogManagerDeletionTest, AClockThatWasSetBackTakesNoNameTwice) {
  for (const bool open : {true, false}) {
    now = 1'800'000'000'000;
    start();
    create(1);
    if (!open) {
      stop();
      --now;
      start();
    }
    EXPECT_TRUE(manager_->async_delete(orders_0, now));
    EXPECT_EQ(manager_->online_directories().size(), 1u);
    EXPECT_FALSE(std::filesystem::exists(file("orders-0")));
    crash();
  }
}

// If a power cut brought the marker back, appends of this run would be taken for what the last one left.
TEST_F(LogManagerDeletionTest, TheRemovalOfTheCleanShutdownMarkerIsSyncedBeforeAnyAppend) {
  start();
  create(3);
  stop();
  int synced = 0;
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    if (operation == "sync directory" && path == root_.path() && !std::filesystem::exists(file(".kafka_cleanshutdown")))
      ++synced;
    return 0;
  };
  start();
  EXPECT_EQ(synced, 1);
  crash();
}

}  // namespace
}  // namespace storage
