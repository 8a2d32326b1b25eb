// What a log makes of disks that are full, fail or lose what was not synced, and of changes in the middle of it.
#include <gmock/gmock.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <future>
#include <thread>

#include "protocol/records/control_record.h"
#include "storage/fault_injection.h"
#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using protocol::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_batch;
using ::testing::Not;
using testing::read_all;

class LogFaultsTest : public testing::LogFixture {
 protected:
  LogFaultsTest() { file_system_ = &disk_; }
  ~LogFaultsTest() override { drop_log(); }

  // Ten segments of two batches each, one record a batch.
  Log& open_with_segments() {
    config_.index_interval_bytes = 0;
    config_.segment_bytes = static_cast<std::int32_t>(2 * make_batch("value 00").size());
    open();
    for (int i = 0; i < 20; ++i) append("value " + std::to_string(10 + i), 1000 + i);
    EXPECT_EQ(log_->segment_count(), 10u);
    return *log_;
  }
  void drop_log() {
    disk_.fault = nullptr;
    log_.reset();
    directory_.reset();
    files_.reset();
  }
  // What remains after the power was cut.
  Log& cut_power() {
    recovery_point_ = log_->recovery_point();
    drop_log();
    disk_.crash();
    return open(false);
  }
  // Offset 0 is committed, 1 aborted, 2 the marker.
  void append_and_abort() {
    append("first");
    const auto guard = log_->start_transaction_verification(9, 0, 0, now);
    const auto batch =
        make_batch("in vain", 1000, {.producer_id = 9, .producer_epoch = 0, .base_sequence = 0, .transactional = true});
    ASSERT_TRUE(log_->append_as_leader(batch, 0, AppendOrigin::client, now, guard));
    append(protocol::build_end_transaction_marker({.type = protocol::ControlRecordType::abort}, 9, 0, 1000), 0,
           AppendOrigin::coordinator);
  }
  void fail(std::string operation, std::string file, int error_number) {
    disk_.fault = [=](std::string_view done, const std::string& path) {
      return done == operation && path.ends_with(file) ? error_number : 0;
    };
  }
  std::vector<Offset> offsets() const {
    std::vector<Offset> found;
    for (const auto& record : read_all(*log_, log_->log_start_offset())) found.push_back(record.offset);
    return found;
  }
  static std::vector<Offset> up_to(Offset end) {
    std::vector<Offset> all;
    for (Offset offset = 0; offset < end; ++offset) all.push_back(offset);
    return all;
  }

  testing::FaultyFileSystem disk_;
};

// Flushing

TEST_F(LogFaultsTest, WhatFollowsAFullTruncationIsSynced) {
  open();
  for (int i = 0; i < 3; ++i) append("old");
  ASSERT_TRUE(log_->flush(now));
  ASSERT_TRUE(log_->truncate_fully_and_start_at(1000, now));
  append("new");
  ASSERT_TRUE(log_->flush(now));
  EXPECT_EQ(log_->recovery_point(), 1001);
  EXPECT_EQ(cut_power().log_end_offset(), 1001);
  EXPECT_EQ(read_all(*log_, 1000).size(), 1u);
}

TEST_F(LogFaultsTest, ACloseAfterAFullTruncationCountsAndSyncsTheNewSegment) {
  open();
  for (int i = 0; i < 3; ++i) append("old");
  ASSERT_TRUE(log_->flush(now));
  ASSERT_TRUE(log_->truncate_fully_and_start_at(1000, now));
  append("new");
  const auto unsynced = log_->prepare_close();
  ASSERT_TRUE(unsynced);
  EXPECT_GE(*unsynced, 3u);
  ASSERT_TRUE(log_->close(now));
  EXPECT_EQ(cut_power().log_end_offset(), 1001);
}

TEST_F(LogFaultsTest, AFlushThatATruncationOvertookPromisesNothing) {
  open();
  for (int i = 0; i < 5; ++i) append("old");
  bool truncated = false;
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    if (operation == "sync" && path.ends_with(".index") && !std::exchange(truncated, true)) {
      EXPECT_TRUE(log_->truncate_to(2, now));
      for (int i = 0; i < 3; ++i) append("new");
    }
    return 0;
  };
  ASSERT_TRUE(log_->flush(now));
  EXPECT_TRUE(truncated);
  EXPECT_EQ(log_->log_end_offset(), 5);
  EXPECT_EQ(log_->recovery_point(), 0);
  ASSERT_TRUE(log_->flush(now));
  EXPECT_EQ(log_->recovery_point(), 5);
}

