// Truncation, retention, deletion of records, epochs, timestamps, flushing, full and failing disks.
#include <gmock/gmock.h>

#include <filesystem>

#include "storage/fault_injection.h"
#include "storage/page_cache.h"
#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using protocol::ErrorCode;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::make_batch;
using ::testing::Not;
using testing::read_all;
using testing::read_file;
using testing::ReadRecord;
using testing::TestRecord;

class LogUpkeepTest : public testing::LogFixture {
 protected:
  // Ten segments of two batches each, one record a batch, with timestamps 1000, 1001, …
  Log& open_with_segments() {
    config_.segment_bytes = static_cast<std::int32_t>(2 * make_batch("value 00").size());
    open();
    for (int i = 0; i < 20; ++i) append("value " + std::to_string(10 + i), 1000 + i);
    EXPECT_EQ(log_->segment_count(), 10u);
    log_->update_high_watermark(20);
    return *log_;
  }
  void set_config(auto change) {
    change(config_);
    log_->set_config(std::make_shared<const LogConfig>(config_));
  }
  void drop_log() {
    log_.reset();
    directory_.reset();
    files_.reset();
  }
};

// Truncation

TEST_F(LogUpkeepTest, TruncationCutsFromTheBatchOn) {
  open_with_segments();
  const auto cut = log_->truncate_to(7, now);
  ASSERT_TRUE(cut && *cut);
  EXPECT_EQ(log_->log_end_offset(), 7);
  EXPECT_EQ(log_->high_watermark(), 7);
  EXPECT_EQ(read_all(*log_).size(), 7u);
  EXPECT_EQ(append("next").first_offset, 7);
  EXPECT_EQ(read_all(reopen_after_crash()).size(), 8u);
}

TEST_F(LogUpkeepTest, TruncationBeyondTheEndDoesNothing) {
  open_with_segments();
  EXPECT_FALSE(*log_->truncate_to(20, now));
  EXPECT_EQ(log_->log_end_offset(), 20);
}

TEST_F(LogUpkeepTest, TruncationBelowTheFirstSegmentStartsAnew) {
  open_with_segments();
  log_->update_high_watermark(20);
  set_config([](LogConfig& config) { config.retention_bytes = 0; });
  ASSERT_EQ(*log_->delete_old_segments(now), 10);
  ASSERT_TRUE(log_->truncate_to(5, now));
  EXPECT_EQ(log_->log_start_offset(), 5);
  EXPECT_EQ(log_->log_end_offset(), 5);
  EXPECT_EQ(append("next").first_offset, 5);
}

TEST_F(LogUpkeepTest, AFullTruncationStartsWhereTold) {
  open_with_segments();
  ASSERT_TRUE(log_->truncate_fully_and_start_at(100, now, 90));
  EXPECT_EQ(log_->log_start_offset(), 90);
  EXPECT_EQ(log_->log_end_offset(), 100);
  EXPECT_EQ(log_->high_watermark(), 100);
  EXPECT_EQ(log_->latest_epoch(), std::nullopt);
  EXPECT_EQ(append("next").first_offset, 100);
  EXPECT_EQ(log_->segment_count(), 1u);
}

TEST_F(LogUpkeepTest, TheTimeIndexForgetsWhatWasCut) {
  config_.index_interval_bytes = 0;
  open();
  append("a", 1000);
  append("b", 5000);
  append("c", 2000);
  ASSERT_TRUE(log_->truncate_to(1, now));
  append("d", 1500);
  append("e", 1600);
  const auto found = log_->find_offset_by_timestamp(1200);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->offset, 1);
  EXPECT_EQ(*log_->find_offset_by_timestamp(1700), std::nullopt);
}

// Retention

TEST_F(LogUpkeepTest, RetentionByTimeDeletesOldSegments) {
  open_with_segments();
  set_config([](LogConfig& config) { config.retention_ms = 100; });
  EXPECT_EQ(*log_->delete_old_segments(1107), 3);  // the third segment's last record is of 1005
  EXPECT_EQ(log_->log_start_offset(), 6);
  EXPECT_EQ(log_->segment_count(), 7u);
  EXPECT_EQ(log_->read({.start_offset = 5, .max_bytes = 10}).code(), ErrorCode::offset_out_of_range);
}

