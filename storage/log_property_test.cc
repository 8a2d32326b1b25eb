// Random histories against a model: what the log says must be what was put into it, also after crashes.
#include <gmock/gmock.h>

#include <algorithm>
#include <limits>
#include <set>

#include "storage/fault_injection.h"
#include "storage/log_workload.h"
#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using testing::LogWorkload;
using testing::read_all;

class LogPropertyTest : public testing::LogFixture, public ::testing::WithParamInterface<int> {
 protected:
  LogPropertyTest() {
    config_.segment_bytes = 4000;
    config_.index_interval_bytes = 200;
    config_.segment_index_bytes = 500;
    config_.retention_ms = 200'000;
    if (GetParam() % 3 == 0) config_.timestamp_type = TimestampType::log_append_time;
    if (GetParam() % 4 == 0) config_.compression = TopicCompression::zstd;
    if (GetParam() % 5 == 0) config_.preallocate = true;
  }

  void expect_equal(const LogWorkload& workload) {
    const auto found = read_all(*log_, log_->log_start_offset());
    std::vector<testing::ReadRecord> expected;
    for (const auto& [offset, record] : workload.records())
      expected.push_back({offset, record.timestamp, record.value});
    ASSERT_EQ(found.size(), expected.size());
    ASSERT_EQ(found, expected);
  }

  // A read_committed consumer gets what the model says, up to the last stable offset.
  void expect_committed(const LogWorkload& workload) {
    const Offset stable = log_->last_stable_offset();
    ASSERT_LE(stable, log_->high_watermark());
    for (const ProducerSummary& producer : log_->active_producers()) {
      if (producer.current_txn_start_offset < 0) continue;
      ASSERT_LE(stable, std::max(producer.current_txn_start_offset, log_->log_start_offset()));
    }
    std::vector<testing::ReadRecord> expected;
    for (const auto& [offset, record] : workload.records()) {
      if (record.committed && offset < stable) expected.push_back({offset, record.timestamp, record.value});
    }
    const auto found = testing::read_committed(*log_, log_->log_start_offset());
    const auto [there, wanted] = std::ranges::mismatch(found, expected);
    ASSERT_TRUE(there == found.end()) << "found " << *there << " of " << log_->log_start_offset() << ".." << stable;
    ASSERT_TRUE(wanted == expected.end())
        << "not found " << *wanted << " of " << log_->log_start_offset() << ".." << stable;
  }

  void expect_lookups(const LogWorkload& workload) {
    if (workload.records().empty()) return;
    const auto first = workload.records().begin()->second.timestamp;
    for (TimestampMs target = first; target < first + 3000; target += 500) {
      const auto found = log_->find_offset_by_timestamp(target);
      ASSERT_TRUE(found);
      const auto expected = std::ranges::find_if(workload.records(),
                                                 [&](const auto& record) { return record.second.timestamp >= target; });
      if (!*found) continue;  // markers may carry the largest timestamp of a segment
      ASSERT_NE(expected, workload.records().end());
      // The index is by batch; Kafka's lookup may be beaten by an earlier segment only, never return a smaller
      // timestamp.
      ASSERT_GE((*found)->timestamp, target);
      ASSERT_LE((*found)->offset, expected->first);
    }
  }

  // A segment may have lost its tail and the next one not; what was flushed is all there.
  void forget_what_was_not_synced(LogWorkload& workload) {
    std::set<Offset> there;
    for (const auto& record : read_all(*log_, log_->log_start_offset())) there.insert(record.offset);
    workload.limit(log_->log_start_offset(), std::numeric_limits<Offset>::max());
    for (const Offset lost : workload.keep_only(there)) ASSERT_GE(lost, recovery_point_);
  }

  void reopen(LogWorkload& workload, bool clean) {
    const Offset high_watermark = log_->high_watermark();
    log_start_offset_ = log_->log_start_offset();
    recovery_point_ = log_->recovery_point();
    if (clean) {
      ASSERT_TRUE(log_->close(workload.now()));
      recovery_point_ = log_->recovery_point();
    }
    open(clean);
    log_->update_high_watermark(high_watermark);
    workload.resume(*log_);
  }
};

TEST_P(LogPropertyTest, RandomHistoriesAgreeWithTheModel) {
  open();
  LogWorkload workload(static_cast<std::uint32_t>(GetParam()));
  for (int step = 0; step < 600; ++step) {
    workload.step(*log_);
    if (step % 100 == 50) reopen(workload, step % 200 == 50);
    if (step % 40 == 0) {
      ASSERT_NO_FATAL_FAILURE(expect_equal(workload)) << "step " << step;
      ASSERT_NO_FATAL_FAILURE(expect_committed(workload));
      ASSERT_NO_FATAL_FAILURE(expect_lookups(workload));
      directory_->run_deletions(workload.now());
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_equal(workload));
  EXPECT_GT(workload.appended_batches, 200);
}

TEST_P(LogPropertyTest, APowerCutTakesNothingThatWasFlushed) {
  testing::FaultyFileSystem disk;
  file_system_ = &disk;
  open();
  LogWorkload workload(static_cast<std::uint32_t>(GetParam()) + 1000);
  workload.starts_anew = true;
  std::mt19937 random(static_cast<std::uint32_t>(GetParam()));
  for (int round = 0; round < 8; ++round) {
    for (int step = 0; step < 60; ++step) workload.step(*log_);
    ASSERT_TRUE(log_->flush(workload.now()));
    ASSERT_EQ(log_->recovery_point(), log_->log_end_offset());
    for (int step = 0; step < 25; ++step) workload.step(*log_);
    recovery_point_ = log_->recovery_point();
    log_start_offset_ = log_->log_start_offset();
    const Offset high_watermark = log_->high_watermark();
    log_.reset();
    directory_.reset();
    files_.reset();
    disk.crash(
        [&](std::int64_t lost) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(lost + 1)); });
    open(false);
    log_->update_high_watermark(high_watermark);
    ASSERT_NO_FATAL_FAILURE(forget_what_was_not_synced(workload)) << "round " << round;
    workload.resume(*log_);
    ASSERT_NO_FATAL_FAILURE(expect_equal(workload)) << "round " << round;
    ASSERT_NO_FATAL_FAILURE(expect_committed(workload)) << "round " << round;
    log_->update_high_watermark(log_->log_end_offset());
    ASSERT_NO_FATAL_FAILURE(expect_committed(workload)) << "round " << round;
  }
  EXPECT_GT(workload.truncations, 0);
  log_.reset();
  directory_.reset();
  files_.reset();
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogPropertyTest, ::testing::Range(1, 13));

}  // namespace
}  // namespace storage
