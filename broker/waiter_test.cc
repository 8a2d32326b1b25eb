#include "broker/waiter.h"

#include <gtest/gtest.h>

#include <thread>

#include "broker/test_support.h"

namespace broker {
namespace {

constexpr std::int64_t long_ms = 3'600'000;

awaitable<Wake> wait_on(Waiter& waiter, std::int64_t duration_ms) { return waiter.wait_for(duration_ms); }

TEST(Waiter, ANotificationBeforeTheWaitIsNotLost) {
  TestLoop loop;
  Waiter waiter(loop.executor(), nullptr);
  waiter.handle().notify();
  EXPECT_EQ(loop.run(wait_on(waiter, long_ms)), Wake::notified);
}

TEST(Waiter, AnotherThreadWakesIt) {
  TestLoop loop;
  Waiter waiter(loop.executor(), nullptr);
  const WaiterHandle handle = waiter.handle();
  std::thread announcer([&] { handle.notify(); });
  EXPECT_EQ(loop.run(wait_on(waiter, long_ms)), Wake::notified);
  announcer.join();
}

TEST(Waiter, TheDeadlineEndsTheWait) {
  TestLoop loop;
  Waiter waiter(loop.executor(), nullptr);
  EXPECT_EQ(loop.run(wait_on(waiter, 1)), Wake::deadline);
  EXPECT_EQ(loop.run(wait_on(waiter, 0)), Wake::deadline);
  EXPECT_EQ(loop.run(wait_on(waiter, -5)), Wake::deadline);
}

TEST(Waiter, ARearmedWaiterWaitsAgainWhateverNotificationIsStillOnItsWay) {
  TestLoop loop;
  Waiter waiter(loop.executor(), nullptr);
  waiter.handle().notify();
  EXPECT_EQ(loop.run(wait_on(waiter, long_ms)), Wake::notified);
  waiter.rearm();
  EXPECT_EQ(loop.run(wait_on(waiter, 20)), Wake::deadline);
  waiter.rearm();
  waiter.handle().notify();
  EXPECT_EQ(loop.run(wait_on(waiter, long_ms)), Wake::notified);
}

TEST(Waiter, CancellingWakesAllPresentAndLaterOnes) {
  TestLoop loop;
  CancelList list;
  Waiter present(loop.executor(), &list);
  boost::asio::post(loop.io(), [&] { list.cancel_all(); });
  EXPECT_EQ(loop.run(wait_on(present, long_ms)), Wake::cancelled);
  Waiter later(loop.executor(), &list);
  EXPECT_EQ(loop.run(wait_on(later, long_ms)), Wake::cancelled);
}

TEST(Waiter, AHandleMayOutliveItsWaiter) {
  TestLoop loop;
  WaiterHandle handle;
  {
    Waiter waiter(loop.executor(), nullptr);
    handle = waiter.handle();
  }
  handle.notify();
  loop.io().run();
  EXPECT_TRUE(handle.notified());
}

TEST(Waiter, NotifyingOftenFromManyThreadsLosesNothing) {
  TestLoop loop;
  for (int round = 0; round < 200; ++round) {
    Waiter waiter(loop.executor(), nullptr);
    std::thread one([handle = waiter.handle()] { handle.notify(); });
    std::thread two([handle = waiter.handle()] { handle.notify(); });
    ASSERT_EQ(loop.run(wait_on(waiter, long_ms)), Wake::notified);
    one.join();
    two.join();
  }
}

}  // namespace
}  // namespace broker
