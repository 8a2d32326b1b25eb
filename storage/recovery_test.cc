// What opening a log makes of files that a crash, a bit flip or a careless hand left behind.
#include <gmock/gmock.h>

#include <filesystem>

#include "storage/fault_injection.h"
#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::make_batch;
using ::testing::Not;
using testing::read_all;
using testing::read_file;
using testing::ReadRecord;
using testing::TestRecord;
using testing::write_file;

class RecoveryTest : public testing::LogFixture {
 protected:
  // A log of several segments, with indexes that have entries; everything at its place on disk.
  std::vector<ReadRecord> write_log(int batches = 60) {
    config_.segment_bytes = 1500;
    config_.index_interval_bytes = 100;
    open();
    for (int i = 0; i < batches; ++i) {
      append(make_batch({TestRecord{.timestamp = 1000 + i, .value = "first of " + std::to_string(i)},
                         TestRecord{.timestamp = 1000 + i, .value = "second of " + std::to_string(i)}}),
             i / 20);
    }
    const auto all = read_all(*log_);
    EXPECT_TRUE(log_->close(now));
    return all;
  }

  // Whole batches of two records, up to this many bytes of the file.
  static std::size_t whole_records(const std::string& content, std::size_t size) {
    return testing::records_in(protocol::as_bytes(std::string_view(content).substr(0, size))).size();
  }
};

TEST_F(RecoveryTest, CuttingTheLastSegmentAtEveryByteLeavesTheLongestValidPrefix) {
  config_.index_interval_bytes = 100;
  open();
  for (int i = 0; i < 12; ++i) append("value " + std::to_string(i), 1000 + i);
  const auto all = read_all(*log_);
  ASSERT_TRUE(log_->close(now));
  log_.reset();
  const std::string path = file(0, ".log"), content = read_file(path);
  for (std::size_t size = 0; size <= content.size(); ++size) {
    std::filesystem::remove_all(this->path());
    std::filesystem::create_directory(this->path());
    write_file(path, content.substr(0, size));
    const auto found = read_all(open());
    const std::size_t expected = whole_records(content, size);
    ASSERT_EQ(found.size(), expected) << "cut at " << size;
    ASSERT_TRUE(std::equal(found.begin(), found.end(), all.begin())) << "cut at " << size;
    ASSERT_EQ(log_->log_end_offset(), static_cast<Offset>(expected));
    ASSERT_EQ(append("next").first_offset, static_cast<Offset>(expected));
  }
}

TEST_F(RecoveryTest, AFlippedByteAnywhereEndsTheLogBeforeItsBatch) {
  open();
  for (int i = 0; i < 6; ++i) append("value " + std::to_string(i), 1000 + i);
  const auto all = read_all(*log_);
  ASSERT_TRUE(log_->close(now));
  log_.reset();
  const std::string path = file(0, ".log"), content = read_file(path);
  const std::size_t batch_size = content.size() / 6;
  for (std::size_t at = 0; at < content.size(); ++at) {
    const std::size_t in_batch = at % batch_size;
    std::string damaged = content;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::filesystem::remove_all(this->path());
    std::filesystem::create_directory(this->path());
    write_file(path, damaged);
    const auto found = read_all(open());
    // The checksum covers neither the base offset nor the leader epoch.
    if (in_batch >= 8 && (in_batch < 12 || in_batch >= 16)) {
      ASSERT_EQ(found.size(), at / batch_size) << "flipped at " << at;
    }
    ASSERT_LE(found.size(), all.size());
    for (std::size_t i = 0; i < std::min(found.size(), at / batch_size); ++i) ASSERT_EQ(found[i], all[i]);
  }
}

TEST_F(RecoveryTest, DamageInAnEarlySegmentDeletesTheLaterOnes) {
  const auto all = write_log();
  ASSERT_GT(log_->segment_count(), 3u);
  const Offset second = log_->segments()[1]->base_offset(), third = log_->segments()[2]->base_offset();
  std::string content = read_file(file(second, ".log"));
  content[content.size() - 5] ^= 1;
  write_file(file(second, ".log"), content);
  const auto found = read_all(reopen_after_crash());
  EXPECT_EQ(log_->segment_count(), 2u);
  ASSERT_EQ(found.size(), static_cast<std::size_t>(third - 2));
  EXPECT_TRUE(std::equal(found.begin(), found.end(), all.begin()));
}

