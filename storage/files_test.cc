// The small files beside the segments, and names.
#include <gmock/gmock.h>

#include "storage/checkpoint_file.h"
#include "storage/data_directory.h"
#include "storage/fault_injection.h"
#include "storage/leader_epoch_cache.h"
#include "storage/open_files.h"
#include "storage/partition_files.h"
#include "storage/sparse_index.h"
#include "storage/test_support.h"
#include "storage/transaction_index.h"

namespace storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::read_file;
using testing::write_file;

TEST(CheckpointFileTest, ReadsWhatItWrites) {
  const PartitionOffsets offsets{{{"a-topic", 3}, 7}, {{"b.c", 0}, -1}};
  EXPECT_EQ(parse_offset_checkpoint(format_offset_checkpoint(offsets)).value(), offsets);
  EXPECT_EQ(format_offset_checkpoint({{{"orders", 1}, 42}}), "0\n1\norders 1 42\n");
  EXPECT_EQ(format_offset_checkpoint({}), "0\n0\n");
  const std::vector<EpochEntry> epochs{{0, 0}, {5, 100}};
  EXPECT_EQ(parse_epoch_checkpoint(format_epoch_checkpoint(epochs)).value(), epochs);
  EXPECT_THAT(parse_offset_checkpoint("").value(), IsEmpty());
}

TEST(CheckpointFileTest, RefusesWhatMakesNoSense) {
  for (const char* text : {"1\n0\n", "x", "0\n", "0\n-1\n", "0\n2\na 0 1\n", "0\n1\na 0 1\nb 0 2\n", "0\n1\na 0\n",
                           "0\n1\na 0 1 2\n", "0\n1\na zero 1\n", "0\n1\n\n", "0\n1\na 0 99999999999999999999\n"}) {
    EXPECT_FALSE(parse_offset_checkpoint(text)) << text;
  }
  EXPECT_FALSE(parse_epoch_checkpoint("0\n1\n-1 5\n"));
  EXPECT_FALSE(parse_epoch_checkpoint("0\n1\n1 5 6\n"));
}

class LeaderEpochCacheTest : public ::testing::Test {
 protected:
  std::string content() const { return read_file(root_.path() + "/leader-epoch-checkpoint"); }
  void fill_disk() { disk_.space_left = 0; }
  void free_disk() { disk_.space_left.reset(); }

  testing::TemporaryDirectory root_;
  testing::FaultyFileSystem disk_;
  LeaderEpochCache cache_{disk_, root_.path()};
};

TEST_F(LeaderEpochCacheTest, AnEpochThatCannotBeWrittenIsNotThere) {
  ASSERT_TRUE(cache_.assign(1, 10));
  fill_disk();
  EXPECT_FALSE(cache_.assign(2, 20));
  EXPECT_FALSE(cache_.assign(3, 5));
  EXPECT_THAT(cache_.entries(), ElementsAre(EpochEntry{1, 10}));
  EXPECT_EQ(cache_.end_offset_for(1, 30), (OffsetAndEpoch{30, 1}));
  free_disk();
  EXPECT_TRUE(cache_.assign(2, 25));
  EXPECT_THAT(cache_.entries(), ElementsAre(EpochEntry{1, 10}, EpochEntry{2, 25}));
  EXPECT_EQ(content(), "0\n2\n1 10\n2 25\n");
}

TEST_F(LeaderEpochCacheTest, AnEpochBelowAllIsEndedByTheFirst) {
  ASSERT_TRUE(cache_.assign(3, 10));
  EXPECT_EQ(cache_.end_offset_for(1, 30), (OffsetAndEpoch{10, 1}));
  EXPECT_EQ(cache_.end_offset_for(-2, 30), (OffsetAndEpoch{10, -2}));
  EXPECT_EQ(cache_.end_offset_for(-1, 30), std::nullopt);
}

