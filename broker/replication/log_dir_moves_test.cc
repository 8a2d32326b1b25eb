// Moves between log directories as ReplicaManager, Partition and LogDirMoves make them.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "broker/replication/log_dir_moves.h"
#include "broker/replication/test_replicas.h"
#include "storage/log_directory.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class LogDirMovesTest : public ::testing::Test {
 protected:
  LogDirMovesTest() {
    listen();
    env.tell_metadata("t", 1);
    (void)env.replicas().move_log({"t", 0}, env.directory(0));  // to begin there
    env.lead("t");
  }
  void listen() {
    env.replicas().set_move_listener([this](const auto& partition) { moves->add(partition); });
  }
  ErrorCode move(std::size_t directory) { return env.replicas().move_log({"t", 0}, env.directory(directory)).code(); }
  std::string place() { return (*env.partition("t")->log())->directory().path(); }
  void finish() {
    for (int i = 0; i < 1000; ++i) {
      const auto pause = moves->step();
      if (!pause) return;
      env.clock().advance_ms(*pause);
    }
    FAIL() << "the moves never end";
  }
  std::int64_t records() {
    const auto ends = env.partition("t")->ends();
    return ends ? ends->log_end : -1;
  }

  TestReplicas env{{}, 3};
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  std::optional<LogDirMoves> moves{std::in_place, QuotaWindows{}, [this] { return limit; }, env.clock()};
};

TEST_F(LogDirMovesTest, ALogMovesWhileItIsWritten) {
  for (int i = 0; i < 10; ++i) env.append("t");
  EXPECT_EQ(place(), env.directory(0));
  EXPECT_EQ(move(1), ErrorCode::none);
  EXPECT_EQ(moves->count(), 1u);
  EXPECT_EQ(moves->max_lag(), 10);
  env.append("t");
  finish();
  EXPECT_EQ(moves->count(), 0u);
  EXPECT_EQ(place(), env.directory(1));
  EXPECT_EQ(records(), 11);
  EXPECT_EQ(env.append("t"), 11);
}

TEST_F(LogDirMovesTest, AMoveToWhereTheLogLiesIsNone) {
  EXPECT_EQ(move(0), ErrorCode::none);
  EXPECT_EQ(moves->step(), std::nullopt);
  EXPECT_EQ(env.partition("t")->future_log(), nullptr);
}

TEST_F(LogDirMovesTest, AMoveBackGivesUpTheOneUnderWay) {
  env.append("t");
  EXPECT_EQ(move(1), ErrorCode::none);
  EXPECT_EQ(move(0), ErrorCode::none);
  EXPECT_EQ(env.partition("t")->future_log(), nullptr);
  EXPECT_FALSE(env.logs().has_future({"t", 0}));
  finish();
  EXPECT_EQ(place(), env.directory(0));
}

TEST_F(LogDirMovesTest, AMoveElsewhereTakesTheOldOnesPlace) {
  env.append("t");
  EXPECT_EQ(move(1), ErrorCode::none);
  const auto first = env.partition("t")->future_log();
  EXPECT_EQ(move(1), ErrorCode::none);
  EXPECT_EQ(env.partition("t")->future_log(), first);  // the same again
  EXPECT_EQ(move(2), ErrorCode::none);
  finish();
  EXPECT_EQ(place(), env.directory(2));
  EXPECT_EQ(records(), 1);
}