TEST_F(RecoveryTest, SegmentsBelowTheRecoveryPointAreNotReadAgain) {
  const auto all = write_log();
  recovery_point_ = log_->segments().back()->base_offset();
  std::string content = read_file(file(0, ".log"));
  content[100] ^= 1;  // as a disk error; nobody looks before the records are read
  write_file(file(0, ".log"), content);
  EXPECT_EQ(reopen_after_crash().log_end_offset(), static_cast<Offset>(all.size()));
}

TEST_F(RecoveryTest, EveryIndexFileMayBeMissing) {
  const auto all = write_log();
  for (const bool clean : {false, true}) {
    for (const std::string extension : {".index", ".timeindex"}) {
      for (const auto& segment : log_->segments()) std::filesystem::remove(file(segment->base_offset(), extension));
      EXPECT_EQ(read_all(open(clean)), all) << extension << clean;
      EXPECT_EQ(read_all(*log_, 41).size(), all.size() - 41);
      const auto found = log_->find_offset_by_timestamp(1030);
      ASSERT_TRUE(found && *found);
      EXPECT_EQ((*found)->offset, 60);
      ASSERT_TRUE(log_->close(now));
    }
  }
}

TEST_F(RecoveryTest, IndexesFullOfGarbageAreMadeAnew) {
  const auto all = write_log();
  for (const std::string& garbage :
       {std::string(10'485'760 / 8, '\0'), std::string(7, 'x'), std::string(240, '\x7f'), std::string(240, '\xff')}) {
    for (const bool clean : {true, false}) {
      for (const auto& segment : log_->segments()) {
        write_file(file(segment->base_offset(), ".index"), garbage);
        write_file(file(segment->base_offset(), ".timeindex"), garbage);
      }
      open(clean);
      for (Offset offset = 0; offset < log_->log_end_offset(); offset += 7) {
        EXPECT_EQ(read_all(*log_, offset).size(), all.size() - static_cast<std::size_t>(offset));
      }
      ASSERT_TRUE(log_->close(now));
    }
  }
}

TEST_F(RecoveryTest, ADamagedIndexEntryDoesNotHideRecords) {
  const auto all = write_log();
  std::string index = read_file(file(0, ".index"));
  ASSERT_GE(index.size(), 40u);
  for (std::size_t at = 8; at + 8 < index.size(); ++at) {  // the first and last entries are checked at opening
    std::string damaged = index;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
    write_file(file(0, ".index"), damaged);
    open(true);
    for (Offset offset = 0; offset < 20; ++offset) {
      const auto slice = log_->read({.start_offset = offset, .max_bytes = 1, .isolation = FetchIsolation::log_end});
      ASSERT_TRUE(slice);
      const auto records = testing::records_in(testing::bytes_of(slice->records));
      ASSERT_EQ(records.size(), 2u);
      ASSERT_EQ(records[0].offset, offset / 2 * 2) << "damaged at " << at;
    }
  }
}

TEST_F(RecoveryTest, StaleIndexesOfALogThatWasCutAreMadeAnew) {
  write_log();
  const std::string content = read_file(file(0, ".log"));
  const auto size = content.size() / 2;
  for (const auto& segment : log_->segments()) {
    if (segment->base_offset() > 0) std::filesystem::remove(file(segment->base_offset(), ".log"));
  }
  write_file(file(0, ".log"), content.substr(0, size));
  const auto found = read_all(reopen_after_crash());
  EXPECT_EQ(found.size(), whole_records(content, size));
  EXPECT_EQ(log_->segment_count(), 1u);
  EXPECT_THAT(file_names(), Not(Contains(::testing::HasSubstr("00054"))));
}

