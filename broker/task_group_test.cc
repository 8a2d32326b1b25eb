#include "broker/task_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <sstream>
#include <stdexcept>
#include <thread>

#include "broker/owned.h"
#include "broker/test_support.h"

namespace broker {
namespace {

awaitable<void> wait_a_little(Executor executor, std::atomic<int>& ended) {
  Waiter waiter(executor, nullptr);
  co_await waiter.wait_for(20);
  ++ended;
}

awaitable<void> fail_at_once() {
  throw std::runtime_error("on purpose");
  co_return;
}

TEST(TaskGroup, WaitsForAllThatWasSpawned) {
  TestLoop loop;
  std::atomic<int> ended = 0;
  TaskGroup group;
  for (int i = 0; i < 10; ++i) group.spawn(loop.executor(), wait_a_little(loop.executor(), ended), "testing");
  EXPECT_EQ(group.running(), 10u);
  EXPECT_FALSE(group.wait(0));
  std::thread runner([&] { loop.io().run(); });
  EXPECT_TRUE(group.wait(60'000));
  EXPECT_EQ(ended, 10);
  runner.join();
}

TEST(TaskGroup, AFailureIsLoggedWithTheTasksName) {
  std::ostringstream text;
  const auto previous = spdlog::default_logger();
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text)));
  TestLoop loop;
  TaskGroup group;
  group.spawn(loop.executor(), fail_at_once(), "the doomed task");
  loop.io().run();
  EXPECT_TRUE(group.wait(0));
  spdlog::set_default_logger(previous);
  EXPECT_THAT(text.str(), testing::HasSubstr("the doomed task failed: on purpose"));
}

TEST(Owned, StepsOfManyThreadsAreSerialised) {
  Owned<std::pair<int, int>> owned(0, 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        owned.run([](std::pair<int, int>& value) {
          ++value.first;
          ++value.second;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(owned.run([](std::pair<int, int>& value) { return value; }), std::pair(4000, 4000));
}

}  // namespace
}  // namespace broker
