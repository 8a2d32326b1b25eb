#include "storage/cleaner.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <random>
#include <thread>

#include "storage/cleaner_offset_map.h"
#include "storage/log_copy.h"
#include "storage/log_directory.h"
#include "storage/segment.h"
#include "storage/test_support.h"

namespace storage {
namespace {

using testing::make_batch;

TEST(SipHash, MatchesTheReferenceVectors) {
  std::array<std::byte, 64> data;
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i);
  const std::array<std::uint64_t, 2> key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  using Hash = std::array<std::uint64_t, 2>;
  // vectors_sip128 of the authors' implementation, for 0, 1 and 15 bytes.
  EXPECT_EQ(siphash128({}, key), (Hash{0xe6a825ba047f81a3, 0x930255c71472f66d}));
  EXPECT_EQ(siphash128(protocol::Bytes(data).first(1), key), (Hash{0x44af996bd8c187da, 0x45fc229b11597634}));
  EXPECT_EQ(siphash128(protocol::Bytes(data).first(15), key), (Hash{0x11a8b03399e99354, 0xd9c3cf970fec087e}));
}

TEST(CleanerOffsetMap, FindsWhatWasPutAndNothingElse) {
  std::mt19937 random(1);
  CleanerOffsetMap map(500, {random(), random()});
  std::map<std::string, Offset> model;
  for (Offset offset = 0; offset < 2'000; ++offset) {
    const std::string key = std::to_string(random() % 450);
    map.put(protocol::as_bytes(key), offset);
    model[key] = offset;
    ASSERT_EQ(map.latest_offset(), offset);
  }
  EXPECT_EQ(map.size(), model.size());
  for (int i = 0; i < 500; ++i) {
    const std::string key = std::to_string(i);
    const auto known = model.find(key);
    EXPECT_EQ(map.get(protocol::as_bytes(key)), known == model.end() ? -1 : known->second);
  }
}

TEST(CleanerOffsetMap, CanBeFilledToTheLastSlot) {
  CleanerOffsetMap map(10, {1, 2});
  for (int i = 0; i < 10; ++i) map.put(protocol::as_bytes(std::to_string(i)), i);
  EXPECT_EQ(map.size(), 10u);
  EXPECT_EQ(map.get(protocol::as_bytes("none")), -1);
  EXPECT_EQ(map.get(protocol::as_bytes("7")), 7);
}

class CleanerTest : public ::testing::Test {
 protected:
  CleanerTest() {
    config_.cleanup_compact = true;
    config_.cleanup_delete = false;
    config_.segment_bytes = 2'000;
    start_logs();
  }

  void start_logs() {
    logs_ = std::make_unique<LogManager>(LogManagerOptions{.log_dirs = {root_.path()}, .default_config = config_});
    ASSERT_TRUE(logs_->lock_directories());
    ASSERT_TRUE(logs_->load(clock_.now_ms()));
    cleaner_ = std::make_unique<Cleaner>(*logs_, CleanerOptions{.backoff_ms = 1}, clock_, 42);
  }

  std::shared_ptr<Log> log(const std::string& topic) {
    return logs_->get_or_create({topic, 0}, std::nullopt, clock_.now_ms()).value();
  }

  void put(const std::string& topic, int count, TimestampMs timestamp, int keys = 5) {
    const auto target = log(topic);
    for (int i = 0; i < count; ++i) {
      const auto batch =
          make_batch({{.timestamp = timestamp, .value = fmt::format("{}", i), .key = fmt::format("{}", i % keys)}});
      ASSERT_TRUE(target->append_as_leader(batch, 0, AppendOrigin::client, clock_.now_ms()));
    }
    target->update_high_watermark(target->log_end_offset());
  }

  std::size_t record_count(const std::string& topic) { return testing::read_all(*log(topic)).size(); }