// Puts all records into one segment file, however far its offsets reach, as old brokers' compaction did.
class OverflowTest : public RecoveryTest {
 protected:
  static constexpr Offset far = 3'000'000'000, farther = 9'000'000'000;

  void append_at(Offset offset, const std::string& value) {
    const auto batch = make_batch(value, 1000, {.base_offset = offset});
    const auto appended = log_->append_as_follower(batch, now);
    ASSERT_TRUE(appended) << appended.error().text();
  }
  std::vector<ReadRecord> write_overflowed_segment(const std::vector<Offset>& offsets) {
    open();
    for (const Offset offset : offsets) append_at(offset, "at " + std::to_string(offset));
    auto all = read_everything();
    EXPECT_TRUE(log_->close(now));
    std::string joined;
    for (const auto& segment : log_->segments()) {
      joined += read_file(segment->log_path());
      EXPECT_TRUE(segment->remove_files());
    }
    log_.reset();
    for (const std::string& name : file_names()) {
      if (name.ends_with(".snapshot")) std::filesystem::remove(path() + "/" + name);
    }
    write_file(file(0, ".log"), joined);
    return all;
  }
  // Over the holes between the segments.
  std::vector<ReadRecord> read_everything() {
    std::vector<ReadRecord> all;
    for (const auto& segment : log_->segments()) {
      for (ReadRecord& record : testing::records_in(protocol::as_bytes(read_file(segment->log_path())))) {
        all.push_back(std::move(record));
      }
    }
    return all;
  }
  std::vector<Offset> bases() const {
    std::vector<Offset> found;
    for (const auto& segment : log_->segments()) found.push_back(segment->base_offset());
    return found;
  }
};

TEST_F(OverflowTest, ASegmentThatReachesTooFarIsSplit) {
  const auto all = write_overflowed_segment({0, 1, far, far + 1, farther});
  reopen_after_crash();
  EXPECT_THAT(bases(), ElementsAre(0, far, farther));
  EXPECT_EQ(read_everything(), all);
  EXPECT_EQ(log_->log_end_offset(), farther + 1);
  const auto slice = log_->read({.start_offset = 2, .max_bytes = 1, .isolation = FetchIsolation::log_end});
  ASSERT_TRUE(slice);
  EXPECT_EQ(testing::records_in(testing::bytes_of(slice->records)).front().offset, far);
  EXPECT_EQ(append("next").first_offset, farther + 1);
  reopen_after_crash();
  EXPECT_THAT(bases(), ElementsAre(0, far, farther));
}

TEST_F(OverflowTest, TheFirstPieceIsEmptyIfNothingFitsIntoIt) {
  const auto all = write_overflowed_segment({far, far + 1});
  reopen_after_crash();
  EXPECT_THAT(bases(), ElementsAre(0, far));
  EXPECT_EQ(read_everything(), all);
  EXPECT_EQ(log_->log_start_offset(), 0);
  const auto slice = log_->read({.start_offset = 0, .max_bytes = 1, .isolation = FetchIsolation::log_end});
  ASSERT_TRUE(slice);
  EXPECT_EQ(testing::records_in(testing::bytes_of(slice->records)).front().offset, far);
}

TEST_F(OverflowTest, ATornTailIsCutOffAfterTheSplit) {
  const auto all = write_overflowed_segment({0, far, far + 1});
  const std::string content = read_file(file(0, ".log"));
  write_file(file(0, ".log"), content.substr(0, content.size() - 3));
  reopen_after_crash();
  EXPECT_THAT(bases(), ElementsAre(0, far));
  EXPECT_EQ(read_everything(), std::vector<ReadRecord>(all.begin(), all.end() - 1));
  EXPECT_EQ(log_->log_end_offset(), far + 1);
}

TEST_F(OverflowTest, ABatchBeyondTheNextSegmentIsDamaged) {
  write_overflowed_segment({0, far});
  write_file(file(5, ".log"), [] {
    const auto batch = make_batch("at 5", 1000, {.base_offset = 5});
    return std::string(protocol::as_text(batch));
  }());
  reopen_after_crash();
  EXPECT_THAT(bases(), ElementsAre(0));
  EXPECT_EQ(log_->log_end_offset(), 1);
  reopen_after_crash();
  EXPECT_EQ(log_->log_end_offset(), 1);
}

