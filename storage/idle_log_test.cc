// Logs that nobody has opened: what their files tell, and which of them the passes open.
#include "storage/idle_log.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "storage/fault_injection.h"
#include "storage/log_manager.h"
#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::make_batch;

constexpr TimestampMs now = 1'700'000'000'000;
constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

IdleLog log_of(std::vector<IdleLog::SegmentFile> segments, std::optional<TimestampMs> oldest = now) {
  return {.segments = std::move(segments), .oldest_timestamp = oldest};
}

TEST(IdleLogTest, RetentionByTimeLooksAtTheFirstSegment) {
  LogConfig config;
  config.retention_ms = day_ms;
  EXPECT_FALSE(retention_may_delete(log_of({{0, 100}, {10, 100}}, now - day_ms), config, 0, now));
  EXPECT_TRUE(retention_may_delete(log_of({{0, 100}, {10, 100}}, now - day_ms - 1), config, 0, now));
  EXPECT_TRUE(retention_may_delete(log_of({{0, 100}, {10, 100}}, std::nullopt), config, 0, now));
  EXPECT_FALSE(retention_may_delete(log_of({{0, 0}}, now - 2 * day_ms), config, 0, now));
  EXPECT_FALSE(retention_may_delete(log_of({}, std::nullopt), config, 0, now));
  config.retention_ms = -1;
  EXPECT_FALSE(retention_may_delete(log_of({{0, 100}}, 0), config, 0, now));
}

TEST(IdleLogTest, RetentionBySizeKeepsWhatIsNeededToReachTheLimit) {
  LogConfig config;
  config.retention_ms = -1;
  config.retention_bytes = 150;
  EXPECT_FALSE(retention_may_delete(log_of({{0, 100}, {10, 149}}), config, 0, now));
  EXPECT_TRUE(retention_may_delete(log_of({{0, 100}, {10, 150}}), config, 0, now));
}

TEST(IdleLogTest, SegmentsBelowTheLogStartGoWhateverThePolicy) {
  LogConfig config;
  config.cleanup_delete = false;
  EXPECT_FALSE(retention_may_delete(log_of({{0, 100}, {10, 100}}), config, 9, now));
  EXPECT_TRUE(retention_may_delete(log_of({{0, 100}, {10, 100}}), config, 10, now));
  EXPECT_FALSE(retention_needs_a_look(config, 0));
  EXPECT_TRUE(retention_needs_a_look(config, 10));
}

TEST(IdleLogTest, CompactionIsDueWhenTheInactiveSegmentsAreDirtyEnough) {
  const IdleLog log = log_of({{0, 100}, {10, 100}, {20, 100}, {30, 1000}});
  LogConfig config;
  config.cleanup_compact = true;
  config.min_cleanable_dirty_ratio = 0.5;
  EXPECT_TRUE(compaction_may_be_due(log, config, 0, std::nullopt));
  EXPECT_TRUE(compaction_may_be_due(log, config, 0, 10));
  EXPECT_FALSE(compaction_may_be_due(log, config, 0, 20));
  EXPECT_FALSE(compaction_may_be_due(log, config, 0, 30));
  EXPECT_TRUE(compaction_may_be_due(log, config, 0, 31));  // a checkpoint that can't be right
  EXPECT_FALSE(compaction_may_be_due(log_of({{0, 1000}}), config, 0, std::nullopt));
  config.max_compaction_lag_ms = 1000;
  EXPECT_TRUE(compaction_may_be_due(log, config, 0, 20));
}

class IdleLogsTest : public ::testing::Test {
 protected:
  IdleLogsTest() {
    options_.log_dirs = {root_.path()};
    options_.file_system = &disk_;
    options_.default_config.segment_bytes = 1000;
    disk_.fault = [this](std::string_view, const std::string& path) {
      touched_ += path.find("/idle-") != std::string::npos;
      return 0;
    };
  }
  ~IdleLogsTest() override { manager_.reset(); }

