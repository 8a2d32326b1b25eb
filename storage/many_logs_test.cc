// What thousands of logs cost, counted in file operations, and what is left of them after a power cut.
#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <map>

#include "storage/fault_injection.h"
#include "storage/log_manager.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using ::testing::IsEmpty;
using testing::make_batch;

constexpr TimestampMs now = 1'700'000'000'000;
constexpr int count = 200;

class ManyLogsTest : public ::testing::Test {
 protected:
  ManyLogsTest() {
    options_.log_dirs = {root_.path()};
    options_.file_system = &disk_;
    options_.recovery_threads_per_data_dir = 2;
    disk_.fault = [this](std::string_view operation, const std::string&) {
      if (operation == "sync") ++syncs_;
      if (operation == "open") ++opens_;
      if (operation == "sync volume") ++volume_syncs_;
      return operation == failing_ ? EIO : 0;
    };
  }
  ~ManyLogsTest() override { manager_.reset(); }

  LoadSummary start() {
    manager_ = std::make_unique<LogManager>(options_);
    EXPECT_TRUE(manager_->lock_directories());
    const auto loaded = manager_->load(now);
    EXPECT_TRUE(loaded);
    forget();
    return loaded.value_or(LoadSummary{});
  }
  void forget() { syncs_ = opens_ = volume_syncs_ = 0; }
  void create(int records) {
    for (int i = 0; i < count; ++i) {
      const auto log = manager_->get_or_create({"topic", i}, Uuid{.bytes = {std::byte{7}}}, now);
      ASSERT_TRUE(log) << log.error().text();
      ASSERT_TRUE((*log)->assign_epoch_start_offset(0, 0));
      for (int record = 0; record < records; ++record) {
        ASSERT_TRUE((*log)->append_as_leader(make_batch("value"), 0, AppendOrigin::client, now));
      }
    }
  }
  void stop() { manager_->shutdown(now); }
  void cut_power() {
    manager_.reset();
    disk_.crash();
  }
  Offset total_records() {
    Offset total = 0;
    for (int i = 0; i < count; ++i) total += (*manager_->log({"topic", i}, now))->log_end_offset();
    return total;
  }

  testing::TemporaryDirectory root_;
  testing::FaultyFileSystem disk_;
  LogManagerOptions options_;
  std::unique_ptr<LogManager> manager_;
  std::string_view failing_;
  std::atomic<int> syncs_ = 0, opens_ = 0, volume_syncs_ = 0;
};

TEST_F(ManyLogsTest, ANewLogCostsOneFileAndNoSync) {
  start();
  create(0);
  EXPECT_EQ(opens_, count);  // partition.metadata
  EXPECT_EQ(syncs_, 0);
  forget();
  stop();
  constexpr int of_the_directory = 4;  // three checkpoints and the marker
  EXPECT_LE(syncs_, of_the_directory);
  EXPECT_EQ(volume_syncs_, 0);
}

TEST_F(ManyLogsTest, EmptyLogsNeedNoRecovery) {
  start();
  create(0);
  manager_.reset();
  const LoadSummary summary = start();
  EXPECT_EQ(summary.logs, static_cast<std::size_t>(count));
  EXPECT_EQ(summary.recovered, 0u);
  EXPECT_THAT(manager_->open_logs(), IsEmpty());
  create(1);
  EXPECT_EQ(total_records(), count);
}

TEST_F(ManyLogsTest, AStopSyncsThemAllAtOnceAndLosesNothing) {
  start();
  create(3);
  forget();
  stop();
  EXPECT_EQ(volume_syncs_, 1);
  EXPECT_LT(syncs_, 10);
  cut_power();
  EXPECT_TRUE(start().clean);
  EXPECT_EQ(total_records(), 3 * count);
  EXPECT_EQ((*manager_->log({"topic", 0}, now))->recovery_point(), 3);
  EXPECT_EQ((*manager_->log({"topic", 0}, now))->latest_epoch(), 0);
}

TEST_F(ManyLogsTest, WhereAVolumeCannotBeSyncedEveryFileIs) {
  disk_.can_sync_volumes = false;
  start();
  create(3);
  forget();
  stop();
  EXPECT_GT(syncs_, 3 * count);
  cut_power();
  EXPECT_TRUE(start().clean);
  EXPECT_EQ(total_records(), 3 * count);
}

TEST_F(ManyLogsTest, AFailedSyncOfTheVolumeIsNoCleanShutdown) {
  start();
  create(3);
  failing_ = "sync volume";
  stop();
  failing_ = {};
  EXPECT_FALSE(std::filesystem::exists(root_.path() + "/.kafka_cleanshutdown"));
  cut_power();
  EXPECT_FALSE(start().clean);
}

TEST_F(ManyLogsTest, IdleLogsGiveTheirFilesBack) {
  options_.max_open_files = 50;
  start();
  create(1);
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator{});
  };
  constexpr int of_each_file = 2;  // this file system holds a second descriptor of every file
  EXPECT_LT(descriptors(), of_each_file * 50 + 40);
  create(1);
  EXPECT_EQ(total_records(), 2 * count);
}

}  // namespace
}  // namespace storage
