#include "broker/background.h"

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <system_error>

#include "broker/thread_setup.h"

namespace broker {

BackgroundPool::BackgroundPool(const std::string& name, std::size_t max_threads)
    : name_(name.substr(0, 15)), max_threads_(max_threads == 0 ? 1 : max_threads) {}

BackgroundPool::~BackgroundPool() { stop(); }

void BackgroundPool::post(std::string what, std::function<void()> work) {
  auto task = [what = std::move(what), work = std::move(work)] {
    try {
      work();
    } catch (const std::exception& failure) {
      spdlog::error("{} failed: {}", what, failure.what());
    }
  };
  enqueue(std::make_unique<TaskOf<decltype(task)>>(std::move(task)));
}

void BackgroundPool::enqueue(std::unique_ptr<Task> task) {
  {
    const protocol::MutexLock lock(mutex_);
    if (stopping_) throw std::logic_error("work for the background pool " + name_ + " after its stop");
    queue_.push_back(std::move(task));
    if (idle_ < queue_.size() && threads_.size() < max_threads_) add_thread();
  }
  wake_.notify_one();
}

void BackgroundPool::add_thread() {
  try {
    threads_.emplace_back([this] { work_loop(); });
  } catch (const std::system_error&) {
    // The system has no thread to give. Those that run will come to the task; without any it is taken back, since the
    // caller hears of the failure and must not be resumed as well.
    if (!threads_.empty()) return;
    queue_.pop_back();
    throw;
  }
}

void BackgroundPool::work_loop() {
  set_up_thread(name_);
  mutex_.lock();
  while (true) {
    ++idle_;
    while (!stopping_ && queue_.empty()) wake_.wait(mutex_);
    --idle_;
    if (queue_.empty()) break;
    std::unique_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    mutex_.unlock();
    task->run();
    task.reset();
    mutex_.lock();
  }
  mutex_.unlock();
}

void BackgroundPool::stop() {
  std::vector<std::thread> threads;
  {
    const protocol::MutexLock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

void BackgroundPool::set_max_threads(std::size_t max_threads) {
  const protocol::MutexLock lock(mutex_);
  max_threads_ = max_threads == 0 ? 1 : max_threads;
}

std::size_t BackgroundPool::queued() const {
  const protocol::MutexLock lock(mutex_);
  return queue_.size();
}

}  // namespace broker
