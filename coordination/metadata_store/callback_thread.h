// The thread on which a store's callbacks run, one after the other, in the order they were posted. Started by the first
// post. Self-locking; any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <thread>

#include "protocol/mutex.h"

namespace coordination::metadata_store {

class CallbackThread {
 public:
  // Whose callback it is. Only compared.
  using Owner = std::int64_t;  // not 0

  CallbackThread() = default;
  CallbackThread(const CallbackThread&) = delete;
  CallbackThread& operator=(const CallbackThread&) = delete;
  ~CallbackThread();  // drops what is queued; not from a callback

  void post(Owner owner, std::function<void()> callback) EXCLUDES(mutex_);

  // Drops what is queued and what is posted from now on, and waits until no callback is running, unless called from
  // one.
  void stop() EXCLUDES(mutex_);

  // Drops the owner's queued callbacks and waits until none of them is running, unless called from one of them.
  void forget(Owner owner) EXCLUDES(mutex_);

 private:
  struct Item {
    Owner owner;
    std::function<void()> callback;
  };

  void run() EXCLUDES(mutex_);

  protocol::Mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Item> queue_ GUARDED_BY(mutex_);
  Owner running_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_ GUARDED_BY(mutex_);
};

}  // namespace coordination::metadata_store
