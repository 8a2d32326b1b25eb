#include "coordination/cluster/event_queue.h"

#include <future>
#include <utility>

namespace coordination::cluster {

using protocol::MutexLock;

EventQueue::~EventQueue() { stop(); }

void EventQueue::post(std::function<void()> event) { post_answerable(std::move(event), {}); }

void EventQueue::post_answerable(std::function<void()> event, std::function<void()> dropped) {
  {
    const MutexLock lock(mutex_);
    if (!stopping_) {
      events_.push_back({std::move(event), std::exchange(dropped, nullptr)});
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    }
  }
  changed_.notify_one();
  if (dropped) dropped();
}

void EventQueue::drop_queued() {
  std::deque<Event> dropped;
  {
    const MutexLock lock(mutex_);
    dropped.swap(events_);
  }
  for (Event& event : dropped) {
    if (event.dropped) event.dropped();
  }
}

bool EventQueue::run_and_wait(std::function<void()> event) {
  auto done = std::make_shared<std::promise<bool>>();
  std::future<bool> ran = done->get_future();
  post_answerable(
      [event = std::move(event), done] {
        event();
        done->set_value(true);
      },
      [done] { done->set_value(false); });
  return ran.get();
}

void EventQueue::stop() {
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  changed_.notify_one();
  drop_queued();
  if (thread.joinable()) thread.join();
}

void EventQueue::run() {
  for (;;) {
    Event event;
    {
      const MutexLock lock(mutex_);
      while (events_.empty() && !stopping_) changed_.wait(mutex_);
      if (stopping_) return;
      event = std::move(events_.front());
      events_.pop_front();
    }
    event.run();
  }
}

}  // namespace coordination::cluster
