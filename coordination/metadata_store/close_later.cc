#include "coordination/metadata_store/close_later.h"

#include <spdlog/spdlog.h>

#include <chrono>

namespace coordination::metadata_store {

using protocol::MutexLock;

CloseLater::CloseLater(MetadataStore& store, std::int64_t delay_ms)
    : thread_([this, &store, delay_ms] { run(store, delay_ms); }) {}

CloseLater::~CloseLater() {
  {
    const MutexLock lock(mutex_);
    called_off_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void CloseLater::run(MetadataStore& store, std::int64_t delay_ms) {
  const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(delay_ms);
  {
    const MutexLock lock(mutex_);
    while (!called_off_ && changed_.wait_until(mutex_, due) == std::cv_status::no_timeout) {
    }
    if (called_off_) return;
  }
  spdlog::warn("The session with the metadata store is given up: something still waited for it after {} ms.", delay_ms);
  store.close();
}

}  // namespace coordination::metadata_store
