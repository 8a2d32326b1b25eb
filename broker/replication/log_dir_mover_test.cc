// Moves that are worked off in the background.
#include "broker/replication/log_dir_mover.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <chrono>
#include <limits>
#include <thread>

#include "broker/replication/test_replicas.h"
#include "storage/log_directory.h"

namespace broker {
namespace {

using protocol::ErrorCode;

class LogDirMoverTest : public ::testing::Test {
 protected:
  static constexpr std::int32_t partitions = 6;

  LogDirMoverTest() {
    env.lead("t", partitions);
    for (std::int32_t i = 0; i < partitions; ++i) {
      for (int batch = 0; batch < 5; ++batch) env.append("t", i);
    }
    env.replicas().set_move_listener([this](const auto& partition) { mover.add(partition); });
  }
  ~LogDirMoverTest() override {
    mover.stop();
    io.stop();
    thread.join();
  }
  std::string place(std::int32_t index) { return (*env.partition("t", index)->log())->directory().path(); }
  void move_all(std::size_t directory) {
    for (std::int32_t i = 0; i < partitions; ++i) {
      ASSERT_EQ(env.replicas().move_log({"t", i}, env.directory(directory)).code(), ErrorCode::none);
    }
  }
  bool all_lie_in(std::size_t directory) {
    for (int tries = 0; tries < 3'000; ++tries) {
      bool all = true;
      for (std::int32_t i = 0; i < partitions; ++i) all = all && place(i) == env.directory(directory);
      if (all) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  TestReplicas env{{}, 2};
  std::atomic<std::int64_t> limit{std::numeric_limits<std::int64_t>::max()};
  protocol::SystemClock clock;
  LogDirMoves moves{QuotaWindows{}, [this] { return limit.load(); }, clock};
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<Executor> running{io.get_executor()};
  std::thread thread{[this] { io.run(); }};
  LogDirMover mover{moves, 2, io.get_executor(), env.background()};
};

TEST_F(LogDirMoverTest, WorksOffAllMovesAndTheNextOnes) {
  for (const std::size_t directory : {1u, 0u, 1u}) {
    move_all(directory);
    ASSERT_TRUE(all_lie_in(directory));
  }
  for (std::int32_t i = 0; i < partitions; ++i) EXPECT_EQ(env.partition("t", i)->ends()->log_end, 5);
}

TEST_F(LogDirMoverTest, ALimitThatIsRaisedIsNoticedSoon) {
  limit = 1;
  move_all(1);
  limit = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(all_lie_in(1));
}

TEST_F(LogDirMoverTest, AStopEndsWhatWouldTakeLong) {
  limit = 1;
  move_all(place(0) == env.directory(0) ? 1 : 0);
  mover.stop();
  EXPECT_GT(moves.count(), 0u);
  ASSERT_EQ(env.replicas().move_log({"t", 0}, place(0)).code(), ErrorCode::none);
}

}  // namespace
}  // namespace broker
