#include "broker/task_group.h"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>

namespace broker {

TaskGroup::~TaskGroup() {
  const protocol::MutexLock lock(mutex_);
  while (running_ > 0) none_left_.wait(mutex_);
}

void TaskGroup::spawn(Executor executor, awaitable<void> task, std::string what) {
  {
    const protocol::MutexLock lock(mutex_);
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
  const protocol::MutexLock lock(mutex_);
  if (--running_ == 0) none_left_.notify_all();
}

bool TaskGroup::wait(std::int64_t timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  const protocol::MutexLock lock(mutex_);
  while (running_ > 0 && none_left_.wait_until(mutex_, deadline) == std::cv_status::no_timeout) {
  }
  return running_ == 0;
}

std::size_t TaskGroup::running() const {
  const protocol::MutexLock lock(mutex_);
  return running_;
}

}  // namespace broker
