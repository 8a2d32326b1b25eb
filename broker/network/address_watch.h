// AddressWatch: notices clients that were told this broker's address and never came there. They hang, and only the
// broker can see why: the address that it hands out isn't one that reaches it from where they are.
//
// A client that asked about a topic goes on to use it: it opens another connection, or works on the one it has. One
// that does neither, and keeps the connection on which it asked, was sent to an address that it can't reach. That can
// only be said where this broker is the only one, since a client may well be busy with the others; whoever calls told()
// checks.
//
// Self-locking.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/connection_info.h"
#include "protocol/mutex.h"

namespace broker {

class AddressWatch {
 public:
  // How long a client may take from the answer to its next step.
  static constexpr std::int64_t patience_ms = 10'000;

  // The client asked on this connection, and the answer names `host`:`port` as this broker's address. True: the
  // connection is watched from now on, and the caller reports what it does.
  bool told(const ConnectionInfo& connection, std::string_view client_id, std::string_view host, std::int32_t port);

  // A connection's first request: whoever asked as the same client on another connection found its way.
  void arrived(const ConnectionInfo& connection, std::string_view client_id);

  // A watched connection is used for more than asking, or is closed.
  void settled(const ConnectionInfo& connection);

  // The warnings that are due, as sentences. Each client is warned of once, and few in all.
  std::vector<std::string> due(std::int64_t now_ms);

 private:
  static constexpr std::size_t asking_max = 1'000;
  static constexpr std::size_t warnings_max = 10;

  struct Asking {
    std::string client_ip;
    std::string client_id;
    std::string told;
    std::string came_in_on;
    std::int64_t noticed_ms = -1;  // -1: due() hasn't seen it yet
  };

  protocol::Mutex mutex_;
  std::map<std::uint64_t, Asking> asking_ GUARDED_BY(mutex_);                // by connection
  std::set<std::pair<std::string, std::string>> warned_ GUARDED_BY(mutex_);  // client address, told address
};

}  // namespace broker
