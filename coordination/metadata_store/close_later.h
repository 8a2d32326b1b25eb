// Closes a store after a while, unless it is destroyed before: for whoever stops while others wait for a store that may
// not be reachable any more. Owns a thread; used by one thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <thread>

#include "coordination/metadata_store/metadata_store.h"
#include "protocol/mutex.h"

namespace coordination::metadata_store {

class CloseLater {
 public:
  // The store outlives it.
  CloseLater(MetadataStore& store, std::int64_t delay_ms);
  CloseLater(const CloseLater&) = delete;
  CloseLater& operator=(const CloseLater&) = delete;
  ~CloseLater();

 private:
  void run(MetadataStore& store, std::int64_t delay_ms) EXCLUDES(mutex_);

  protocol::Mutex mutex_;
  std::condition_variable_any changed_;
  bool called_off_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace coordination::metadata_store
