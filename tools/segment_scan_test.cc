#include "tools/segment_scan.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "protocol/messages/aborted_txn.h"
#include "protocol/records/control_record.h"
#include "protocol/records/record_batch_builder.h"
#include "storage/sparse_index.h"
#include "tools/internal_records.h"

namespace tools {
namespace {

namespace fs = std::filesystem;
using protocol::as_bytes;

std::vector<std::byte> batch_at(protocol::Offset base, int records, protocol::TimestampMs timestamp) {
  protocol::RecordBatchBuilder builder({.base_offset = base});
  for (int i = 0; i < records; ++i) builder.append(timestamp, as_bytes("key"), as_bytes("value"));
  return *builder.build();
}

// A segment of three batches with sound indexes, in a directory of its own.
class SegmentScanTest : public ::testing::Test {
 protected:
  SegmentScanTest() {
    std::string name = (fs::temp_directory_path() / "segment-scan.XXXXXX").string();
    directory_ = mkdtemp(name.data());
    for (const auto& [base, count, time] :
         {std::tuple{100, 3, 1000}, std::tuple{103, 1, 2000}, std::tuple{110, 5, 3000}}) {
      const auto batch = batch_at(base, count, time);
      add_index_entry(base + count - 1, time);
      log_.insert(log_.end(), batch.begin(), batch.end());
    }
  }
  ~SegmentScanTest() override { fs::remove_all(directory_); }

  void add_index_entry(protocol::Offset offset, protocol::TimestampMs time) {
    std::byte entry[12];
    storage::OffsetEntry{.offset = offset, .position = static_cast<std::int64_t>(log_.size())}.encode(entry, 100);
    index_.insert(index_.end(), entry, entry + storage::OffsetEntry::encoded_size);
    storage::TimeEntry{.timestamp = time, .offset = offset}.encode(entry, 100);
    time_index_.insert(time_index_.end(), entry, entry + storage::TimeEntry::encoded_size);
  }

  void write(const char* name, const std::vector<std::byte>& content) const {
    std::ofstream out(directory_ / name, std::ios::binary);
    out.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }

  SegmentReport scan() {
    write("00000000000000000100.log", log_);
    write("00000000000000000100.index", index_);
    write("00000000000000000100.timeindex", time_index_);
    visited_ = 0;
    auto report = scan_segment((directory_ / "00000000000000000100.log").string(),
                               [&](const protocol::RecordBatchView&, std::int64_t) { ++visited_; });
    EXPECT_TRUE(report) << report.error().text();
    return *report;
  }

  std::string only_problem() {
    const auto report = scan();
    EXPECT_EQ(report.problems.size(), 1U);
    return report.problems.empty() ? "" : report.problems[0].file + ": " + report.problems[0].text;
  }

  fs::path directory_;
  std::vector<std::byte> log_, index_, time_index_;
  int visited_ = 0;
};

TEST_F(SegmentScanTest, ASoundSegmentHasNoProblems) {
  const auto report = scan();
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(report.batches, 3);
  EXPECT_EQ(report.records, 9);
  EXPECT_EQ(report.base_offset, 100);
  EXPECT_EQ(report.next_offset, 115);
  EXPECT_EQ(report.offset_entries, 3);
  EXPECT_EQ(report.time_entries, 3);
  EXPECT_EQ(visited_, 3);
}

TEST_F(SegmentScanTest, ZerosThatWereSetAsideAreNoProblem) {
  log_.resize(log_.size() + 100'000);
  index_.resize(index_.size() + 4096);
  time_index_.resize(time_index_.size() + 4100);
  EXPECT_EQ(scan().problems.size(), 1U);  // 4100 is not a multiple of an entry
  time_index_.resize(36 + 4092);
  const auto report = scan();
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(report.batches, 3);
}

TEST_F(SegmentScanTest, ADamagedBatchIsNamedAndTheRestIsRead) {
  log_[70] ^= std::byte{1};
  EXPECT_TRUE(only_problem().contains("checksum"));
  EXPECT_EQ(visited_, 3);
}

TEST_F(SegmentScanTest, ATornEndIsNamed) {
  log_.resize(log_.size() - 1);
  const auto report = scan();
  ASSERT_FALSE(report.problems.empty());
  EXPECT_TRUE(report.problems[0].text.contains("cut off"));
  EXPECT_EQ(report.next_offset, 104);
}

TEST_F(SegmentScanTest, OffsetsThatGoBackAreNamed) {
  const auto again = batch_at(112, 1, 4000);
  log_.insert(log_.end(), again.begin(), again.end());
  EXPECT_TRUE(only_problem().contains("offset 112 comes again"));
}

TEST_F(SegmentScanTest, WrongIndexEntriesAreNamed) {
  index_[7] = std::byte{1};  // the first entry's position
  EXPECT_TRUE(only_problem().starts_with("00000000000000000100.index: offset 102: no batch begins at 1"));
  index_[7] = std::byte{0};
  time_index_[7] ^= std::byte{1};
  EXPECT_TRUE(only_problem().starts_with("00000000000000000100.timeindex"));
}

TEST_F(SegmentScanTest, EntriesOutOfOrderAreNamed) {
  std::vector<std::byte> swapped(index_.begin() + 8, index_.end());
  swapped.insert(swapped.end(), index_.begin(), index_.begin() + 8);
  index_ = swapped;
  EXPECT_TRUE(only_problem().contains("102 does not follow 114"));
}

TEST_F(SegmentScanTest, AbortedTransactionsMustHaveTheirMarkerHere) {
  const auto marker =
      protocol::build_end_transaction_marker({.type = protocol::ControlRecordType::abort}, 7, 0, 5000, 115);
  log_.insert(log_.end(), marker.begin(), marker.end());
  const auto entry = [](protocol::Offset last) {
    protocol::Writer writer;
    writer.put(std::int16_t{0});
    protocol::AbortedTxn{.producer_id = 7, .first_offset = 110, .last_offset = last, .last_stable_offset = 110}.encode(
        writer, 0);
    return writer.to_vector();
  };
  write("00000000000000000100.txnindex", entry(115));
  EXPECT_TRUE(scan().problems.empty());
  write("00000000000000000100.txnindex", entry(114));
  EXPECT_TRUE(only_problem().contains("no marker is there"));
}

TEST_F(SegmentScanTest, AFileThatIsNoSegmentIsAnError) {
  EXPECT_FALSE(scan_segment((directory_ / "missing.log").string(), [](const auto&, std::int64_t) {}));
  write("name.log", {});
  EXPECT_FALSE(scan_segment((directory_ / "name.log").string(), [](const auto&, std::int64_t) {}));
}

TEST(InternalRecords, AnswerNothingToBytesTheyDoNotKnow) {
  protocol::RecordView record;
  record.key = as_bytes("\xff\xff");
  EXPECT_EQ(describe_internal_record("__consumer_offsets", record), std::nullopt);
  EXPECT_EQ(describe_internal_record("orders", record), std::nullopt);
}

TEST(InternalRecords, NameGroupTopicAndOffset) {
  // Type 1, group "g", topic "t", partition 3; no value.
  static constexpr char key[] = "\0\1\0\1g\0\1t\0\0\0\3";
  protocol::RecordView record;
  record.key = as_bytes(std::string_view(key, sizeof(key) - 1));
  EXPECT_EQ(describe_internal_record("__consumer_offsets", record), "group g, t-3: offset removed");
}

}  // namespace
}  // namespace tools
