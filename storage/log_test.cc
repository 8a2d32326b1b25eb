#include "storage/log.h"

#include <gmock/gmock.h>

#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using protocol::ErrorCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::make_batch;
using testing::read_all;
using testing::ReadRecord;
using testing::TestRecord;

class LogTest : public testing::LogFixture {};

TEST_F(LogTest, StartsEmpty) {
  const Log& log = open();
  EXPECT_EQ(log.log_start_offset(), 0);
  EXPECT_EQ(log.log_end_offset(), 0);
  EXPECT_EQ(log.high_watermark(), 0);
  EXPECT_EQ(log.size(), 0);
}

TEST_F(LogTest, ItsFilesComeWithTheFirstBatch) {
  open();
  EXPECT_EQ(log_->truncate_to(0, now).value(), false);
  ASSERT_TRUE(log_->assign_epoch_start_offset(3, 0));
  ASSERT_TRUE(log_->flush(now));
  EXPECT_EQ(log_->find_offset_by_timestamp(-3).value(), std::nullopt);
  EXPECT_TRUE(log_->read({.start_offset = 0, .max_bytes = 100, .isolation = FetchIsolation::log_end}));
  EXPECT_EQ(log_->delete_old_segments(now + 1'000'000'000'000).value(), 0);
  EXPECT_THAT(file_names(), IsEmpty());
  EXPECT_EQ(log_->latest_epoch(), 3);
  append(make_batch("first"), 3);
  EXPECT_THAT(file_names(), ElementsAre("00000000000000000000.index", "00000000000000000000.log",
                                        "00000000000000000000.timeindex", "leader-epoch-checkpoint"));
  EXPECT_EQ(testing::read_file(path() + "/leader-epoch-checkpoint"), "0\n1\n3 0\n");
}

TEST_F(LogTest, ALogThatNeverHeldARecordIsOpenedAgainAsItWas) {
  open();
  ASSERT_TRUE(log_->assign_epoch_start_offset(3, 0));
  close_and_reopen();
  EXPECT_EQ(log_->log_end_offset(), 0);
  EXPECT_THAT(file_names(), IsEmpty());
  reopen_after_crash();
  EXPECT_EQ(append("first").first_offset, 0);
}

TEST_F(LogTest, AnEmptyLogCanBeStartedAnewAtAnotherOffset) {
  open();
  ASSERT_TRUE(log_->truncate_fully_and_start_at(50, now));
  EXPECT_EQ(append("first").first_offset, 50);
  EXPECT_EQ(read_all(reopen_after_crash(), 50).size(), 1u);
}

TEST_F(LogTest, AssignsConsecutiveOffsets) {
  open();
  EXPECT_EQ(append("a").first_offset, 0);
  const AppendInfo two = append(make_batch({TestRecord{.value = "b"}, TestRecord{.value = "c"}}));
  EXPECT_EQ(two.first_offset, 1);
  EXPECT_EQ(two.last_offset, 2);
  EXPECT_EQ(log_->log_end_offset(), 3);
  EXPECT_THAT(read_all(*log_),
              ElementsAre(ReadRecord{0, 1000, "a"}, ReadRecord{1, 1000, "b"}, ReadRecord{2, 1000, "c"}));
}

TEST_F(LogTest, ReadsFromWithinABatchReturnTheWholeBatch) {
  open();
  append(make_batch({TestRecord{.value = "a"}, TestRecord{.value = "b"}}));
  const auto slice = log_->read({.start_offset = 1, .max_bytes = 1000, .isolation = FetchIsolation::log_end});
  ASSERT_TRUE(slice);
  EXPECT_EQ(testing::records_in(testing::bytes_of(slice->records)).size(), 2u);
}

TEST_F(LogTest, ConsumersSeeUpToTheHighWatermark) {
  open();
  append("a");
  append("b");
  const ReadOptions options{.start_offset = 0, .max_bytes = 1000, .isolation = FetchIsolation::high_watermark};
  EXPECT_TRUE(log_->read(options)->records.empty());
  log_->update_high_watermark(1);
  EXPECT_EQ(testing::records_in(testing::bytes_of(log_->read(options)->records)).size(), 1u);
  log_->update_high_watermark(2);
  EXPECT_EQ(testing::records_in(testing::bytes_of(log_->read(options)->records)).size(), 2u);
}

TEST_F(LogTest, MaxBytesCutsTheSliceButTheFirstBatchComesWholeIfAskedFor) {
  open();
  const auto size = static_cast<std::int32_t>(make_batch("a").size());
  append("a");
  append("b");
  const ReadOptions options{.start_offset = 0, .max_bytes = size - 1, .isolation = FetchIsolation::log_end};
  EXPECT_EQ(log_->read(options)->records.size(), static_cast<std::size_t>(size));
  ReadOptions strict = options;
  strict.min_one_message = false;
  const auto cut = log_->read(strict);
  EXPECT_EQ(cut->records.size(), static_cast<std::size_t>(size - 1));
  EXPECT_TRUE(cut->first_entry_incomplete);
}

TEST_F(LogTest, ReadsOutsideTheLogAreOutOfRange) {
  open();
  append("a");
  EXPECT_EQ(log_->read({.start_offset = 2, .max_bytes = 10}).code(), ErrorCode::offset_out_of_range);
  EXPECT_EQ(log_->read({.start_offset = -1, .max_bytes = 10}).code(), ErrorCode::offset_out_of_range);
  EXPECT_TRUE(log_->read({.start_offset = 1, .max_bytes = 10, .isolation = FetchIsolation::log_end})->records.empty());
}

TEST_F(LogTest, RollsWhenTheSegmentIsFullAndReadsGoAcross) {
  config_.segment_bytes = 200;
  open();
  for (int i = 0; i < 10; ++i) append("value " + std::to_string(i));
  EXPECT_GT(log_->segment_count(), 3u);
  EXPECT_EQ(read_all(*log_).size(), 10u);
}

TEST_F(LogTest, RollsByTheTimeOfTheRecords) {
  config_.segment_ms = 500;
  open();
  append("a", 1000);
  append("b", 1500);
  EXPECT_EQ(log_->segment_count(), 1u);
  append("c", 1501);
  EXPECT_EQ(log_->segment_count(), 2u);
}

TEST_F(LogTest, RefusesABatchLargerThanASegment) {
  config_.segment_bytes = 100;
  open();
  const auto refused = log_->append_as_leader(make_batch(std::string(200, 'x')), 0, AppendOrigin::client, now);
  EXPECT_EQ(refused.code(), ErrorCode::record_list_too_large);
  EXPECT_EQ(log_->log_end_offset(), 0);
}

TEST_F(LogTest, SurvivesAReopenAfterACrashAndAfterACleanClose) {
  config_.segment_bytes = 300;
  open();
  for (int i = 0; i < 20; ++i) append("value " + std::to_string(i), 1000 + i);
  const auto before = read_all(*log_);
  EXPECT_EQ(read_all(reopen_after_crash()), before);
  EXPECT_EQ(read_all(close_and_reopen()), before);
  EXPECT_EQ(append("more").first_offset, 20);
}

TEST_F(LogTest, FollowersKeepTheLeadersOffsets) {
  open();
  auto batch = make_batch("a", 1000, {.base_offset = 7, .partition_leader_epoch = 3});
  const auto info = log_->append_as_follower(batch, now);
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(log_->log_end_offset(), 8);
  EXPECT_EQ(log_->latest_epoch(), 3);
  EXPECT_EQ(log_->append_as_follower(batch, now).code(), ErrorCode::offset_out_of_range);
}

}  // namespace
}  // namespace storage
