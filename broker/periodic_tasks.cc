#include "broker/periodic_tasks.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace broker {
namespace {

constexpr std::int64_t shortest_interval_ms = 10;

}  // namespace

PeriodicTasks::~PeriodicTasks() { stop(); }

void PeriodicTasks::add(std::string what, std::int64_t first_ms, std::function<std::int64_t()> interval_ms,
                        std::function<void()> pass, std::function<bool()> is_due) {
  // Posted, so that the coroutine starts on its own thread.
  boost::asio::post(executor_, [this, what = std::move(what), first_ms, interval_ms = std::move(interval_ms),
                                pass = std::move(pass), is_due = std::move(is_due)]() mutable {
    std::string name = what;
    tasks_.spawn(executor_,
                 repeat(std::move(what), first_ms, std::move(interval_ms), std::move(pass), std::move(is_due)),
                 std::move(name));
  });
}

awaitable<void> PeriodicTasks::repeat(std::string what, std::int64_t first_ms,
                                      std::function<std::int64_t()> interval_ms, std::function<void()> pass,
                                      std::function<bool()> is_due) {
  Waiter waiter(executor_, &cancel_list_);
  std::int64_t pause_ms = first_ms;
  while (true) {
    const Wake wake = co_await waiter.wait_for(pause_ms);
    if (wake == Wake::cancelled || cancel_list_.cancelled()) co_return;
    try {
      if (!is_due || is_due()) co_await background_.run(pass);
    } catch (const std::exception& failure) {
      spdlog::error("{} failed: {}", what, failure.what());
    }
    pause_ms = std::max(shortest_interval_ms, interval_ms());
  }
}

void PeriodicTasks::stop() {
  if (std::exchange(stopped_, true)) return;
  TaskGroup cancelling;
  cancelling.spawn(
      executor_, [](CancelList& list) -> awaitable<void> { co_return list.cancel_all(); }(cancel_list_),
      "stopping upkeep");
  cancelling.wait(60'000);
  while (!tasks_.wait(60'000)) spdlog::warn("Still waiting for {} upkeep tasks to end", tasks_.running());
}

}  // namespace broker