TEST_F(LeaderEpochCacheTest, AFullDiskKeepsNobodyFromRemovingEpochs) {
  for (LeaderEpoch epoch = 1; epoch < 5; ++epoch) ASSERT_TRUE(cache_.assign(epoch, epoch * 10));
  fill_disk();
  EXPECT_TRUE(cache_.truncate_from_start(25));
  EXPECT_TRUE(cache_.truncate_from_end(40));
  EXPECT_THAT(cache_.entries(), ElementsAre(EpochEntry{2, 25}, EpochEntry{3, 30}));
  free_disk();
  EXPECT_TRUE(cache_.assign(3, 35));  // nothing new, but the file is behind
  EXPECT_EQ(content(), "0\n2\n2 25\n3 30\n");
  fill_disk();
  EXPECT_TRUE(cache_.clear());
  EXPECT_EQ(content(), "");
  EXPECT_TRUE(cache_.empty());
}

TEST_F(LeaderEpochCacheTest, TheEpochsOfAnEmptyLogAreWrittenWithItsFirstRecord) {
  ASSERT_TRUE(cache_.assign(1, 0, LeaderEpochCache::Writing::with_the_next_change));
  ASSERT_TRUE(cache_.assign(2, 0, LeaderEpochCache::Writing::with_the_next_change));
  EXPECT_EQ(content(), "");
  EXPECT_EQ(cache_.latest(), (EpochEntry{2, 0}));
  ASSERT_TRUE(cache_.assign(2, 0));
  EXPECT_EQ(content(), "0\n1\n2 0\n");
}

TEST(NamesTest, SegmentFiles) {
  const auto name = parse_segment_file_name("00000000000000000042.timeindex.swap");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->offset, 42);
  EXPECT_EQ(name->extension, ".timeindex");
  EXPECT_EQ(name->suffix, ".swap");
  EXPECT_EQ(parse_segment_file_name("00000000000000000042.log")->suffix, "");
  for (const char* other :
       {"leader-epoch-checkpoint", "x.log", ".log", "42.lock", "-1.log", "99999999999999999999.log"}) {
    EXPECT_FALSE(parse_segment_file_name(other)) << other;
  }
}

TEST(NamesTest, PartitionDirectories) {
  EXPECT_EQ(parse_partition_directory_name("my-topic-12")->partition, (TopicPartition{"my-topic", 12}));
  EXPECT_EQ(parse_partition_directory_name("my.topic-0")->partition, (TopicPartition{"my.topic", 0}));
  const auto deleted = parse_partition_directory_name("a-1.0123456789abcdef0123456789abcdef-delete");
  EXPECT_EQ(deleted->kind, PartitionDirectoryKind::deleted);
  EXPECT_EQ(deleted->partition, (TopicPartition{"a", 1}));
  EXPECT_EQ(parse_partition_directory_name("a-1.0-stray")->kind, PartitionDirectoryKind::stray);
  for (const char* other : {"lost+found", "-1", "topic-", "topic-x", "topic"}) {
    EXPECT_FALSE(parse_partition_directory_name(other)) << other;
  }
  const std::string unique(32, 'f');
  EXPECT_EQ(deleted_directory_name({std::string(249, 't'), 3}, unique, false).size(), 255u);
  EXPECT_EQ(deleted_directory_name({"t", 3}, unique, true), "t-3." + unique + "-stray");
}

TEST(MetaPropertiesTest, ReadsWhatKafkaWrites) {
  const auto identity =
      parse_meta_properties("#\n#Thu Jan 01 00:00:00 UTC 1970\ncluster.id=abc\nbroker.id=7\nversion=0\n");
  EXPECT_EQ(identity.value(), (DirectoryIdentity{.cluster_id = "abc", .broker_id = 7}));
  EXPECT_EQ(parse_meta_properties("").value(), DirectoryIdentity{});
  EXPECT_FALSE(parse_meta_properties("broker.id=seven\n"));
}