TEST_F(LogDirMovesTest, ErrorsAreKafkas) {
  const auto code = [&](const std::string& topic, protocol::PartitionIndex index, const std::string& log_dir) {
    return env.replicas().move_log({topic, index}, log_dir).code();
  };
  EXPECT_EQ(code("t", 0, "/elsewhere"), ErrorCode::log_dir_not_found);
  EXPECT_EQ(code("t", 0, env.directory(1) + "/"), ErrorCode::log_dir_not_found);
  EXPECT_EQ(code("t", 0, ""), ErrorCode::log_dir_not_found);
  EXPECT_EQ(code("unknown", 0, "/elsewhere"), ErrorCode::log_dir_not_found);
  EXPECT_EQ(code("unknown", 0, env.directory(1)), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(code("__cluster_metadata", 0, env.directory(1)), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(code(std::string(213, 'x'), 0, env.directory(1)), ErrorCode::unknown_topic_or_partition);
  EXPECT_EQ(code(std::string(214, 'x'), 0, "/elsewhere"), ErrorCode::invalid_topic_exception);
  env.tell_metadata("elsewhere", 1, 7, 0, {7});
  EXPECT_EQ(code("elsewhere", 0, env.directory(1)), ErrorCode::replica_not_available);
}

TEST_F(LogDirMovesTest, NothingMovesFromOrToAnOfflineDirectoryNorBesideOne) {
  env.logs().fail_directory(env.directory(2), "test");
  EXPECT_EQ(move(2), ErrorCode::kafka_storage_error);
  EXPECT_EQ(move(1), ErrorCode::kafka_storage_error);  // directory 2 may hold a future log
  EXPECT_EQ(move(0), ErrorCode::none);
  env.logs().fail_directory(env.directory(0), "test");
  env.replicas().take_directory_offline(env.directory(0));
  EXPECT_EQ(move(1), ErrorCode::kafka_storage_error);
}

TEST_F(LogDirMovesTest, APartitionBeginsWhereItWasWanted) {
  for (const std::size_t wanted : {2u, 1u, 2u}) {
    const std::string topic = "new" + std::to_string(env.created_topics().size());
    EXPECT_EQ(env.replicas().move_log({topic, 0}, env.directory(wanted)).code(), ErrorCode::unknown_topic_or_partition);
    env.lead(topic);
    EXPECT_EQ((*env.partition(topic)->log())->directory().path(), env.directory(wanted));
  }
}

TEST_F(LogDirMovesTest, ADeletedPartitionIsNotMovedOn) {
  env.append("t");
  EXPECT_EQ(move(1), ErrorCode::none);
  EXPECT_EQ(env.stop("t", 0, -2, true), ErrorCode::none);
  EXPECT_FALSE(env.logs().has_future({"t", 0}));
  finish();
  env.lead("t");
  EXPECT_EQ(records(), 0);
}

TEST_F(LogDirMovesTest, AFailedTargetEndsTheMove) {
  env.append("t");
  EXPECT_EQ(move(1), ErrorCode::none);
  env.logs().fail_directory(env.directory(1), "test");
  env.replicas().take_directory_offline(env.directory(1));
  EXPECT_EQ(env.partition("t")->future_log(), nullptr);
  finish();
  EXPECT_EQ(place(), env.directory(0));
  EXPECT_EQ(env.append("t"), 1);
}

TEST_F(LogDirMovesTest, AFailedSourceTakesThePartitionOffline) {
  env.append("t");
  EXPECT_EQ(move(1), ErrorCode::none);
  env.logs().fail_directory(env.directory(0), "test");
  env.replicas().take_directory_offline(env.directory(0));
  EXPECT_EQ(env.replicas().find("t", 0).code(), ErrorCode::kafka_storage_error);
  finish();
}

TEST_F(LogDirMovesTest, AStartGoesOnWithTheMove) {
  for (int i = 0; i < 5; ++i) env.append("t");
  EXPECT_EQ(move(1), ErrorCode::none);
  finish();
  EXPECT_EQ(move(2), ErrorCode::none);
  moves.emplace(QuotaWindows{}, [this] { return limit; }, env.clock());  // lets go of the partition
  env.start_again();
  listen();
  env.lead("t");
  EXPECT_EQ(place(), env.directory(1));
  EXPECT_EQ(moves->count(), 1u);
  finish();
  EXPECT_EQ(place(), env.directory(2));
  EXPECT_EQ(records(), 5);
}

TEST_F(LogDirMovesTest, AFutureLogOfAnotherTopicOfThatNameIsDeleted) {
  env.append("t");
  ASSERT_EQ(move(1), ErrorCode::none);
  moves.emplace(QuotaWindows{}, [this] { return limit; }, env.clock());
  // The topic is deleted while directory 1 is away, and made anew.
  const std::string away = env.directory(1) + ".away";
  std::filesystem::rename(env.directory(1), away);
  env.start_again();
  ASSERT_EQ(env.stop("t", 0, -2, true), ErrorCode::none);
  ASSERT_EQ(env.assign("t", 0, {}, TestReplicas::id_of("another")), ErrorCode::none);
  env.append("t");
  env.append("t");
  std::filesystem::remove_all(env.directory(1));
  std::filesystem::rename(away, env.directory(1));
  env.start_again();
  listen();
  ASSERT_EQ(env.assign("t", 0, {}, TestReplicas::id_of("another")), ErrorCode::none);
  EXPECT_FALSE(env.logs().has_future({"t", 0}));
  EXPECT_EQ(moves->count(), 0u);
  EXPECT_EQ(records(), 2);
}

TEST_F(LogDirMovesTest, ThePaceIsKept) {
  for (int i = 0; i < 50; ++i) env.append("t", 0, {.value_size = 10'000});
  limit = 50'000;
  const std::int64_t began = env.clock().monotonic_ms();
  EXPECT_EQ(move(1), ErrorCode::none);
  finish();
  EXPECT_EQ(place(), env.directory(1));
  const std::int64_t took_ms = env.clock().monotonic_ms() - began;
  EXPECT_GE(took_ms, 5'000);
  EXPECT_LE(took_ms, 15'000);
}

TEST_F(LogDirMovesTest, ThePaceHoldsForLogsThatMoveInOnePieceToo) {
  env.append("t", 0, {.value_size = 10'000});
  limit = 10'000;
  const std::int64_t began = env.clock().monotonic_ms();
  for (std::size_t i = 1; i <= 20; ++i) {
    EXPECT_EQ(move(i % 2), ErrorCode::none);
    finish();
  }
  EXPECT_GE(env.clock().monotonic_ms() - began, 8'000);
}

TEST_F(LogDirMovesTest, AFutureLogThatCouldNotBeOpenedMakesWay) {
  env.append("t");
  const auto nobody_fills_one = [&] {
    ASSERT_TRUE(env.logs().create_future({"t", 0}, env.directory(1), env.clock().now_ms()));
  };
  nobody_fills_one();
  EXPECT_EQ(move(0), ErrorCode::none);
  EXPECT_FALSE(env.logs().has_future({"t", 0}));
  nobody_fills_one();
  EXPECT_EQ(move(2), ErrorCode::none);
  finish();
  EXPECT_EQ(place(), env.directory(2));
  EXPECT_FALSE(env.logs().has_future({"t", 0}));
}

TEST_F(LogDirMovesTest, DeletionOfRecordsWaitsForTheFutureLog) {
  for (int i = 0; i < 10; ++i) env.append("t");
  limit = 1;  // one batch at a time
  EXPECT_EQ(move(1), ErrorCode::none);
  EXPECT_EQ(moves->step(), 0);
  const auto deleted = env.partition("t")->delete_records_before(6);
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->wanted, 6);
  EXPECT_EQ(deleted->low_watermark, 0);
  limit = std::numeric_limits<std::int64_t>::max();
  finish();
  EXPECT_EQ(*env.partition("t")->low_watermark(), 6);
  EXPECT_EQ(place(), env.directory(1));
}

TEST_F(LogDirMovesTest, AFailureIsTriedAgainLater) {
  env.append("t");
  EXPECT_EQ(move(1), ErrorCode::none);
  const std::string file = (*env.partition("t")->log())->path() + "/00000000000000000000.log";
  const auto flip_last_byte = [&] {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(-1, std::ios::end);
    const char last = static_cast<char>(stream.get() ^ 1);
    stream.seekp(-1, std::ios::end);
    stream.put(last);
    ASSERT_TRUE(stream.good());
  };
  flip_last_byte();
  EXPECT_EQ(moves->step(), 0);
  flip_last_byte();
  EXPECT_EQ(moves->failed_count(), 1u);
  EXPECT_EQ(moves->step(), 1'000);
  finish();
  EXPECT_EQ(moves->failed_count(), 0u);
  EXPECT_EQ(place(), env.directory(1));
}

// What threads do at the same time: writers, a reader, whoever deletes records, and one who keeps moving the log.
TEST_F(LogDirMovesTest, EverythingGoesOnDuringMoves) {
  constexpr int appends = 400;
  const auto partition = env.partition("t");
  std::atomic<int> writing = 2;
  std::atomic<std::int64_t> acknowledged = 0;
  const auto write = [&] {
    const auto batch = make_batch({.value_size = 2'000});
    for (int i = 0; i < appends; ++i) {
      const auto appended = partition->append_as_leader(batch, -1);
      ASSERT_TRUE(appended) << appended.error().text();
      ASSERT_TRUE(partition->flush());
      ++acknowledged;
    }
    --writing;
  };
  const auto read = [&] {
    while (writing > 0) {
      const auto found = partition->read({.fetch_offset = partition->ends()->log_end, .max_bytes = 1 << 20});
      ASSERT_TRUE(found) << found.error().text();
      const auto earliest = partition->find_offset(-2, IsolationLevel::read_uncommitted, -1, true);
      ASSERT_TRUE(earliest) << earliest.error().text();
    }
  };
  const auto remove = [&] {
    while (writing > 0) {
      ASSERT_TRUE(partition->delete_records_before(acknowledged / 4));
      env.logs().retention_pass(env.clock().now_ms());
      env.logs().flush_pass(env.clock().now_ms());
      env.logs().checkpoint_log_start_offsets(env.clock().now_ms());
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back(write);
  threads.emplace_back(write);
  threads.emplace_back(read);
  threads.emplace_back(remove);
  std::size_t to = 0;
  int moved = 0;
  while (writing > 0) {
    to = (to + 1) % 3;
    ASSERT_EQ(move(to), ErrorCode::none);
    while (moves->step()) {
    }
    ++moved;
  }
  for (std::thread& thread : threads) thread.join();
  finish();
  EXPECT_GT(moved, 2);
  EXPECT_EQ(place(), env.directory(to));
  EXPECT_EQ(records(), 2 * appends);
  const auto found = partition->read({.fetch_offset = 2 * appends - 1, .max_bytes = 1 << 20});
  ASSERT_TRUE(found);
  EXPECT_GT(found->slice.records.size(), 0u);
}

}  // namespace
}  // namespace broker