TEST_F(LogUpkeepTest, RetentionByTimeEmptiesTheLogAtLast) {
  open_with_segments();
  set_config([](LogConfig& config) { config.retention_ms = 100; });
  EXPECT_EQ(*log_->delete_old_segments(100'000), 10);
  EXPECT_EQ(log_->segment_count(), 1u);
  EXPECT_EQ(log_->log_start_offset(), 20);
  EXPECT_EQ(log_->log_end_offset(), 20);
  EXPECT_EQ(*log_->delete_old_segments(100'000), 0);
  EXPECT_EQ(append("next").first_offset, 20);
}

TEST_F(LogUpkeepTest, RetentionBySizeKeepsAtLeastThatMuch) {
  open_with_segments();
  const std::int64_t size = log_->size(), segment = size / 10;
  set_config([&](LogConfig& config) { config.retention_bytes = size - segment - 1; });
  EXPECT_EQ(*log_->delete_old_segments(now), 1);
  EXPECT_EQ(*log_->delete_old_segments(now), 0);
}

TEST_F(LogUpkeepTest, RetentionStopsAtTheHighWatermark) {
  config_.segment_bytes = 200;
  open_with_segments();
  log_->truncate_to(20, now).value();
  reopen_after_crash();
  log_->update_high_watermark(9);
  set_config([](LogConfig& config) { config.retention_ms = 0; });
  EXPECT_EQ(*log_->delete_old_segments(1'000'000), 4);
  EXPECT_EQ(log_->log_start_offset(), 8);
}

TEST_F(LogUpkeepTest, CompactedLogsKeepOldSegments) {
  open_with_segments();
  set_config([](LogConfig& config) {
    config.retention_ms = 0;
    config.cleanup_delete = false;
    config.cleanup_compact = true;
  });
  EXPECT_EQ(*log_->delete_old_segments(1'000'000), 0);
  ASSERT_TRUE(log_->increment_log_start_offset(5));
  EXPECT_EQ(*log_->delete_old_segments(1'000'000), 2);
}

TEST_F(LogUpkeepTest, DeletedFilesVanishAfterTheirDelay) {
  open_with_segments();
  set_config([](LogConfig& config) { config.retention_bytes = 0; });
  ASSERT_EQ(*log_->delete_old_segments(now), 10);
  EXPECT_THAT(file_names(), Contains("00000000000000000000.log.deleted"));
  directory_->run_deletions(now + config_.file_delete_delay_ms - 1);
  EXPECT_THAT(file_names(), Contains("00000000000000000000.log.deleted"));
  directory_->run_deletions(now + config_.file_delete_delay_ms);
  EXPECT_THAT(file_names(), Each(Not(HasSubstr(".deleted"))));
}

TEST_F(LogUpkeepTest, AStopDoesNotWaitForDeletions) {
  open_with_segments();
  set_config([](LogConfig& config) { config.retention_bytes = 0; });
  ASSERT_EQ(*log_->delete_old_segments(now), 10);
  std::stop_source stop;
  stop.request_stop();
  directory_->run_deletions(now + config_.file_delete_delay_ms, stop.get_token());
  EXPECT_THAT(file_names(), Contains("00000000000000000000.log.deleted"));
}

TEST_F(LogUpkeepTest, DeletedRecordsAreNotServedAndTheirSegmentsGo) {
  open_with_segments();
  EXPECT_EQ(log_->increment_log_start_offset(21).code(), ErrorCode::offset_out_of_range);
  EXPECT_TRUE(*log_->increment_log_start_offset(7));
  EXPECT_FALSE(*log_->increment_log_start_offset(3));
  EXPECT_EQ(log_->log_start_offset(), 7);
  EXPECT_EQ(log_->read({.start_offset = 6, .max_bytes = 10}).code(), ErrorCode::offset_out_of_range);
  EXPECT_EQ(*log_->delete_old_segments(now), 3);
  EXPECT_EQ(read_all(*log_, 7).size(), 13u);
  EXPECT_EQ((*log_->find_offset_by_timestamp(0))->offset, 7);
}

// Epochs

TEST_F(LogUpkeepTest, EpochsTellWhereTheyEnd) {
  open();
  EXPECT_EQ(log_->latest_epoch(), std::nullopt);
  EXPECT_EQ(log_->end_offset_for_epoch(1), std::nullopt);
  ASSERT_TRUE(log_->assign_epoch_start_offset(1, 0));
  append(make_batch("a"), 1);
  append(make_batch("b"), 1);
  ASSERT_TRUE(log_->assign_epoch_start_offset(4, 2));
  append(make_batch("c"), 4);
  EXPECT_EQ(log_->latest_epoch(), 4);
  EXPECT_EQ(log_->end_offset_for_epoch(0), (OffsetAndEpoch{0, 0}));
  EXPECT_EQ(log_->end_offset_for_epoch(1), (OffsetAndEpoch{2, 1}));
  EXPECT_EQ(log_->end_offset_for_epoch(3), (OffsetAndEpoch{2, 1}));
  EXPECT_EQ(log_->end_offset_for_epoch(4), (OffsetAndEpoch{3, 4}));
  EXPECT_EQ(log_->end_offset_for_epoch(5), std::nullopt);
  EXPECT_EQ(log_->epoch_for_offset(1), 1);
  EXPECT_EQ(log_->epoch_for_offset(2), 4);
  EXPECT_EQ(read_file(path() + "/leader-epoch-checkpoint"), "0\n2\n1 0\n4 2\n");
  ASSERT_TRUE(log_->truncate_to(2, now));
  EXPECT_EQ(log_->latest_epoch(), 1);
  log_->update_high_watermark(2);
  ASSERT_TRUE(log_->increment_log_start_offset(1));
  EXPECT_EQ(read_file(path() + "/leader-epoch-checkpoint"), "0\n1\n1 1\n");
}

// Timestamps

TEST_F(LogUpkeepTest, TimestampsAreFoundAsKafkaFindsThem) {
  config_.index_interval_bytes = 0;
  open_with_segments();
  append(make_batch({TestRecord{.timestamp = 3000}, TestRecord{.timestamp = 9000}, TestRecord{.timestamp = 4000}}), 2);
  EXPECT_EQ((*log_->find_offset_by_timestamp(1000))->offset, 0);
  EXPECT_EQ((*log_->find_offset_by_timestamp(1007))->offset, 7);
  EXPECT_EQ((*log_->find_offset_by_timestamp(1019))->offset, 19);
  EXPECT_EQ(**log_->find_offset_by_timestamp(3500), (TimestampAndOffset{9000, 21, 2}));
  EXPECT_EQ(*log_->find_offset_by_timestamp(9001), std::nullopt);
  EXPECT_EQ(**log_->find_offset_by_timestamp(-1), (TimestampAndOffset{-1, 23, 2}));
  EXPECT_EQ(**log_->find_offset_by_timestamp(-2), (TimestampAndOffset{-1, 0, 0}));
  EXPECT_EQ(**log_->find_offset_by_timestamp(-3), (TimestampAndOffset{9000, 21, 2}));
}

TEST_F(LogUpkeepTest, OldStyleOffsetLookupGivesSegmentBases) {
  open_with_segments();
  EXPECT_THAT(log_->legacy_offsets_before(-1, 3, now), ElementsAre(20, 18, 16));
  EXPECT_THAT(log_->legacy_offsets_before(-2, 3, now), ElementsAre(0));
  EXPECT_THAT(log_->legacy_offsets_before(1, 3, now), IsEmpty());
}

TEST_F(LogUpkeepTest, LogAppendTimeStampsTheRecords) {
  config_.timestamp_type = TimestampType::log_append_time;
  open();
  const AppendInfo info = append("a", 1000);
  EXPECT_EQ(info.log_append_time, now);
  EXPECT_THAT(read_all(*log_), ElementsAre(ReadRecord{0, now, "a"}));
}

// High watermark

TEST_F(LogUpkeepTest, TheHighWatermarkMovesAsLeadersAndFollowersMoveIt) {
  open();
  for (int i = 0; i < 5; ++i) append("value");
  EXPECT_EQ(log_->maybe_increment_high_watermark(3), 0);
  EXPECT_EQ(log_->maybe_increment_high_watermark(2), std::nullopt);
  EXPECT_EQ(log_->high_watermark(), 3);
  EXPECT_EQ(log_->maybe_update_high_watermark(2), 2);
  EXPECT_EQ(log_->maybe_update_high_watermark(2), std::nullopt);
  EXPECT_EQ(log_->maybe_update_high_watermark(100), 5);
  const OffsetSnapshot offsets = log_->offsets();
  EXPECT_EQ(offsets.high_watermark, offsets.log_end_offset);
  EXPECT_EQ(log_->bytes_between(log_->locate(1), offsets.high_watermark),
            4 * static_cast<std::int64_t>(make_batch("value").size()));
}

TEST_F(LogUpkeepTest, BytesBetweenCountsWholeSegments) {
  open_with_segments();
  EXPECT_EQ(log_->bytes_between(log_->locate(0), log_->log_end_offset_metadata()), log_->size());
  EXPECT_EQ(log_->bytes_between(log_->locate(5), log_->locate(5)), 0);
  EXPECT_EQ(log_->bytes_between(log_->locate(4), log_->locate(10)), log_->size() / 10 * 3);
}

// Flushing

TEST_F(LogUpkeepTest, FlushAdvancesTheRecoveryPoint) {
  testing::FaultyFileSystem disk;
  std::vector<std::string> synced;
  disk.fault = [&](std::string_view operation, const std::string& path) {
    if (operation == "sync") synced.push_back(std::filesystem::path(path).filename());
    return 0;
  };
  file_system_ = &disk;
  open();
  append("a");
  EXPECT_THAT(synced, Not(Contains("00000000000000000000.log")));
  ASSERT_TRUE(log_->flush(now));
  EXPECT_EQ(log_->recovery_point(), 1);
  EXPECT_THAT(synced, Contains("00000000000000000000.log"));
  EXPECT_THAT(synced, Contains("leader-epoch-checkpoint"));
  synced.clear();
  ASSERT_TRUE(log_->flush(now));
  EXPECT_THAT(synced, IsEmpty());
  drop_log();
}

TEST_F(LogUpkeepTest, RolledSegmentsAreFlushedInTheBackground) {
  open_with_segments();
  EXPECT_EQ(log_->recovery_point(), 0);
  ASSERT_TRUE(log_->flush_if_due(now));
  EXPECT_EQ(log_->recovery_point(), 18);  // the base of the active segment
  append("more");
  ASSERT_TRUE(log_->flush_if_due(now));
  EXPECT_EQ(log_->recovery_point(), 20);
}

TEST_F(LogUpkeepTest, FlushSettingsAreKept) {
  config_.flush_messages = 3;
  open();
  EXPECT_FALSE(append("a").flush_due);
  EXPECT_FALSE(append("b").flush_due);
  EXPECT_TRUE(append("c").flush_due);
  EXPECT_EQ(log_->recovery_point(), 0) << "an append doesn't wait for the disk";
  ASSERT_TRUE(log_->flush(now));
  EXPECT_EQ(log_->recovery_point(), 3);
  set_config([](LogConfig& config) {
    config.flush_messages = LogConfig::unlimited;
    config.flush_ms = 500;
  });
  append("d");
  ASSERT_TRUE(log_->flush_if_due(now + 499));
  EXPECT_EQ(log_->recovery_point(), 3);
  ASSERT_TRUE(log_->flush_if_due(now + 500, false));
  EXPECT_EQ(log_->recovery_point(), 3) << "only rolled segments";
  ASSERT_TRUE(log_->flush_if_due(now + 500));
  EXPECT_EQ(log_->recovery_point(), 4);
}

TEST_F(LogUpkeepTest, PreallocatedSegmentsAreTrimmedWhenTheyAreFull) {
  config_.preallocate = true;
  config_.segment_bytes = 1000;
  open();
  append("a");
  EXPECT_EQ(std::filesystem::file_size(file(0, ".log")), 1000u);
  EXPECT_EQ(log_->size(), static_cast<std::int64_t>(make_batch("a").size()));
  ASSERT_TRUE(log_->roll(now));
  EXPECT_EQ(std::filesystem::file_size(file(0, ".log")), make_batch("a").size());
  append("b");
  EXPECT_EQ(read_all(reopen_after_crash()).size(), 2u);
  ASSERT_TRUE(log_->close(now));
  EXPECT_EQ(std::filesystem::file_size(file(1, ".log")), make_batch("b").size());
}

// Full and failing disks

TEST_F(LogUpkeepTest, AFullDiskRefusesWritesButNotReadsAndDeletes) {
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  open_with_segments();
  const auto before = read_all(*log_);
  const std::size_t batch = make_batch("value 00").size();
  for (std::size_t space = 0; space < batch; space += 7) {
    disk.space_left = static_cast<std::int64_t>(space);
    EXPECT_EQ(log_->append_as_leader(make_batch("value 99"), 0, AppendOrigin::client, now).code(),
              ErrorCode::kafka_storage_error);
    EXPECT_TRUE(directory_->is_online());
    EXPECT_EQ(log_->log_end_offset(), 20);
    EXPECT_EQ(read_all(*log_), before);
  }
  disk.space_left = 0;
  set_config([](LogConfig& config) { config.retention_ms = 100; });
  (void)log_->delete_old_segments(1107);
  EXPECT_TRUE(directory_->is_online());
  disk.space_left.reset();
  EXPECT_EQ(append("room again").first_offset, 20);
  drop_log();
  open();
  EXPECT_EQ(log_->log_end_offset(), 21);
  drop_log();
}

TEST_F(LogUpkeepTest, AFullDiskWhileRollingLeavesTheLogUsable) {
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  open_with_segments();
  disk.fault = [](std::string_view operation, const std::string& path) {
    return operation == "open" && path.ends_with("20.index") ? ENOSPC : 0;
  };
  EXPECT_EQ(log_->append_as_leader(make_batch("x"), 0, AppendOrigin::client, now).code(),
            ErrorCode::kafka_storage_error);
  EXPECT_EQ(log_->segment_count(), 10u);
  disk.fault = nullptr;
  EXPECT_EQ(append("x").first_offset, 20);
  EXPECT_EQ(read_all(reopen_after_crash()).size(), 21u);
  drop_log();
}

TEST_F(LogUpkeepTest, AReadErrorTakesTheDirectoryOffline) {
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  open_with_segments();
  disk.fault = [](std::string_view operation, const std::string&) { return operation == "read" ? EIO : 0; };
  EXPECT_EQ(log_->read({.start_offset = 0, .max_bytes = 10}).code(), ErrorCode::kafka_storage_error);
  EXPECT_FALSE(directory_->is_online());
  drop_log();
}

TEST_F(LogUpkeepTest, RunningOutOfDescriptorsIsNotTheDisksFault) {
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  open_with_segments();
  reopen_after_crash();
  for (const auto& segment : log_->segments()) segment->close_files();
  disk.fault = [](std::string_view operation, const std::string&) { return operation == "open" ? EMFILE : 0; };
  EXPECT_EQ(log_->append_as_leader(make_batch("x"), 0, AppendOrigin::client, now).code(),
            ErrorCode::kafka_storage_error);
  EXPECT_TRUE(directory_->is_online());
  disk.fault = nullptr;
  append("x");
  drop_log();
}

// Page cache

TEST_F(LogUpkeepTest, WhatWasJustWrittenIsCached) {
  open_with_segments();
  const auto slice = log_->read({.start_offset = 0, .max_bytes = 1000, .cached_only = true});
  ASSERT_TRUE(slice);
  EXPECT_FALSE(slice->needs_disk);
  EXPECT_TRUE(is_cached(slice->records));
  warm(slice->records);
  EXPECT_TRUE(is_cached(slice->records));
}

TEST_F(LogUpkeepTest, AnIdleSegmentNeedsTheDiskFirst) {
  open_with_segments();
  close_and_reopen();
  log_->update_high_watermark(20);
  const ReadOptions options{.start_offset = 3, .max_bytes = 1000, .cached_only = true};
  EXPECT_TRUE(log_->read(options)->needs_disk);
  ReadOptions waiting = options;
  waiting.cached_only = false;
  EXPECT_FALSE(log_->read(waiting)->records.empty());
  EXPECT_FALSE(log_->read(options)->needs_disk);
}

}  // namespace
}  // namespace storage