TEST(TransactionIndexTest, ReadsTruncatesAndIgnoresATornEntry) {
  const testing::TemporaryDirectory directory;
  FileSystem& files = real_file_system();
  const std::string path = directory.path() + "/0.txnindex";
  EXPECT_THAT(read_transaction_index(files, path).value(), IsEmpty());
  const AbortedTxnEntry first{1, 0, 10, 5}, second{2, 3, 20, 21};
  ASSERT_TRUE(append_to_transaction_index(files, path, first));
  write_file(path, read_file(path) + "torn");
  ASSERT_TRUE(append_to_transaction_index(files, path, second));
  EXPECT_THAT(read_transaction_index(files, path).value(), ElementsAre(first, second));
  EXPECT_EQ(read_file(path).size(), 68u);
  ASSERT_TRUE(truncate_transaction_index(files, path, 20));
  EXPECT_THAT(read_transaction_index(files, path).value(), ElementsAre(first));
}

class SparseIndexTest : public ::testing::Test {
 protected:
  std::shared_ptr<File> open() {
    return std::move(*real_file_system().open(directory_.path() + "/0.index", OpenMode::create));
  }
  testing::TemporaryDirectory directory_;
};

TEST_F(SparseIndexTest, FindsTheFloorInTheFileAndInTheTail) {
  const auto file = open();
  OffsetIndex index(100);
  index.start_empty();
  for (int i = 0; i < 2000; ++i) {
    index.append({100 + i * 3, i * 10});
    if (i == 1500) ASSERT_TRUE(index.write_tail(*file));
  }
  EXPECT_EQ(index.size(), 2000);
  for (int i = 0; i < 2000; ++i) {
    for (const int over : {0, 1, 2}) {
      const protocol::Offset wanted = 100 + i * 3 + over;
      auto found = index.find_in_tail(wanted);
      if (!found) found = OffsetIndex::find_on_disk(*file, 100, index.on_disk(), wanted)->entry;
      ASSERT_EQ(found, (OffsetEntry{100 + i * 3, i * 10}));
    }
    ASSERT_EQ(index.count_below(*file, 100 + i * 3).value(), i);
  }
  EXPECT_FALSE(OffsetIndex::find_on_disk(*file, 100, index.on_disk(), 99)->entry);
}

TEST_F(SparseIndexTest, KeepsAPrefixWhereverItEnds) {
  for (const std::int64_t keep : {0, 1, 50, 60, 99}) {
    const auto file = open();
    TimeIndex index(0);
    index.start_empty();
    ASSERT_TRUE(file->truncate(0));
    for (int i = 0; i < 100; ++i) {
      index.append({1000 + i, i});
      if (i == 59) ASSERT_TRUE(index.write_tail(*file));
    }
    ASSERT_TRUE(index.keep(*file, keep));
    EXPECT_EQ(index.size(), keep);
    EXPECT_EQ(index.last().has_value(), keep > 0);
    ASSERT_TRUE(index.write_tail(*file));
    TimeIndex loaded(0);
    ASSERT_TRUE(loaded.load(*file));
    EXPECT_EQ(loaded.size(), keep);
    EXPECT_EQ(loaded.last(), index.last());
    EXPECT_EQ(loaded.first(), index.first());
  }
}

TEST(OpenFilesTest, ClosesTheLongestUnusedButNotWhatIsHeld) {
  const testing::TemporaryDirectory directory;
  OpenFiles files(real_file_system(), 2);
  CachedFile a(files), b(files), c(files);
  const auto open = [&](CachedFile& file, const std::string& name) {
    return std::move(*file.open(real_file_system(), directory.path() + "/" + name, OpenMode::create));
  };
  const auto held = open(a, "a");
  open(b, "b");
  EXPECT_NE(a.opened(), nullptr);
  open(c, "c");
  EXPECT_EQ(files.open_count(), 2u);
  EXPECT_EQ(b.opened(), nullptr);
  open(b, "b");
  EXPECT_EQ(a.opened(), nullptr);
  EXPECT_TRUE(held->write_at(0, std::as_bytes(std::span("x"))));
}

}  // namespace
}  // namespace storage
