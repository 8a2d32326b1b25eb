// Moving a log to another directory: the copy, the moment in which it becomes the log, and what crashes and faults in
// between leave.
#include <gmock/gmock.h>

#include <filesystem>

#include "storage/fault_injection.h"
#include "storage/log_copy.h"
#include "storage/log_manager.h"
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
using testing::read_file;
using ::testing::SizeIs;

const TopicPartition orders_0{"orders", 0};

struct Killed {};

class LogManagerMovesTest : public ::testing::Test {
 protected:
  ~LogManagerMovesTest() override { crash(); }

  void start() {
    manager_.reset();
    ++now;
    manager_ = std::make_unique<LogManager>(
        LogManagerOptions{.log_dirs = {a_, b_}, .default_config = config_, .file_system = &disk_});
    ASSERT_TRUE(manager_->lock_directories());
    ASSERT_TRUE(manager_->set_identity("cluster", 1, now));
    const auto loaded = manager_->load(now);
    ASSERT_TRUE(loaded) << loaded.error().text();
  }
  void crash() {
    disk_.fault = nullptr;
    manager_.reset();
  }
  void stop() {
    manager_->shutdown(now);
    manager_.reset();
  }
  std::shared_ptr<Log> log() {
    const auto found = manager_->log(orders_0, now);
    EXPECT_TRUE(found) << found.error().text();
    return *found;
  }
  std::shared_ptr<Log> future() {
    const auto found = manager_->future(orders_0, now);
    EXPECT_TRUE(found) << found.error().text();
    return *found;
  }
  // In directory a, with this many records of one batch each.
  void create(int records) {
    manager_->prefer_directory(orders_0, a_);
    ASSERT_TRUE(manager_->get_or_create(orders_0, Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ"), now));
    append(records);
  }
  void append(int records, LeaderEpoch epoch = 0) {
    for (int i = 0; i < records; ++i) {
      ASSERT_TRUE(log()->append_as_leader(make_batch("value", now), epoch, AppendOrigin::client, now));
    }
    log()->update_high_watermark(log()->log_end_offset());
  }
  void begin(const std::string& to) {
    const auto made = manager_->create_future(orders_0, to, now);
    ASSERT_TRUE(made) << made.error().text();
  }
  CopiedPiece copy(std::int32_t max_bytes = 100) {
    const auto piece = copy_piece(*log(), *future(), max_bytes, now);
    EXPECT_TRUE(piece) << piece.error().text();
    return piece.value_or(CopiedPiece{});
  }
  void copy_all() {
    for (int pieces = 0; pieces < 1000; ++pieces) {
      if (copy().caught_up) return;
    }
    FAIL() << "the copy never catches up";
  }
  void begin_and_copy(const std::string& to) {
    begin(to);
    copy_all();
  }
  // As the broker does it, in three steps.
  void replace() {
    const auto former = log();
    ASSERT_TRUE(manager_->prepare_replacement(orders_0, now));
    const auto replaced = manager_->replace_with_future(orders_0, now);
    ASSERT_TRUE(replaced) << replaced.error().text();
    ASSERT_TRUE(*replaced);
    manager_->finish_replacement(*former);
  }
  void move(const std::string& to) {
    begin_and_copy(to);
    replace();
  }
  // The names of the partition's directories.
  std::vector<std::string> in(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      if (entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    return names;
  }
  std::string mark(const std::string& directory) const { return directory + "/orders-0/replaces-another-log"; }

  TimestampMs now = 1'700'000'000'000;  // moves on with every start
  LogConfig config_;
  testing::TemporaryDirectory root_;
  const std::string a_ = root_.path() + "/a", b_ = root_.path() + "/b";
  testing::FaultyFileSystem disk_;
  std::unique_ptr<LogManager> manager_;
};

// ---- The move

TEST_F(LogManagerMovesTest, TheCopyTakesTheLogsPlace) {
  start();
  create(20);
  const auto records = read_all(*log());
  begin(b_);
  EXPECT_THAT(in(b_), ElementsAre(::testing::MatchesRegex("orders-0\\.[0-9a-f]{32}-future")));
  copy();
  EXPECT_GT(future()->log_end_offset(), 0);
  EXPECT_LT(future()->log_end_offset(), 20);
  copy_all();
  replace();

  EXPECT_EQ(log()->directory().path(), b_);
  EXPECT_EQ(read_all(*log()), records);
  EXPECT_EQ(log()->high_watermark(), 20);
  EXPECT_EQ(log()->topic_id(), Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ"));
  EXPECT_FALSE(manager_->has_future(orders_0));
  EXPECT_THAT(in(b_), ElementsAre("orders-0"));
  EXPECT_THAT(in(a_), ElementsAre(::testing::MatchesRegex("orders-0\\.[0-9a-f]{32}-delete")));
  EXPECT_FALSE(std::filesystem::exists(mark(b_)));
  manager_->delete_pass(now + config_.file_delete_delay_ms);
  EXPECT_THAT(in(a_), IsEmpty());
  append(1);
  stop();
  start();
  EXPECT_EQ(read_all(*log()).size(), 21u);
  EXPECT_EQ(log()->directory().path(), b_);
}

TEST_F(LogManagerMovesTest, BackAndForthOverAndOver) {
  start();
  create(3);
  for (int round = 1; round <= 6; ++round) {
    move(round % 2 == 1 ? b_ : a_);
    append(1);
    if (round % 3 == 0) crash(), start();
    ASSERT_EQ(read_all(*log()).size(), static_cast<std::size_t>(3 + round));
    ASSERT_EQ(log()->directory().path(), round % 2 == 1 ? b_ : a_);
  }
}

TEST_F(LogManagerMovesTest, ALogWithoutRecordsMoves) {
  start();
  create(0);
  move(b_);
  append(2);
  crash();
  start();
  EXPECT_EQ(log()->directory().path(), b_);
  EXPECT_EQ(read_all(*log()).size(), 2u);
}

TEST_F(LogManagerMovesTest, WhoReadsTheFormerLogMayGoOn) {
  start();
  create(10);
  const auto former = log();
  move(b_);
  EXPECT_EQ(read_all(*former).size(), 10u);
  EXPECT_TRUE(former->flush(now));
  EXPECT_EQ(former->append_as_leader(make_batch("value", now), 0, AppendOrigin::client, now).code(),
            ErrorCode::kafka_storage_error);
}

TEST_F(LogManagerMovesTest, NothingIsReplacedWhileTheCopyLacksSomething) {
  start();
  create(5);
  begin_and_copy(b_);
  append(1);
  ASSERT_TRUE(manager_->prepare_replacement(orders_0, now));
  const auto replaced = manager_->replace_with_future(orders_0, now);
  ASSERT_TRUE(replaced);
  EXPECT_FALSE(*replaced);
  EXPECT_EQ(log()->directory().path(), a_);
}

// ---- What is taken over

TEST_F(LogManagerMovesTest, OffsetsEpochsAndProducersAreTakenOver) {
  config_.segment_bytes = 300;
  start();
  create(0);
  ASSERT_TRUE(
      log()->append_as_leader(make_batch("value", now, {.producer_id = 7, .producer_epoch = 1, .base_sequence = 0}), 2,
                              AppendOrigin::client, now));
  append(20, 3);
  ASSERT_TRUE(log()->increment_log_start_offset(15));
  ASSERT_TRUE(log()->delete_old_segments(now));
  ASSERT_TRUE(log()->assign_epoch_start_offset(5, 21));  // in which nothing was written yet
  move(b_);
  EXPECT_EQ(log()->log_start_offset(), 15);
  EXPECT_EQ(log()->log_end_offset(), 21);
  EXPECT_EQ(log()->latest_epoch(), 5);
  EXPECT_EQ(log()->end_offset_for_epoch(3), (OffsetAndEpoch{21, 3}));
  ASSERT_THAT(log()->active_producers(), SizeIs(1));
  EXPECT_EQ(log()->active_producers()[0].producer_id, 7);
  // Its first batch, which isn't in the log any more, is known again.
  const auto again =
      log()->append_as_leader(make_batch("value", now, {.producer_id = 7, .producer_epoch = 1, .base_sequence = 0}), 5,
                              AppendOrigin::client, now);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->duplicate);
  stop();
  start();
  EXPECT_EQ(log()->log_start_offset(), 15);
  EXPECT_THAT(log()->active_producers(), SizeIs(1));
}

TEST_F(LogManagerMovesTest, ALogStartWithinABatchStaysThere) {
  start();
  create(0);
  ASSERT_TRUE(log()->append_as_leader(make_batch(std::vector<testing::TestRecord>(10)), 0, AppendOrigin::client, now));
  append(2);
  ASSERT_TRUE(log()->increment_log_start_offset(4));
  move(b_);
  EXPECT_EQ(log()->log_start_offset(), 4);
  EXPECT_EQ(log()->log_end_offset(), 12);
  crash();  // the checkpoint knows
  start();
  EXPECT_EQ(log()->log_start_offset(), 4);
}

TEST_F(LogManagerMovesTest, DeletedRecordsAreGivenUpByTheCopy) {
  config_.segment_bytes = 300;
  start();
  create(30);
  begin(b_);
  copy(300);
  ASSERT_TRUE(log()->increment_log_start_offset(20));  // beyond what was copied
  ASSERT_TRUE(log()->delete_old_segments(now));
  EXPECT_TRUE(copy().log_start_moved);
  copy_all();
  ASSERT_TRUE(log()->increment_log_start_offset(25));  // of what was copied
  EXPECT_TRUE(copy().log_start_moved);
  EXPECT_EQ(future()->log_start_offset(), 25);
  replace();
  EXPECT_EQ(log()->log_start_offset(), 25);
  EXPECT_EQ(read_all(*log(), 25).size(), 5u);
}

TEST_F(LogManagerMovesTest, ATruncationIsFollowed) {
  start();
  create(10);
  begin_and_copy(b_);
  ASSERT_TRUE(manager_->truncate_to(orders_0, 6, now));
  append(6, 4);  // as long as before, but otherwise
  const auto records = read_all(*log());
  copy_all();
  replace();
  EXPECT_EQ(read_all(*log()), records);
  EXPECT_EQ(log()->end_offset_for_epoch(0), (OffsetAndEpoch{6, 0}));
}

TEST_F(LogManagerMovesTest, RetentionGoesOnInBothLogs) {
  config_.segment_bytes = 300;
  config_.retention_ms = 1000;
  start();
  create(20);
  begin_and_copy(b_);
  now += 10'000;
  manager_->retention_pass(now);
  EXPECT_EQ(log()->log_start_offset(), 20);
  EXPECT_EQ(future()->log_start_offset(), 20);
  copy_all();
  replace();
  append(1);
  EXPECT_EQ(log()->log_start_offset(), 20);
  EXPECT_EQ(log()->log_end_offset(), 21);
}

TEST_F(LogManagerMovesTest, OffsetsWithoutBatchesStayEmpty) {
  constexpr Offset far = 3'000'000'000;  // further than one segment reaches
  start();
  create(3);
  ASSERT_TRUE(log()->append_as_follower(make_batch("value", now, {.base_offset = 50}), now));
  ASSERT_TRUE(log()->append_as_follower(make_batch("value", now, {.base_offset = far}), now));
  ASSERT_TRUE(log()->skip_to(far + 10, now));
  log()->update_high_watermark(far + 10);
  const auto records = read_all(*log());
  ASSERT_EQ(records.size(), 5u);
  move(b_);
  EXPECT_EQ(log()->log_end_offset(), far + 10);
  EXPECT_EQ(read_all(*log()), records);
  append(1);
  crash();
  start();
  EXPECT_EQ(log()->log_end_offset(), far + 11);
  EXPECT_EQ(read_all(*log()).size(), 6u);
}

TEST_F(LogManagerMovesTest, ALogWhoseRecordsAreAllGoneKeepsItsOffsets) {
  start();
  create(0);
  ASSERT_TRUE(log()->skip_to(20, now));
  log()->update_high_watermark(20);
  move(b_);
  EXPECT_EQ(log()->log_end_offset(), 20);
  append(1);
  stop();
  start();
  EXPECT_EQ(read_all(*log(), 20).size(), 1u);
  EXPECT_EQ(log()->log_end_offset(), 21);
}

TEST_F(LogManagerMovesTest, HowFarALogIsCleanGoesWithItAndDoesNotRiseMeanwhile) {
  start();
  create(10);
  manager_->set_clean_offset(*log(), 4);
  begin(b_);
  manager_->set_clean_offset(*log(), 8);
  EXPECT_EQ(manager_->clean_offset(a_, orders_0), 4);
  copy_all();
  replace();
  EXPECT_EQ(manager_->clean_offset(b_, orders_0), 4);
  EXPECT_EQ(manager_->clean_offset(a_, orders_0), std::nullopt);
  EXPECT_THAT(read_file(b_ + "/cleaner-offset-checkpoint"), HasSubstr("orders 0 4"));
}

TEST_F(LogManagerMovesTest, TheCheckpointsOfEachDirectoryKnowItsOwnLog) {
  start();
  create(10);
  begin(b_);
  copy();
  const Offset copied = future()->log_end_offset();
  ASSERT_TRUE(future()->flush(now));
  ASSERT_TRUE(log()->flush(now));
  manager_->checkpoint_recovery_points(now);
  EXPECT_THAT(read_file(a_ + "/recovery-point-offset-checkpoint"), HasSubstr("orders 0 10"));
  EXPECT_THAT(read_file(b_ + "/recovery-point-offset-checkpoint"), HasSubstr("orders 0 " + std::to_string(copied)));
  copy_all();
  replace();
  manager_->checkpoint_recovery_points(now);
  EXPECT_THAT(read_file(a_ + "/recovery-point-offset-checkpoint"), Not(HasSubstr("orders")));
  EXPECT_THAT(read_file(b_ + "/recovery-point-offset-checkpoint"), HasSubstr("orders 0 10"));
}

// ---- Giving up

TEST_F(LogManagerMovesTest, AGivenUpMoveLeavesTheLogAsItWas) {
  start();
  create(10);
  begin(b_);
  copy();
  const auto copy_of_log = future();
  ASSERT_TRUE(manager_->delete_future(orders_0, now));
  EXPECT_FALSE(manager_->has_future(orders_0));
  EXPECT_EQ(copy_piece(*log(), *copy_of_log, 100, now).error().code, ErrorCode::kafka_storage_error);
  EXPECT_THAT(in(b_), ElementsAre(::testing::EndsWith("-delete")));
  manager_->delete_pass(now + config_.file_delete_delay_ms);
  EXPECT_THAT(in(b_), IsEmpty());
  EXPECT_EQ(read_all(*log()).size(), 10u);
  move(b_);
  EXPECT_EQ(read_all(*log()).size(), 10u);
}

TEST_F(LogManagerMovesTest, ADeletedPartitionTakesItsFutureLogAlong) {
  start();
  create(10);
  begin(b_);
  copy();
  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  EXPECT_THAT(in(a_), ElementsAre(::testing::EndsWith("-delete")));
  EXPECT_THAT(in(b_), ElementsAre(::testing::EndsWith("-delete")));
  create(2);
  EXPECT_EQ(read_all(*log()).size(), 2u);
  EXPECT_FALSE(manager_->has_future(orders_0));
}

TEST_F(LogManagerMovesTest, NoMoveBeginsThatCannotEnd) {
  start();
  create(1);
  EXPECT_EQ(manager_->check_directory(root_.path() + "/c").code(), ErrorCode::log_dir_not_found);
  EXPECT_EQ(manager_->check_directory("b").code(), ErrorCode::log_dir_not_found);
  const TopicPartition long_name{std::string(214, 't'), 0};
  ASSERT_TRUE(manager_->get_or_create(long_name, std::nullopt, now));
  EXPECT_EQ(manager_->create_future(long_name, b_, now).code(), ErrorCode::invalid_topic_exception);
  manager_->fail_directory(b_, "test");
  EXPECT_EQ(manager_->create_future(orders_0, b_, now).code(), ErrorCode::kafka_storage_error);
}

TEST_F(LogManagerMovesTest, ALogIsMadeWhereItWasWanted) {
  start();
  std::int32_t index = 0;
  for (const std::string& wanted : {b_, a_, b_, b_}) {
    const TopicPartition partition{"wanted", index++};
    manager_->prefer_directory(partition, wanted);
    const auto made = manager_->get_or_create(partition, std::nullopt, now);
    ASSERT_TRUE(made);
    EXPECT_EQ((*made)->directory().path(), wanted);
  }
}

// ---- Starts

TEST_F(LogManagerMovesTest, TheNextStartFindsTheFutureLogAgain) {
  for (const bool cleanly : {true, false}) {
    SCOPED_TRACE(cleanly);
    start();
    if (manager_->contains(orders_0)) ASSERT_TRUE(manager_->async_delete(orders_0, now));
    create(20);
    begin(b_);
    copy();
    const Offset copied = future()->log_end_offset();
    cleanly ? stop() : crash();
    start();
    ASSERT_TRUE(manager_->has_future(orders_0));
    EXPECT_EQ(log()->directory().path(), a_);
    EXPECT_EQ(future()->log_end_offset(), copied);
    copy_all();
    replace();
    EXPECT_EQ(read_all(*log()).size(), 20u);
    EXPECT_EQ(log()->directory().path(), b_);
  }
}

// Wherever the process is killed, or a file operation fails for good, all records are there afterwards, once.
TEST_F(LogManagerMovesTest, AKillAtAnyFileOperationLosesNothing) {
  bool killed = true;
  int operations = 0;
  for (int last = 0; killed && last < 500; ++last) {
    SCOPED_TRACE(last);
    start();
    if (manager_->contains(orders_0)) ASSERT_TRUE(manager_->async_delete(orders_0, now));
    create(8);
    ASSERT_TRUE(log()->increment_log_start_offset(3));
    manager_->checkpoint_log_start_offsets(now);
    operations = 0;
    disk_.fault = [&](std::string_view operation, const std::string&) {
      if (operation == "read") return 0;
      if (operations++ == last) throw Killed{};
      return 0;
    };
    killed = false;
    try {
      begin(b_);
      copy_all();
      const auto former = log();
      ASSERT_TRUE(manager_->prepare_replacement(orders_0, now));
      ASSERT_TRUE(manager_->replace_with_future(orders_0, now));
      append(1);
      manager_->finish_replacement(*former);
    } catch (const Killed&) {
      killed = true;
    }
    crash();
    start();
    const Offset end = log()->log_end_offset();
    ASSERT_TRUE(end == 8 || end == 9) << end;
    ASSERT_EQ(log()->log_start_offset(), 3);
    ASSERT_EQ(read_all(*log(), 3).size(), static_cast<std::size_t>(end - 3));
    if (!killed) ASSERT_EQ(end, 9);
    if (manager_->has_future(orders_0)) {
      copy_all();
      replace();
      ASSERT_EQ(read_all(*log(), 3).size(), static_cast<std::size_t>(end - 3));
    }
  }
  EXPECT_FALSE(killed);
  EXPECT_GT(operations, 20);
}

TEST_F(LogManagerMovesTest, OfTwoLogsTheOneThatReplacedTheOtherCounts) {
  start();
  create(5);
  stop();
  std::filesystem::copy(a_ + "/orders-0", b_ + "/orders-0");
  {
    LogManager confused(LogManagerOptions{.log_dirs = {a_, b_}});
    ASSERT_TRUE(confused.lock_directories());
    EXPECT_THAT(confused.load(now).error().message, HasSubstr("two logs of orders-0"));
  }
  testing::write_file(mark(b_), "17\n");
  start();
  EXPECT_EQ(log()->directory().path(), b_);
  EXPECT_EQ(read_all(*log()).size(), 5u);
  EXPECT_THAT(in(a_), ElementsAre(::testing::EndsWith("-stray")));
}

TEST_F(LogManagerMovesTest, ACrashInTheLastMomentLeavesNoMarkBehind) {
  start();
  create(5);
  begin_and_copy(b_);
  ASSERT_TRUE(manager_->prepare_replacement(orders_0, now));
  ASSERT_TRUE(manager_->replace_with_future(orders_0, now));
  ASSERT_TRUE(std::filesystem::exists(mark(b_)));
  crash();
  start();
  EXPECT_FALSE(std::filesystem::exists(mark(b_)));
  EXPECT_EQ(log()->directory().path(), b_);
  EXPECT_EQ(read_all(*log()).size(), 5u);
}

// Deleting a partition, or giving its move up, at the worst moment is no fault of the disk.
TEST_F(LogManagerMovesTest, AMoveGivenUpBeforeItsEndTakesNoDirectoryOffline) {
  start();
  create(5);
  begin_and_copy(b_);
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    if (operation == "write" && path.ends_with("checkpoint.tmp") && manager_->has_future(orders_0)) {
      disk_.fault = nullptr;
      EXPECT_TRUE(manager_->delete_future(orders_0, now));
    }
    return 0;
  };
  EXPECT_FALSE(manager_->prepare_replacement(orders_0, now));
  EXPECT_EQ(manager_->online_directories().size(), 2u);
  EXPECT_FALSE(manager_->has_future(orders_0));
}

// ---- Faults

TEST_F(LogManagerMovesTest, AFailedTargetLeavesTheLogAsItWas) {
  start();
  create(10);
  begin_and_copy(b_);
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    return operation == "sync" && path.starts_with(b_) ? EIO : 0;
  };
  EXPECT_EQ(manager_->prepare_replacement(orders_0, now).code(), ErrorCode::kafka_storage_error);
  disk_.fault = nullptr;
  EXPECT_EQ(manager_->online_directories(), std::vector<std::string>{a_});
  manager_->forget_future(orders_0);
  append(1);
  EXPECT_EQ(read_all(*log()).size(), 11u);
  crash();
  start();  // the disk is back, with a future log that lacks something
  EXPECT_EQ(read_all(*log()).size(), 11u);
  copy_all();
  replace();
  EXPECT_EQ(read_all(*log()).size(), 11u);
}

// The new name may have reached the disk or not; what was written since must count at the next start.
TEST_F(LogManagerMovesTest, ATargetThatFailsInTheLastMomentIsNotTakenForTheLog) {
  start();
  create(10);
  begin_and_copy(b_);
  ASSERT_TRUE(manager_->prepare_replacement(orders_0, now));
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    return operation == "sync directory" && path == b_ ? EIO : 0;
  };
  EXPECT_EQ(manager_->replace_with_future(orders_0, now).code(), ErrorCode::kafka_storage_error);
  disk_.fault = nullptr;
  manager_->forget_future(orders_0);
  append(1);
  EXPECT_EQ(log()->directory().path(), a_);
  crash();
  start();
  EXPECT_EQ(log()->directory().path(), a_);
  EXPECT_EQ(read_all(*log()).size(), 11u);
  EXPECT_THAT(in(b_), ElementsAre(::testing::EndsWith("-stray")));
}