TEST_F(OverflowTest, ASplitThatIsInterruptedAnywhereLosesNothing) {
  const auto all = write_overflowed_segment({0, far, farther});
  const std::string content = read_file(file(0, ".log"));
  bool was_interrupted = true;
  for (int step = 0; was_interrupted; ++step) {
    ASSERT_LT(step, 200);
    std::filesystem::remove_all(path());
    std::filesystem::create_directory(path());
    write_file(file(0, ".log"), content);
    was_interrupted = false;
    {
      testing::FaultyFileSystem disk;
      int left = step;
      disk.fault = [&](std::string_view, const std::string&) {
        was_interrupted = was_interrupted || left-- <= 0;
        return was_interrupted ? EIO : 0;
      };
      OpenFiles files(disk, 100);
      LogDirectory directory(root_.path(), files);
      (void)Log::open({.partition = {"topic", 0},
                       .path = path(),
                       .directory = &directory,
                       .config = std::make_shared<const LogConfig>(config_)},
                      now);
    }
    reopen_after_crash();
    ASSERT_THAT(bases(), ElementsAre(0, far, farther)) << "after step " << step;
    ASSERT_EQ(read_everything(), all) << "after step " << step;
  }
}

TEST_F(RecoveryTest, LeftoversOfDeletionAndCompactionAreCleanedUp) {
  const auto all = write_log();
  const std::string some = read_file(file(0, ".log"));
  write_file(file(0, ".log.deleted"), some);
  write_file(file(0, ".index.deleted"), "");
  write_file(file(500, ".snapshot.deleted"), "");
  write_file(file(0, ".log.cleaned"), some);
  write_file(file(0, ".timeindex.cleaned"), "");
  write_file(file(900, ".index"), "orphan!!");
  write_file(path() + "/leader-epoch-checkpoint.tmp", "0\n");
  EXPECT_EQ(read_all(reopen_after_crash()), all);
  for (const std::string& name : file_names()) {
    EXPECT_THAT(name, ::testing::MatchesRegex("[0-9]{20}\\.(log|index|timeindex|snapshot)|leader-epoch-checkpoint"));
  }
}

TEST_F(RecoveryTest, AFinishedSwapReplacesTheSegmentsItCovers) {
  write_log();
  const std::size_t segments = log_->segment_count();
  ASSERT_GT(segments, 3u);
  const Offset second = log_->segments()[1]->base_offset(), third = log_->segments()[2]->base_offset();
  // The first two segments compacted into one that holds only their last batch.
  const auto last_batch = make_batch("survivor", 1000, {.base_offset = third - 1});
  write_file(file(0, ".log.swap"), protocol::as_text(last_batch));
  write_file(file(0, ".index.swap"), "");
  write_file(file(0, ".timeindex.swap"), "");
  const auto found = read_all(reopen_after_crash());
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0], (ReadRecord{third - 1, 1000, "survivor"}));
  EXPECT_EQ(log_->segment_count(), segments - 1);
  EXPECT_FALSE(std::filesystem::exists(file(second, ".log")));
}

TEST_F(RecoveryTest, AnUnfinishedCompactionIsUndone) {
  const auto all = write_log();
  const auto survivor = make_batch("survivor", 1000, {.base_offset = 10});
  write_file(file(0, ".log.cleaned"), "");
  write_file(file(0, ".log.swap"), protocol::as_text(survivor));  // .cleaned at or below: the swap is not complete
  EXPECT_EQ(read_all(reopen_after_crash()), all);
}

TEST_F(RecoveryTest, LeaderEpochsComeBackFromTheBatches) {
  write_log();
  const std::string good = read_file(path() + "/leader-epoch-checkpoint");
  for (const std::string& bad : {std::string(), std::string("garbage"), std::string("0\n5\n0 0\n"), good}) {
    write_file(path() + "/leader-epoch-checkpoint", bad);
    for (const bool clean : {true, false}) {
      open(clean);
      EXPECT_EQ(log_->latest_epoch(), 2);
      EXPECT_EQ(log_->end_offset_for_epoch(0), (OffsetAndEpoch{40, 0}));
      EXPECT_EQ(log_->end_offset_for_epoch(1), (OffsetAndEpoch{80, 1}));
    }
  }
}

