#include "coordination/metadata_store/close_later.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <system_error>

namespace coordination::metadata_store {

using protocol::MutexLock;

CloseLater::CloseLater(MetadataStore& store, std::int64_t delay_ms) {
  try {
    thread_ = std::thread([this, &store, delay_ms] { run(store, delay_ms); });
  } catch (const std::system_error& error) {
    spdlog::warn("Nobody can watch over the end of the metadata store's session: {}", error.what());
  }
}

CloseLater::~CloseLater() {
  {
    const MutexLock lock(mutex_);
    called_off_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
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