TEST_F(LogFaultsTest, AFailedSyncIsNotTriedAgainWhateverTheReason) {
  for (const int error_number : {EIO, ENOSPC, EDQUOT, ESTALE}) {
    open();
    append("value");
    fail("sync", ".log", error_number);
    EXPECT_EQ(log_->flush(now).code(), ErrorCode::kafka_storage_error);
    EXPECT_FALSE(directory_->is_online()) << error_number;
    EXPECT_EQ(log_->recovery_point(), 0);
    drop_log();
  }
}

TEST_F(LogFaultsTest, ADirectoryThatCannotBeSyncedGoesOffline) {
  open();
  append("value");
  fail("sync directory", "topic-0", ENOSPC);
  EXPECT_EQ(log_->flush(now).code(), ErrorCode::kafka_storage_error);
  EXPECT_FALSE(directory_->is_online());
}

// What recovery made anew lies below the recovery point, but is not on the disk.
TEST_F(LogFaultsTest, WhatRecoveryMadeAnewIsSyncedByTheNextFlush) {
  open();
  append_and_abort();
  ASSERT_TRUE(log_->flush(now));
  cut_power();
  ASSERT_TRUE(log_->roll(now));
  append("next");
  ASSERT_TRUE(log_->flush(now));
  cut_power();
  log_->update_high_watermark(4);
  const auto slice = log_->read({.start_offset = 0, .max_bytes = 10'000, .isolation = FetchIsolation::txn_committed});
  ASSERT_TRUE(slice);
  EXPECT_THAT(slice->aborted_transactions, ElementsAre(AbortedTransaction{.producer_id = 9, .first_offset = 1}));
}

TEST_F(LogFaultsTest, ThePreparedFirstAppendReadsNothing) {
  open_with_segments();
  ASSERT_TRUE(log_->close(now));
  recovery_point_ = 20;
  drop_log();
  open();
  std::vector<std::string> asked;
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    if (operation == "read" || operation == "open") asked.push_back(std::string(operation) + " " + path);
    return 0;
  };
  log_->prepare_appends();
  EXPECT_THAT(asked, Not(IsEmpty()));
  asked.clear();
  EXPECT_EQ(append("value 30", 2000).first_offset, 20);
  for (const std::string& what : asked) EXPECT_THAT(what, Not(HasSubstr("18."))) << "the segment that was active";
}

// Truncation

TEST_F(LogFaultsTest, ATruncationNeedsNoRoomOnTheDisk) {
  open_with_segments();
  disk_.space_left = 0;
  const auto cut = log_->truncate_to(7, now);
  EXPECT_TRUE(cut && *cut);
  EXPECT_EQ(log_->log_end_offset(), 7);
  EXPECT_TRUE(directory_->is_online());
  ASSERT_TRUE(log_->truncate_to(3, now));
  disk_.space_left.reset();
  drop_log();
  open(false);
  EXPECT_EQ(offsets(), up_to(3));
}

TEST_F(LogFaultsTest, ATruncationThatFailsAtOnceChangesNothing) {
  open_with_segments();
  fail("rename", "18.log", ENOSPC);
  EXPECT_FALSE(log_->truncate_to(7, now));
  EXPECT_FALSE(log_->truncate_fully_and_start_at(100, now));
  EXPECT_TRUE(directory_->is_online());
  fail("rename", "18.index", ENOSPC);
  EXPECT_FALSE(log_->truncate_to(7, now));
  EXPECT_TRUE(directory_->is_online());
  disk_.fault = nullptr;
  EXPECT_EQ(offsets(), up_to(20));
  EXPECT_EQ(append("next").first_offset, 20);
  drop_log();
  open(false);
  EXPECT_EQ(offsets(), up_to(21));
}

TEST_F(LogFaultsTest, AFullTruncationNeedsNoRoomForData) {
  open_with_segments();
  disk_.space_left = 0;
  ASSERT_TRUE(log_->truncate_fully_and_start_at(6, now));
  EXPECT_TRUE(directory_->is_online());
  EXPECT_EQ(log_->log_end_offset(), 6);
  disk_.space_left.reset();
  EXPECT_EQ(append("next").first_offset, 6);
  drop_log();
  open(false);
  EXPECT_EQ(offsets(), std::vector<Offset>{6});
}

TEST_F(LogFaultsTest, AFullTruncationWithoutRoomForAnotherFileChangesNothing) {
  open_with_segments();
  disk_.fault = [](std::string_view done, const std::string& file) {
    return done == "open" && file.contains("0100.") ? ENOSPC : 0;
  };
  EXPECT_FALSE(log_->truncate_fully_and_start_at(100, now));
  EXPECT_TRUE(directory_->is_online());
  disk_.fault = nullptr;
  EXPECT_EQ(offsets(), up_to(20));
  ASSERT_TRUE(log_->truncate_fully_and_start_at(100, now));
  EXPECT_EQ(append("next").first_offset, 100);
  drop_log();
  open(false);
  EXPECT_EQ(offsets(), std::vector<Offset>{100});
}

TEST_F(LogFaultsTest, ATruncationThatFailsHalfwayTakesTheDirectoryOfflineAndLeavesAPrefix) {
  for (const bool fully : {false, true}) {
    open_with_segments();
    fail("rename", "14.log", ENOSPC);
    EXPECT_FALSE(fully ? bool(log_->truncate_fully_and_start_at(100, now)) : bool(log_->truncate_to(7, now)));
    EXPECT_FALSE(directory_->is_online());
    EXPECT_GT(log_->size(), 0) << "what asks an offline log for its size must get an answer";
    drop_log();
    open(false);
    EXPECT_EQ(offsets(), up_to(16));
    drop_log();
    ASSERT_TRUE(real_file_system().remove_tree(path()));
  }
}

TEST_F(LogFaultsTest, RetentionOnAFullDiskDeletesWhatItCan) {
  open_with_segments();
  log_->update_high_watermark(20);
  auto small = std::make_shared<LogConfig>(config_);
  small->retention_bytes = 0;
  log_->set_config(small);
  fail("rename", "06.log", ENOSPC);
  EXPECT_FALSE(log_->delete_old_segments(now));
  EXPECT_TRUE(directory_->is_online());
  EXPECT_EQ(log_->log_start_offset(), 6);
  EXPECT_THAT(offsets(), ::testing::SizeIs(14));
  disk_.fault = nullptr;
  EXPECT_EQ(*log_->delete_old_segments(now), 7);
  EXPECT_EQ(log_->log_start_offset(), 20);
}

// Reading

TEST_F(LogFaultsTest, AFaultWhereTheHighWatermarkLiesIsReported) {
  open_with_segments();
  log_->update_high_watermark(11);
  fail("read", "10.log", EIO);
  EXPECT_EQ(log_->read({.start_offset = 0, .max_bytes = 1000}).code(), ErrorCode::kafka_storage_error);
  EXPECT_FALSE(directory_->is_online());
}

TEST_F(LogFaultsTest, AbortedTransactionsAreReadFromTheDiskOnce) {
  open();
  append_and_abort();
  close_and_reopen();
  log_->update_high_watermark(3);
  ReadOptions options{.start_offset = 0, .max_bytes = 10'000, .isolation = FetchIsolation::txn_committed};
  ASSERT_TRUE(log_->read(options));
  options.cached_only = true;
  int looks = 0;
  disk_.fault = [&](std::string_view, const std::string& path) {
    looks += path.ends_with(".txnindex");
    return 0;
  };
  for (int i = 0; i < 3; ++i) {
    const auto slice = log_->read(options);
    ASSERT_TRUE(slice);
    EXPECT_FALSE(slice->needs_disk);
    EXPECT_THAT(slice->aborted_transactions, ElementsAre(AbortedTransaction{.producer_id = 9, .first_offset = 1}));
  }
  EXPECT_EQ(looks, 0);
  ASSERT_TRUE(log_->truncate_to(2, now));
  options.cached_only = false;
  EXPECT_THAT(log_->read(options)->aborted_transactions, ElementsAre()) << "the marker was cut off";
}

TEST_F(LogFaultsTest, ACachedReadDoesNotOpenATransactionIndex) {
  open();
  append("first");
  close_and_reopen();
  log_->update_high_watermark(1);
  ASSERT_TRUE(log_->read({.start_offset = 0, .max_bytes = 1000}));
  int looks = 0;
  disk_.fault = [&](std::string_view, const std::string& path) {
    looks += path.ends_with(".txnindex");
    return 0;
  };
  const auto slice = log_->read(
      {.start_offset = 0, .max_bytes = 1000, .isolation = FetchIsolation::txn_committed, .cached_only = true});
  ASSERT_TRUE(slice);
  EXPECT_TRUE(slice->needs_disk);
  EXPECT_EQ(looks, 0);
}

TEST_F(LogFaultsTest, NobodyWaitsForTheDiskWhileRetentionLooksAtAges) {
  open_with_segments();
  close_and_reopen();
  log_->update_high_watermark(20);
  int looks = 0;
  std::vector<std::future<Offset>> answers;
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    if (operation != "read" || !path.ends_with(".timeindex")) return 0;
    ++looks;
    answers.push_back(std::async(std::launch::async, [&] { return log_->log_end_offset(); }));
    EXPECT_EQ(answers.back().wait_for(std::chrono::seconds(10)), std::future_status::ready) << "blocked";
    return 0;
  };
  auto short_lived = std::make_shared<LogConfig>(config_);
  short_lived->retention_ms = 100;
  log_->set_config(short_lived);
  EXPECT_EQ(*log_->delete_old_segments(1107), 3);
  EXPECT_GT(looks, 0);
}

TEST_F(LogFaultsTest, AStaleFileHandleIsAFaultOfTheDisk) {
  open_with_segments();
  log_->update_high_watermark(20);
  fail("read", "00.log", ESTALE);
  EXPECT_EQ(log_->read({.start_offset = 0, .max_bytes = 1000}).code(), ErrorCode::kafka_storage_error);
  EXPECT_FALSE(directory_->is_online());
}

TEST_F(LogFaultsTest, AnIndexThatCouldNotBeReadCountsAsNotLoaded) {
  const std::string path = root_.path() + "/00.index";
  ASSERT_TRUE((*disk_.open(path, OpenMode::create))->write_at(0, std::array<std::byte, 16>{}));
  const auto file = disk_.open(path, OpenMode::existing);
  ASSERT_TRUE(file);
  fail("read", "00.index", ENOMEM);
  OffsetIndex index(0);
  EXPECT_FALSE(index.load(**file));
  EXPECT_FALSE(index.is_loaded());
}

TEST_F(LogFaultsTest, AnIndexThatCouldNotBeReadIsReadAgain) {
  config_.index_interval_bytes = 0;
  open();
  for (int i = 0; i < 10; ++i) append("value", 1000 + i);
  close_and_reopen();
  fail("read", "00.index", ENOMEM);
  EXPECT_FALSE(log_->find_offset_by_timestamp(-3));
  disk_.fault = nullptr;
  const auto found = log_->find_offset_by_timestamp(-3);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->offset, 9);
  EXPECT_EQ((*found)->timestamp, 1009);
}

// Renaming

TEST_F(LogFaultsTest, FilesCanBeOpenedWhileTheDirectoryIsRenamed) {
  open_with_segments();
  const auto first = log_->segments().front();
  first->close_files();
  std::future<Io<std::shared_ptr<File>>> opened;
  disk_.renamed = [&](const std::string&) {
    opened = std::async(std::launch::async, [&] { return first->log_file(); });
    opened.wait_for(std::chrono::milliseconds(100));  // as long as the one who renames lets it
  };
  ASSERT_TRUE(log_->rename_directory(path() + ".0123-delete"));
  disk_.renamed = nullptr;
  EXPECT_TRUE(opened.get());
  EXPECT_TRUE(directory_->is_online());
  EXPECT_TRUE(log_->segments().back()->flush());
}

}  // namespace
}  // namespace storage