  testing::TemporaryDirectory root_;
  protocol::ManualClock clock_{1'000'000'000};
  LogConfig config_;
  std::unique_ptr<LogManager> logs_;
  std::unique_ptr<Cleaner> cleaner_;
};

TEST_F(CleanerTest, CompactsTheDirtiestLogFirstAndThenTheNext) {
  put("small", 100, clock_.now_ms());
  put("small-but-clean", 100, clock_.now_ms());
  EXPECT_TRUE(cleaner_->run_once());
  EXPECT_TRUE(cleaner_->run_once());
  EXPECT_FALSE(cleaner_->run_once());
  put("small", 300, clock_.now_ms());
  put("small-but-clean", 30, clock_.now_ms());
  const std::size_t untouched = record_count("small-but-clean");
  EXPECT_TRUE(cleaner_->run_once());
  EXPECT_EQ(record_count("small-but-clean"), untouched);
  EXPECT_LT(record_count("small"), 100u);
  EXPECT_EQ(cleaner_->totals().compactions, 3);
}

TEST_F(CleanerTest, WaitsUntilALogIsDirtyEnough) {
  config_.min_cleanable_dirty_ratio = 0.5;
  put("topic", 200, clock_.now_ms(), 200);
  EXPECT_TRUE(cleaner_->run_once());
  put("topic", 60, clock_.now_ms(), 60);
  EXPECT_FALSE(cleaner_->run_once());
  EXPECT_GT(cleaner_->state().max_dirty_ratio(), 0.0);
  EXPECT_LE(cleaner_->state().max_dirty_ratio(), 0.5);
  put("topic", 300, clock_.now_ms(), 60);
  EXPECT_TRUE(cleaner_->run_once());
}

TEST_F(CleanerTest, CompactsWhatIsDueByMaxCompactionLagHoweverLittleItIs) {
  config_.min_cleanable_dirty_ratio = 1.0;
  config_.max_compaction_lag_ms = 60'000;
  logs_->update_default_config(config_);
  put("topic", 100, clock_.now_ms());
  EXPECT_FALSE(cleaner_->run_once());
  clock_.advance_ms(60'001);
  EXPECT_TRUE(cleaner_->run_once());
}

TEST_F(CleanerTest, LeavesRecordsAloneUntilMinCompactionLagHasPassed) {
  config_.min_compaction_lag_ms = 60'000;
  logs_->update_default_config(config_);
  put("topic", 100, clock_.now_ms());
  EXPECT_FALSE(cleaner_->run_once());
  EXPECT_EQ(record_count("topic"), 100u);
  clock_.advance_ms(60'001);
  EXPECT_TRUE(cleaner_->run_once());
  EXPECT_LT(record_count("topic"), 60u);
}

TEST_F(CleanerTest, RemembersHowFarALogIsCleanOverARestart) {
  put("topic", 200, clock_.now_ms());
  EXPECT_TRUE(cleaner_->run_once());
  const auto checkpoint = cleaner_->state().checkpoint(*log("topic"));
  ASSERT_TRUE(checkpoint);
  EXPECT_GT(*checkpoint, 100);
  const auto text = testing::read_file(root_.path() + "/cleaner-offset-checkpoint");
  EXPECT_EQ(text, fmt::format("0\n1\ntopic 0 {}\n", *checkpoint));
  cleaner_.reset();
  logs_->shutdown(clock_.now_ms());
  start_logs();
  EXPECT_EQ(cleaner_->state().checkpoint(*log("topic")), checkpoint);
  EXPECT_FALSE(cleaner_->run_once());
}

TEST_F(CleanerTest, CompactsLogsThatNobodyOpenedSinceTheStart) {
  put("dirty", 200, clock_.now_ms());
  put("clean", 200, clock_.now_ms());
  put("small", 1, clock_.now_ms());
  EXPECT_TRUE(cleaner_->run_once());
  EXPECT_TRUE(cleaner_->run_once());
  put("dirty", 400, clock_.now_ms());
  cleaner_.reset();
  logs_->shutdown(clock_.now_ms());
  start_logs();
  EXPECT_TRUE(cleaner_->run_once());
  EXPECT_FALSE(cleaner_->run_once());
  const auto open = logs_->open_logs();
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open.front()->partition().topic, "dirty");
  EXPECT_LT(record_count("dirty"), 100u);
}

TEST_F(CleanerTest, TruncationTakesTheCheckpointBack) {
  put("topic", 200, clock_.now_ms());
  EXPECT_TRUE(cleaner_->run_once());
  ASSERT_TRUE(log("topic")->truncate_to(50, clock_.now_ms()));
  cleaner_->run_once();
  EXPECT_LE(cleaner_->state().checkpoint(*log("topic")).value_or(0), 50);
}

TEST_F(CleanerTest, ATruncationTakesTheCheckpointOnTheDiskBackAtOnce) {
  put("topic", 200, clock_.now_ms());
  EXPECT_TRUE(cleaner_->run_once());
  ASSERT_GT(cleaner_->state().checkpoint(*log("topic")).value_or(0), 50);
  ASSERT_TRUE(logs_->truncate_to({"topic", 0}, 50, clock_.now_ms()));
  EXPECT_EQ(testing::read_file(root_.path() + "/cleaner-offset-checkpoint"), "0\n1\ntopic 0 50\n");
}

TEST_F(CleanerTest, ALogThatIsCreatedAnewIsNotTakenForClean) {
  for (const bool restarted : {false, true}) {
    put("topic", 200, clock_.now_ms());
    EXPECT_TRUE(cleaner_->run_once());
    ASSERT_GT(cleaner_->state().checkpoint(*log("topic")).value_or(0), 50);
    clock_.advance_ms(1);
    ASSERT_TRUE(logs_->async_delete({"topic", 0}, clock_.now_ms()));
    if (restarted) {
      cleaner_.reset();
      logs_.reset();
      start_logs();
    }
    put("topic", 200, clock_.now_ms());
    EXPECT_EQ(cleaner_->state().checkpoint(*log("topic")), std::nullopt);
    ASSERT_TRUE(logs_->async_delete({"topic", 0}, clock_.now_ms()));
  }
}

TEST_F(CleanerTest, IgnoresLogsThatAreNotCompacted) {
  config_.cleanup_compact = false;
  config_.cleanup_delete = true;
  logs_->update_default_config(config_);
  put("topic", 200, clock_.now_ms());
  EXPECT_FALSE(cleaner_->run_once());
  EXPECT_EQ(record_count("topic"), 200u);
}

TEST_F(CleanerTest, DeletesOldSegmentsOfCompactedLogs) {
  config_.cleanup_delete = true;
  config_.retention_ms = 1'000;
  config_.min_cleanable_dirty_ratio = 1.0;
  logs_->update_default_config(config_);
  put("topic", 200, clock_.now_ms());
  clock_.advance_ms(1'001);
  cleaner_->run_once();
  EXPECT_EQ(log("topic")->log_start_offset(), 200);
  EXPECT_EQ(log("topic")->size(), 0);
}

TEST_F(CleanerTest, ALogThatMovesIsCompactedBeforeAndAfterwards) {
  const testing::TemporaryDirectory second;
  put("topic", 200, clock_.now_ms());
  EXPECT_TRUE(cleaner_->run_once());
  put("topic", 300, clock_.now_ms());
  cleaner_.reset();
  logs_->shutdown(clock_.now_ms());
  logs_ = std::make_unique<LogManager>(
      LogManagerOptions{.log_dirs = {root_.path(), second.path()}, .default_config = config_});
  ASSERT_TRUE(logs_->lock_directories());
  ASSERT_TRUE(logs_->load(clock_.now_ms()));
  cleaner_ = std::make_unique<Cleaner>(*logs_, CleanerOptions{.backoff_ms = 1}, clock_, 42);
  const TopicPartition partition{"topic", 0};
  const auto former = log("topic");
  const auto clean = logs_->clean_offset(root_.path(), partition);
  ASSERT_TRUE(clean);

  const auto future = logs_->create_future(partition, second.path(), clock_.now_ms());
  ASSERT_TRUE(future);
  EXPECT_FALSE(cleaner_->run_once());
  for (int pieces = 0; pieces < 1'000; ++pieces) {
    const auto piece = copy_piece(*former, **future, 1'000, clock_.now_ms());
    ASSERT_TRUE(piece);
    if (piece->caught_up) break;
  }
  ASSERT_TRUE(logs_->prepare_replacement(partition, clock_.now_ms()));
  ASSERT_TRUE(logs_->replace_with_future(partition, clock_.now_ms()).value());
  logs_->finish_replacement(*former);
  EXPECT_EQ(logs_->clean_offset(second.path(), partition), clean);
  EXPECT_TRUE(cleaner_->run_once());
  EXPECT_EQ(log("topic")->directory().path(), second.path());
  EXPECT_LT(record_count("topic"), 60u);
  EXPECT_EQ(log("topic")->log_end_offset(), 500);
}

TEST_F(CleanerTest, GivesUpALogThatCannotBeReadAndGoesOnWithOthers) {
  put("bad", 200, clock_.now_ms());
  put("good", 150, clock_.now_ms());
  const std::string file = root_.path() + "/bad-0/00000000000000000000.log";
  std::string content = testing::read_file(file);
  content[protocol::batch_v2::records] = 0x7F;
  testing::write_file(file, content);
  for (int i = 0; i < 4; ++i) cleaner_->run_once();
  EXPECT_EQ(cleaner_->state().uncleanable_count(), 1u);
  EXPECT_LT(record_count("good"), 60u);
  EXPECT_EQ(cleaner_->totals().compactions, 1);
}

TEST_F(CleanerTest, ThreadsCompactInTheBackgroundWhileRecordsArrive) {
  cleaner_->reconfigure({.threads = 2, .backoff_ms = 1});
  cleaner_->start();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  int rounds = 0;
  while (cleaner_->totals().compactions < 3 && std::chrono::steady_clock::now() < deadline) {
    for (const char* topic : {"a", "b", "c"}) put(topic, 50, clock_.now_ms());
    ++rounds;
  }
  cleaner_->stop();
  EXPECT_GE(cleaner_->totals().compactions, 3);
  for (const char* topic : {"a", "b", "c"}) {
    std::map<std::int64_t, std::string> latest;
    for (const auto& record : testing::read_all(*log(topic))) latest[record.offset % 5] = record.value;
    EXPECT_EQ(latest, (std::map<std::int64_t, std::string>{{0, "45"}, {1, "46"}, {2, "47"}, {3, "48"}, {4, "49"}}));
    EXPECT_EQ(log(topic)->log_end_offset(), rounds * 50);
  }
}

// Tells when a cleaner thread has come as far as the throttle, and keeps any later thread from starting a round.
class CleanerClock final : public protocol::Clock {
 public:
  explicit CleanerClock(TimestampMs now) : now_(now) {}

  TimestampMs now_ms() const override {
    const auto self = std::this_thread::get_id();
    std::unique_lock lock(mutex_);
    if (cleaning_ != std::thread::id() && self != cleaning_) changed_.wait(lock, [&] { return released_; });
    return now_;
  }
  std::int64_t monotonic_ms() const override {
    const std::lock_guard lock(mutex_);
    cleaning_ = std::this_thread::get_id();
    if (++readings_ == 2) changed_.notify_all();  // when the compaction starts, and in the throttle
    return now_;
  }

  bool wait_for_throttle() const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return readings_ >= 2; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  const TimestampMs now_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int readings_ = 0;
  mutable std::thread::id cleaning_;
  bool released_ = false;
};

TEST_F(CleanerTest, TheThrottleLetsGoWhenTheCleanerStops) {
  put("topic", 200, clock_.now_ms());
  CleanerClock clock(clock_.now_ms());
  cleaner_ = std::make_unique<Cleaner>(*logs_, CleanerOptions{.io_max_bytes_per_second = 1, .backoff_ms = 1}, clock, 1);
  cleaner_->start();
  EXPECT_TRUE(clock.wait_for_throttle());
  cleaner_->stop();
  EXPECT_EQ(cleaner_->totals().compactions, 0);
  EXPECT_EQ(record_count("topic"), 200u);
  cleaner_.reset();
}

TEST_F(CleanerTest, SettingsThatDidNotChangeLeaveARunningCompactionAlone) {
  put("topic", 200, clock_.now_ms());
  CleanerClock clock(clock_.now_ms());
  const CleanerOptions options{.io_max_bytes_per_second = 1, .backoff_ms = 1};
  cleaner_ = std::make_unique<Cleaner>(*logs_, options, clock, 1);
  cleaner_->start();
  EXPECT_TRUE(clock.wait_for_throttle());
  cleaner_->reconfigure(options);
  EXPECT_TRUE(cleaner_->state().grab_deletable().empty()) << "the log is still being compacted";
  clock.release();
  cleaner_->stop();
  cleaner_.reset();
}

}  // namespace
}  // namespace storage