TEST_F(LogManagerMovesTest, AFormerLogThatCannotBeRenamedIsPutAsideLater) {
  start();
  create(10);
  begin_and_copy(b_);
  const auto former = log();
  ASSERT_TRUE(manager_->prepare_replacement(orders_0, now));
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    return operation == "rename" && path.starts_with(a_) ? EIO : 0;
  };
  ASSERT_TRUE(manager_->replace_with_future(orders_0, now));
  manager_->finish_replacement(*former);
  disk_.fault = nullptr;
  append(1);
  EXPECT_EQ(log()->directory().path(), b_);
  crash();
  start();  // directory a is back
  EXPECT_EQ(log()->directory().path(), b_);
  EXPECT_EQ(read_all(*log()).size(), 11u);
  EXPECT_THAT(in(a_), ElementsAre(::testing::EndsWith("-stray")));
}

// A name for its deletion may need room in the directory. Until it has one, nothing moves back there.
TEST_F(LogManagerMovesTest, AFormerLogOnAFullDiskGoesOnceThereIsRoom) {
  start();
  create(10);
  begin_and_copy(b_);
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    return operation == "rename" && path.starts_with(a_) ? ENOSPC : 0;
  };
  replace();
  EXPECT_EQ(log()->directory().path(), b_);
  EXPECT_THAT(in(a_), ElementsAre("orders-0"));
  EXPECT_TRUE(std::filesystem::exists(mark(b_)));
  EXPECT_EQ(manager_->create_future(orders_0, a_, now).code(), ErrorCode::kafka_storage_error);
  manager_->delete_pass(now += 10'000);
  EXPECT_THAT(in(a_), ElementsAre("orders-0"));
  EXPECT_EQ(manager_->online_directories().size(), 2u);

  disk_.fault = nullptr;
  manager_->delete_pass(now += 10'000);
  EXPECT_THAT(in(a_), ElementsAre(::testing::EndsWith("-delete")));
  EXPECT_FALSE(std::filesystem::exists(mark(b_)));
  move(a_);
  EXPECT_EQ(read_all(*log()).size(), 10u);
}

TEST_F(LogManagerMovesTest, ALogThatCountsByItsMarkHandsItOn) {
  start();
  create(10);
  move(b_);
  testing::write_file(mark(b_), std::to_string(now + 5'000) + "\n");  // the former log may come back with its disk
  move(a_);
  EXPECT_GT(std::stoll(read_file(mark(a_))), now + 5'000);
  EXPECT_EQ(read_all(*log()).size(), 10u);
}

TEST_F(LogManagerMovesTest, ADeletedPartitionTakesItsFormerLogAlong) {
  start();
  create(10);
  begin_and_copy(b_);
  disk_.fault = [&](std::string_view operation, const std::string& path) {
    return operation == "rename" && path.starts_with(a_) ? ENOSPC : 0;
  };
  replace();
  disk_.fault = nullptr;
  ASSERT_TRUE(manager_->async_delete(orders_0, now));
  EXPECT_THAT(in(a_), ElementsAre(::testing::EndsWith("-delete")));
  EXPECT_THAT(in(b_), ElementsAre(::testing::EndsWith("-delete")));
}

TEST_F(LogManagerMovesTest, AMoveThatCannotBeginLeavesNothing) {
  start();
  create(10);
  disk_.space_left = 0;
  EXPECT_EQ(manager_->create_future(orders_0, b_, now).code(), ErrorCode::kafka_storage_error);
  disk_.space_left.reset();
  EXPECT_THAT(in(b_), IsEmpty());
  begin(b_);
  EXPECT_EQ(manager_->create_future(orders_0, b_, now).code(), ErrorCode::kafka_storage_error);  // it moves already
  EXPECT_THAT(in(b_), SizeIs(1));
}

TEST_F(LogManagerMovesTest, AFullDiskKeepsTheCopyWaiting) {
  start();
  create(10);
  begin(b_);
  disk_.space_left = 100;
  EXPECT_EQ(copy_piece(*log(), *future(), 1'000, now).error().code, ErrorCode::kafka_storage_error);
  disk_.space_left.reset();
  EXPECT_EQ(manager_->online_directories().size(), 2u);
  copy_all();
  replace();
  EXPECT_EQ(read_all(*log()).size(), 10u);
}

}  // namespace
}  // namespace storage
