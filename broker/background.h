// BackgroundPool: the threads for what blocks (metadata store writes, recovery, flushes, deletes, cold reads), so that
// network threads never do.
//
// Self-locking. Threads are made when work needs them, up to a bound, and kept. The queue holds at most one entry per
// request in flight plus the periodic tasks, which is what bounds it.
//
//   const Result<void> created = co_await background.run([&] { return admin.create(topic); });   // name it, then use
//   it
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "broker/awaitable.h"
#include "protocol/mutex.h"

namespace broker {

class BackgroundPool {
 public:
  // `name` is the threads' name in ps and gdb, at most 15 characters.
  BackgroundPool(const std::string& name, std::size_t max_threads);
  ~BackgroundPool();
  BackgroundPool(const BackgroundPool&) = delete;
  BackgroundPool& operator=(const BackgroundPool&) = delete;

  // Runs `work` on a pool thread and returns its result on the caller's network thread. An exception of `work` is
  // rethrown there. Not cancellable: what `work` refers to must outlive it, and does when it is the caller's frame.
  template <typename F>
  awaitable<std::invoke_result_t<F&>> run(F work);

  // Runs `work` on a pool thread; a failure is logged with `what`.
  void post(std::string what, std::function<void()> work);

  // Finishes everything queued, then ends the threads. Later work is refused with std::logic_error.
  void stop();

  std::size_t queued() const;

  // Another bound, for threads to come; those that exist stay.
  void set_max_threads(std::size_t max_threads);

 private:
  struct Task {
    virtual ~Task() = default;
    virtual void run() = 0;
  };
  template <typename F>
  struct TaskOf final : Task {
    explicit TaskOf(F task) : f(std::move(task)) {}
    void run() override { f(); }
    F f;
  };

  void enqueue(std::unique_ptr<Task> task);
  void add_thread() REQUIRES(mutex_);
  void work_loop();

  const std::string name_;
  mutable protocol::Mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::unique_ptr<Task>> queue_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  std::size_t max_threads_ GUARDED_BY(mutex_);
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

namespace detail {

// Where a pool thread leaves a result for the waiting coroutine.
template <typename R>
struct Outcome {
  std::exception_ptr error;
  std::optional<R> value;
  template <typename F>
  void fill(F& work) {
    try {
      value.emplace(work());
    } catch (...) {
      error = std::current_exception();
    }
  }
  R take() {
    if (error) std::rethrow_exception(error);
    return std::move(*value);
  }
};

template <>
struct Outcome<void> {
  std::exception_ptr error;
  template <typename F>
  void fill(F& work) {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }
  void take() const {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace detail

template <typename F>
awaitable<std::invoke_result_t<F&>> BackgroundPool::run(F work) {
  detail::Outcome<std::invoke_result_t<F&>> outcome;
  auto initiate = [this, &work, &outcome](auto handler) {
    auto task = [&work, &outcome, resume = std::move(handler)]() mutable {
      outcome.fill(work);
      const auto executor = boost::asio::get_associated_executor(resume);
      boost::asio::post(executor, std::move(resume));
    };
    enqueue(std::make_unique<TaskOf<decltype(task)>>(std::move(task)));
  };
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void()>(initiate, use_awaitable);
  co_return outcome.take();
}

}  // namespace broker
