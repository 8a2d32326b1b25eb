// ConnectionQuotas: how many connections there are, in all and per client address, and whether another one is allowed
// (max.connections, max.connections.per.ip and its overrides, max.connection.creation.rate).
// Self-locking.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "broker/waiter.h"
#include "protocol/mutex.h"

namespace broker {

struct ConnectionLimits {
  std::int64_t total_max = INT32_MAX;
  std::string total_max_cause = "max.connections allows";  // "as many as …"
  std::int64_t per_ip_max = INT32_MAX;
  std::map<std::string, std::int32_t> per_ip_overrides;  // by address
  std::int64_t creation_rate = INT32_MAX;                // new ones in a second, as many at once
};

// How many connections fit beside the files of the logs, which may take half of what a process may open (at most 4096),
// and everything else.
std::int64_t connections_beside_files(std::int64_t open_files_max);

class ConnectionQuotas {
 public:
  enum class Admission : std::uint8_t { admitted, over_ip_limit };

  explicit ConnectionQuotas(ConnectionLimits limits) : limits_(std::move(limits)) {}

  void set_limits(ConnectionLimits limits);

  // Counts a connection from `ip`, if its address may have another one. `now_ms` is any monotonic clock's.
  Admission admit(std::string_view ip, std::int64_t now_ms);
  void release(std::string_view ip);

  // Whether the broker may accept another connection. False: `waiter` is notified, once, when one closed or limits
  // changed.
  bool has_room(const WaiterHandle& waiter);

  // 0: the creation rate allows another connection now; else how long to wait.
  std::int64_t ms_until_allowed(std::int64_t now_ms);

  std::int64_t total() const;
  std::int64_t total_max() const;
  std::string total_max_cause() const;
  std::int64_t limit_of(std::string_view ip) const;

 private:
  std::int64_t limit_of_locked(std::string_view ip) const REQUIRES(mutex_);

  void refill(std::int64_t now_ms) REQUIRES(mutex_);
  void wake_all() REQUIRES(mutex_);

  mutable protocol::Mutex mutex_;
  ConnectionLimits limits_ GUARDED_BY(mutex_);
  std::int64_t total_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::int64_t, std::less<>> by_ip_ GUARDED_BY(mutex_);
  std::vector<WaiterHandle> waiting_ GUARDED_BY(mutex_);  // one for each acceptor at most
  double tokens_ GUARDED_BY(mutex_) = 0;  // connections that the rate allows now; taken below zero by late ones
  std::int64_t refilled_ms_ GUARDED_BY(mutex_) = -1;
};

}  // namespace broker
