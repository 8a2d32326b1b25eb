// IpRates: how many connections a second an address may open (connection_creation_rate of KIP-612).
// Owned by the broker. Self-locking.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/mutex.h"

namespace broker {

class IpRates {
 public:
  // `address` as Asio prints it. No rate: the default holds for it again.
  void set(const std::string& address, std::optional<std::int32_t> rate) EXCLUDES(mutex_) {
    const protocol::MutexLock lock(mutex_);
    if (rate) {
      rates_.insert_or_assign(address, *rate);
    } else {
      rates_.erase(address);
    }
  }
  void set_default(std::optional<std::int32_t> rate) EXCLUDES(mutex_) {
    const protocol::MutexLock lock(mutex_);
    default_ = rate;
  }

  // Nothing: no limit.
  std::optional<std::int32_t> of(std::string_view address) const EXCLUDES(mutex_) {
    const protocol::MutexLock lock(mutex_);
    const auto found = rates_.find(address);
    return found == rates_.end() ? default_ : std::optional(found->second);
  }

 private:
  mutable protocol::Mutex mutex_;
  std::map<std::string, std::int32_t, std::less<>> rates_ GUARDED_BY(mutex_);
  std::optional<std::int32_t> default_ GUARDED_BY(mutex_);
};

}  // namespace broker