  void start() {
    manager_ = std::make_unique<LogManager>(options_);
    ASSERT_TRUE(manager_->lock_directories());
    ASSERT_TRUE(manager_->load(now));
  }
  void write(const TopicPartition& partition, int batches, TimestampMs timestamp) {
    const auto log = manager_->get_or_create(partition, std::nullopt, now);
    ASSERT_TRUE(log) << log.error().text();
    for (int i = 0; i < batches; ++i) {
      const auto batch = make_batch({{.timestamp = timestamp, .value = "value", .key = "key"}});
      ASSERT_TRUE((*log)->append_as_leader(batch, 0, AppendOrigin::client, now));
    }
    (*log)->update_high_watermark((*log)->log_end_offset());
  }
  void restart() {
    manager_->shutdown(now);
    start();
    touched_ = 0;
  }
  std::vector<std::string> open_logs() const {
    std::vector<std::string> names;
    for (const auto& log : manager_->open_logs()) names.push_back(log->partition().text());
    return names;
  }

  testing::TemporaryDirectory root_;
  testing::FaultyFileSystem disk_;
  LogManagerOptions options_;
  std::unique_ptr<LogManager> manager_;
  int touched_ = 0;  // file operations on the logs of topic "idle"
};

TEST_F(IdleLogsTest, RetentionOpensOnlyTheLogsThatHaveSomethingToDelete) {
  start();
  for (int i = 0; i < 20; ++i) write({"idle", i}, 5, now);
  write({"old", 0}, 40, now - 8 * day_ms);
  restart();
  manager_->retention_pass(now);
  EXPECT_THAT(open_logs(), ElementsAre("old-0"));
  EXPECT_GT((*manager_->log({"old", 0}, now))->log_start_offset(), 0);
  EXPECT_GT(touched_, 0);
  touched_ = 0;
  manager_->retention_pass(now + 1);
  EXPECT_EQ(touched_, 0);
  manager_->retention_pass(now + 8 * day_ms);
  EXPECT_EQ(open_logs().size(), 21u);
}

TEST_F(IdleLogsTest, EmptyLogsAreNeverOpenedByRetention) {
  start();
  for (int i = 0; i < 20; ++i) write({"idle", i}, 0, now);
  restart();
  manager_->retention_pass(now + 100 * day_ms);
  EXPECT_THAT(open_logs(), IsEmpty());
}

TEST_F(IdleLogsTest, WhereALogLiesAndItsSizeAreKnownWithoutOpeningIt) {
  start();
  write({"idle", 0}, 30, now);
  const auto open = manager_->place_of({"idle", 0});
  ASSERT_TRUE(open);
  EXPECT_NE(open->open, nullptr);
  EXPECT_GT(open->size, 1000);
  restart();
  const auto idle = manager_->place_of({"idle", 0});
  ASSERT_TRUE(idle);
  EXPECT_EQ(idle->open, nullptr);
  EXPECT_EQ(idle->size, open->size);
  EXPECT_EQ(idle->log_dir, root_.path());
  EXPECT_FALSE(manager_->place_of({"unknown", 0}));
  EXPECT_THAT(open_logs(), IsEmpty());
}

TEST_F(IdleLogsTest, WhatTheFilesSayMatchesTheOpenLog) {
  start();
  write({"idle", 0}, 30, now - 5);
  write({"idle", 0}, 1, now - 3);
  const auto segments = (*manager_->log({"idle", 0}, now))->segments();
  const TimestampMs oldest = now - 5;
  manager_->shutdown(now);
  const auto looked = look_at_idle_log(disk_, root_.path() + "/idle-0");
  ASSERT_TRUE(looked);
  ASSERT_EQ(looked->segments.size(), segments.size());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    EXPECT_EQ(looked->segments[i].base_offset, segments[i]->base_offset());
    EXPECT_EQ(looked->segments[i].size, segments[i]->size());
  }
  EXPECT_EQ(looked->oldest_timestamp, oldest);
  testing::write_file(root_.path() + "/idle-0/00000000000000000000.timeindex", "torn");
  EXPECT_EQ(look_at_idle_log(disk_, root_.path() + "/idle-0")->oldest_timestamp, std::nullopt);
}

}  // namespace
}  // namespace storage
