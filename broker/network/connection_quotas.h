// ConnectionQuotas: how many connections there are, in all, for each listener and per client address, how fast new ones
// come, and whether another one is allowed (max.connections, max.connections.per.ip and its overrides,
// max.connection.creation.rate, connection_creation_rate of addresses). Follows Kafka's SocketServer.ConnectionQuotas.
// Self-locking.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/quotas/ip_rates.h"
#include "broker/quotas/rate.h"
#include "broker/waiter.h"
#include "protocol/mutex.h"

namespace broker {

// Of one listener ("listener.name.NAME.KEY"); what isn't set is as for the whole broker.
struct ListenerLimits {
  std::optional<std::int64_t> connections_max;
  std::optional<std::int64_t> creation_rate;
};

struct ConnectionLimits {
  std::int64_t total_max = INT32_MAX;
  std::int64_t room = INT32_MAX;  // what the machine has room for
  std::string room_cause;         // "as many as …"
  std::int64_t per_ip_max = INT32_MAX;
  std::map<std::string, std::int32_t> per_ip_overrides;  // by address
  std::int64_t creation_rate = INT32_MAX;                // new ones in a second
  std::map<std::string, ListenerLimits, std::less<>> listeners;
  // The other brokers' listener, if clients have one of their own: total_max and creation_rate don't hold for it.
  std::string protected_listener;
};

// How many connections fit beside the files of the logs, which may take half of what a process may open (at most 4096),
// and everything else.
std::int64_t connections_beside_files(std::int64_t open_files_max);

class ConnectionQuotas {
 public:
  static constexpr std::size_t measured_addresses_max = 10'000;

  enum class Outcome : std::uint8_t { admitted, over_ip_limit, over_ip_rate };
  struct Admission {
    Outcome outcome = Outcome::admitted;
    std::int64_t wait_ms = 0;  // over_ip_rate: for so long the address gets nothing out of a connection
  };

  // `ips` may be null: addresses have no rates. Else it outlives this. Rates are taken over `windows`.
  explicit ConnectionQuotas(ConnectionLimits limits, const IpRates* ips = nullptr, QuotaWindows windows = {});

  void set_limits(ConnectionLimits limits);

  // Counts a connection from `ip`, if its address may have another one. `now_ms` is any monotonic clock's.
  Admission admit(std::string_view listener, std::string_view ip, std::int64_t now_ms);
  void release(std::string_view listener, std::string_view ip);

  // Whether the listener may accept another connection. False: `waiter` is notified, once, when one closed or limits
  // changed.
  bool has_room(std::string_view listener, const WaiterHandle& waiter);
  bool has_room(std::string_view listener) const;

  // 0: the creation rates allow another connection now; else how long to wait, a window at most.
  std::int64_t ms_until_allowed(std::string_view listener, std::int64_t now_ms) const;

  std::int64_t total() const;
  // What stops new connections when there is no room: "max.connections allows".
  std::string no_room_cause(std::string_view listener) const;
  std::int64_t limit_of(std::string_view ip) const;

 private:
  // How fast connections come, of one listener or of all of them.
  struct Arrivals {
    explicit Arrivals(QuotaWindows windows) : rate(windows) {}
    SampledRate rate;
    std::int64_t allowed_from_ms = 0;
    std::int64_t connections = 0;
  };
  struct AddressRate {
    SampledRate rate;
    std::int64_t used_ms = 0;
  };

  std::int64_t limit_of_locked(std::string_view ip) const REQUIRES(mutex_);
  bool has_room_locked(std::string_view listener) const REQUIRES(mutex_);
  bool is_protected(std::string_view listener) const REQUIRES(mutex_) { return listener == limits_.protected_listener; }
  std::int64_t connections_max(std::string_view listener) const REQUIRES(mutex_);
  std::int64_t creation_rate(std::string_view listener) const REQUIRES(mutex_);
  Arrivals& arrivals_of(std::string_view listener) REQUIRES(mutex_);
  // How long the address has to wait; the connection is counted if it hasn't.
  std::int64_t throttle_address(std::string_view ip, std::int64_t now_ms) REQUIRES(mutex_);
  void arrived(Arrivals& arrivals, std::int64_t limit, std::int64_t now_ms) REQUIRES(mutex_);
  void wake_all() REQUIRES(mutex_);

  const IpRates* ips_;
  const QuotaWindows windows_;
  mutable protocol::Mutex mutex_;
  ConnectionLimits limits_ GUARDED_BY(mutex_);
  Arrivals all_ GUARDED_BY(mutex_);
  std::map<std::string, Arrivals, std::less<>> listeners_ GUARDED_BY(mutex_);
  std::map<std::string, std::int64_t, std::less<>> by_ip_ GUARDED_BY(mutex_);
  std::map<std::string, AddressRate, std::less<>> rate_by_ip_ GUARDED_BY(mutex_);
  std::vector<WaiterHandle> waiting_ GUARDED_BY(mutex_);  // one for each acceptor at most
};

}  // namespace broker
