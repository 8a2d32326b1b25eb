#include "coordination/metadata_store/callback_thread.h"

#include <utility>

namespace coordination::metadata_store {

using protocol::MutexLock;

CallbackThread::~CallbackThread() {
  stop();
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void CallbackThread::stop() {
  std::deque<Item> dropped;  // destroyed after the lock: a callback may own anything
  const MutexLock lock(mutex_);
  stopping_ = true;
  dropped.swap(queue_);
  changed_.notify_all();
  if (thread_.get_id() == std::this_thread::get_id()) return;
  while (running_ != 0) changed_.wait(mutex_);
}

void CallbackThread::post(Owner owner, std::function<void()> callback) {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return;
    queue_.push_back({owner, std::move(callback)});
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  changed_.notify_all();
}

void CallbackThread::forget(Owner owner) {
  std::deque<Item> dropped;  // destroyed after the lock: a callback may own anything
  const MutexLock lock(mutex_);
  for (Item& item : std::exchange(queue_, {})) {
    (item.owner == owner ? dropped : queue_).push_back(std::move(item));
  }
  if (thread_.get_id() == std::this_thread::get_id()) return;
  while (running_ == owner) changed_.wait(mutex_);
}

void CallbackThread::run() {
  mutex_.lock();
  for (;;) {
    while (queue_.empty() && !stopping_) changed_.wait(mutex_);
    if (stopping_) break;
    {
      Item item = std::move(queue_.front());
      queue_.pop_front();
      running_ = item.owner;
      mutex_.unlock();
      item.callback();
      item.callback = nullptr;
      mutex_.lock();
    }
    running_ = 0;
    changed_.notify_all();
  }
  mutex_.unlock();
}

}  // namespace coordination::metadata_store
