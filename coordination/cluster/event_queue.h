// A thread that runs what is posted to it, one after the other. The controller's event thread.
// Self-locking; any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "protocol/mutex.h"

namespace coordination::cluster {

class EventQueue {
 public:
  EventQueue() = default;
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;
  ~EventQueue();  // stop()

  // Runs the event after those posted before. Dropped after stop().
  void post(std::function<void()> event) EXCLUDES(mutex_);

  // The same, but not before the time is over.
  void post_later(std::chrono::milliseconds delay, std::function<void()> event) EXCLUDES(mutex_);

  // Drops what is queued or to come later, except what must be answered (see post_answerable), which is told that it
  // was dropped.
  void drop_queued() EXCLUDES(mutex_);

  // An event that somebody waits for: `dropped` runs instead of it when it is dropped, on the thread that drops it.
  void post_answerable(std::function<void()> event, std::function<void()> dropped) EXCLUDES(mutex_);

  // Posts and waits. Returns false when the event was dropped. Not from an event.
  bool run_and_wait(std::function<void()> event) EXCLUDES(mutex_);

  // Finishes the event that is running, drops the others, ends the thread.
  void stop() EXCLUDES(mutex_);

 private:
  struct Event {
    std::function<void()> run;
    std::function<void()> dropped;
  };

  void run() EXCLUDES(mutex_);
  void start_thread() REQUIRES(mutex_);
  // The next event, waited for; none: the queue was stopped.
  std::optional<Event> next() EXCLUDES(mutex_);

  protocol::Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Event> events_ GUARDED_BY(mutex_);
  std::multimap<std::chrono::steady_clock::time_point, Event> later_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_ GUARDED_BY(mutex_);  // started by the first event
};

}  // namespace coordination::cluster