TEST_F(RecoveryTest, ProducersComeBackFromSnapshotsOrFromTheBatches) {
  config_.segment_bytes = 500;
  open();
  for (int i = 0; i < 20; ++i) {
    append(make_batch("value", now, {.producer_id = 7, .producer_epoch = 1, .base_sequence = i}));
  }
  const auto expect_known = [&](const char* what) {
    const auto producers = log_->active_producers();
    ASSERT_EQ(producers.size(), 1u) << what;
    EXPECT_EQ(producers[0].producer_id, 7);
    EXPECT_EQ(producers[0].producer_epoch, 1);
    EXPECT_EQ(producers[0].last_sequence, 19);
  };
  reopen_after_crash();
  expect_known("after a crash");
  close_and_reopen();
  expect_known("after a clean close");
  ASSERT_TRUE(log_->close(now));
  for (const std::string& name : file_names()) {
    if (name.ends_with(".snapshot")) write_file(path() + "/" + name, "damaged");
  }
  open(true);
  expect_known("with damaged snapshots");
  for (const std::string& name : file_names()) {
    if (name.ends_with(".snapshot")) std::filesystem::remove(path() + "/" + name);
  }
  open(false);
  expect_known("without snapshots");
}

TEST_F(RecoveryTest, ALogThatEndsBeforeItsStartOffsetStartsAnewThere) {
  write_log();
  log_start_offset_ = 5000;
  reopen_after_crash();
  EXPECT_EQ(log_->log_start_offset(), 5000);
  EXPECT_EQ(log_->log_end_offset(), 5000);
  EXPECT_EQ(append("next").first_offset, 5000);
}

TEST_F(RecoveryTest, ABatchFarBelowItsSegmentIsNotIndexed) {
  config_.index_interval_bytes = 0;
  open();
  for (int i = 0; i < 3; ++i) append("value");
  ASSERT_TRUE(log_->close(now));
  std::string damaged = read_file(file(0, ".log"));
  damaged[0] = '\x80';  // the largest bit of its base offset
  write_file(file(0, ".log"), damaged);
  std::filesystem::remove(file(0, ".index"));
  open(true).prepare_appends();
  EXPECT_EQ(log_->log_end_offset(), 3);
  EXPECT_EQ(append("next").first_offset, 3);
  log_.reset();
  EXPECT_EQ(read_file(file(0, ".index")), "");
}

TEST_F(RecoveryTest, ACleanLogOpensWithoutOpeningItsSegments) {
  write_log();
  recovery_point_ = log_->recovery_point();
  testing::FaultyFileSystem faulty;
  std::vector<std::string> opened;
  faulty.fault = [&](std::string_view operation, const std::string& path) {
    if (operation == "open") opened.push_back(path);
    return 0;
  };
  file_system_ = &faulty;
  EXPECT_EQ(open(true).log_end_offset(), 120);
  EXPECT_THAT(opened, Each(Not(::testing::EndsWith(".log"))));
  EXPECT_THAT(opened, Each(Not(::testing::HasSubstr("index"))));
  EXPECT_EQ(files_->open_count(), 0u);
  log_.reset();
  directory_.reset();
  files_.reset();
}

TEST_F(RecoveryTest, UntouchedZerosAfterTheLastBatchAreCutOff) {
  open();
  append("a");
  log_.reset();
  write_file(file(0, ".log"), read_file(file(0, ".log")) + std::string(100'000, '\0'));
  EXPECT_EQ(reopen_after_crash().log_end_offset(), 1);
  EXPECT_EQ(append("b").first_offset, 1);
  EXPECT_EQ(read_all(reopen_after_crash()).size(), 2u);
}

}  // namespace
}  // namespace storage
