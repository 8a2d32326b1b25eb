#include "broker/background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include "broker/periodic_tasks.h"
#include "broker/test_support.h"

namespace broker {
namespace {

awaitable<std::pair<std::thread::id, std::thread::id>> threads_of(BackgroundPool& pool) {
  auto work = [] { return std::this_thread::get_id(); };
  const std::thread::id worker = co_await pool.run(work);
  co_return std::pair(worker, std::this_thread::get_id());
}

TEST(BackgroundPool, WorksElsewhereAndReturnsToTheCallersThread) {
  TestLoop loop;
  BackgroundPool pool("test", 2);
  const auto [worker, caller] = loop.run(threads_of(pool));
  EXPECT_NE(worker, std::this_thread::get_id());
  EXPECT_EQ(caller, std::this_thread::get_id());
}

awaitable<std::unique_ptr<int>> move_only(BackgroundPool& pool) {
  auto work = [] { return std::make_unique<int>(7); };
  std::unique_ptr<int> result = co_await pool.run(work);
  co_return result;
}

TEST(BackgroundPool, ResultsMayBeMoveOnly) {
  TestLoop loop;
  BackgroundPool pool("test", 1);
  EXPECT_EQ(*loop.run(move_only(pool)), 7);
}

awaitable<bool> throwing(BackgroundPool& pool) {
  auto work = [] { throw std::runtime_error("on purpose"); };
  co_await pool.run(work);
  co_return true;
}

TEST(BackgroundPool, AnExceptionReachesTheCaller) {
  TestLoop loop;
  BackgroundPool pool("test", 1);
  EXPECT_THROW(loop.run(throwing(pool)), std::runtime_error);
}

TEST(BackgroundPool, StopFinishesWhatIsQueuedAndRefusesMore) {
  std::atomic<int> done = 0;
  BackgroundPool pool("test", 3);
  for (int i = 0; i < 500; ++i) pool.post("counting", [&] { ++done; });
  pool.post("failing", [] { throw std::runtime_error("logged, nothing else"); });
  pool.stop();
  EXPECT_EQ(done, 500);
  EXPECT_THROW(pool.post("late", [] {}), std::logic_error);
}

TEST(BackgroundPool, UsesAsManyThreadsAsAllowedAtOnce) {
  BackgroundPool pool("test", 3);
  std::atomic<int> running = 0;
  std::atomic<bool> all_ran = false;
  for (int i = 0; i < 3; ++i) {
    pool.post("meeting", [&] {
      ++running;
      for (int spins = 0; running < 3 && spins < 20'000; ++spins)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (running == 3) all_ran = true;
    });
  }
  pool.stop();
  EXPECT_TRUE(all_ran);
}

awaitable<bool> until(const std::atomic<int>& count, int wanted, Executor executor) {
  Waiter waiter(executor, nullptr);
  for (int i = 0; i < 20'000 && count < wanted; ++i) co_await waiter.wait_for(1);
  co_return count >= wanted;
}

TEST(PeriodicTasks, RunAgainAndAgainAlsoAfterAFailure) {
  TestLoop loop;
  BackgroundPool pool("test", 1);
  std::atomic<int> passes = 0;
  PeriodicTasks tasks(loop.executor(), pool);
  tasks.add(
      "testing", 0, [] { return 1; },
      [&] {
        if (++passes == 2) throw std::runtime_error("on purpose");
      });
  EXPECT_TRUE(loop.run(until(passes, 5, loop.executor())));
  // stop() needs the executor to run elsewhere.
  const auto guard = boost::asio::make_work_guard(loop.io());
  loop.io().restart();
  std::thread runner([&] { loop.io().run(); });
  tasks.stop();
  loop.io().stop();
  runner.join();
  const int at_stop = passes;
  pool.stop();
  EXPECT_EQ(passes, at_stop);
}

TEST(PeriodicTasks, APassThatHasNothingToDoIsLeftOut) {
  TestLoop loop;
  BackgroundPool pool("test", 1);
  std::atomic<int> asked = 0, passes = 0;
  PeriodicTasks tasks(loop.executor(), pool);
  tasks.add("testing", 0, [] { return 1; }, [&] { ++passes; }, [&] { return ++asked % 3 == 0; });
  EXPECT_TRUE(loop.run(until(passes, 2, loop.executor())));
  EXPECT_GE(asked, 6);
  const auto guard = boost::asio::make_work_guard(loop.io());
  loop.io().restart();
  std::thread runner([&] { loop.io().run(); });
  tasks.stop();
  loop.io().stop();
  runner.join();
  EXPECT_EQ(passes, asked / 3);
  pool.stop();
}

}  // namespace
}  // namespace broker
