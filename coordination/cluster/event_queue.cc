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
      start_thread();
    }
  }
  changed_.notify_one();
  if (dropped) dropped();
}

void EventQueue::post_later(std::chrono::milliseconds delay, std::function<void()> event) {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return;
    later_.emplace(std::chrono::steady_clock::now() + delay, Event{.run = std::move(event), .dropped = {}});
    start_thread();
  }
  changed_.notify_one();
}

void EventQueue::start_thread() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void EventQueue::drop_queued() {
  std::deque<Event> dropped;
  {
    const MutexLock lock(mutex_);
    dropped.swap(events_);
    later_.clear();
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

std::optional<EventQueue::Event> EventQueue::next() {
  const MutexLock lock(mutex_);
  while (!stopping_) {
    if (!later_.empty() && later_.begin()->first <= std::chrono::steady_clock::now()) {
      events_.push_back(std::move(later_.begin()->second));
      later_.erase(later_.begin());
    }
    if (!events_.empty()) {
      Event event = std::move(events_.front());
      events_.pop_front();
      return event;
    }
    if (later_.empty()) {
      changed_.wait(mutex_);
    } else {
      const auto due = later_.begin()->first;
      changed_.wait_until(mutex_, due);
    }
  }
  return std::nullopt;
}

void EventQueue::run() {
  while (std::optional<Event> event = next()) event->run();
}

}  // namespace coordination::cluster
