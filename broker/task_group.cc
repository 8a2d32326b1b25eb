#include "broker/task_group.h"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>

namespace broker {

TaskGroup::~TaskGroup() {
  std::unique_lock lock(mutex_);
  none_left_.wait(lock, [this] { return running_ == 0; });
}

void TaskGroup::spawn(Executor executor, awaitable<void> task, std::string what) {
  {
    const std::lock_guard lock(mutex_);
    ++running_;
  }
  boost::asio::co_spawn(executor, std::move(task), [this, what = std::move(what)](std::exception_ptr failure) {
    if (failure) {
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& error) {
        spdlog::error("{} failed: {}", what, error.what());
      }
    }
    ended();
  });
}

void TaskGroup::ended() {
  // Notified under the lock: the waiting owner may destroy this object as soon as it sees zero.
  const std::lock_guard lock(mutex_);
  if (--running_ == 0) none_left_.notify_all();
}

bool TaskGroup::wait(std::int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  return none_left_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return running_ == 0; });
}

std::size_t TaskGroup::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

}  // namespace broker
