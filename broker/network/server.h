// Server: the Kafka listeners and the network threads behind them. It turns connections into calls of the dispatcher
// and knows nothing of what the APIs do.
//
// Order: bind() – now the ports are known – then start(), then stop(). Called by the thread that owns the broker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/config/endpoint.h"
#include "broker/dispatch.h"
#include "broker/network/address_watch.h"
#include "broker/network/connection_quotas.h"
#include "broker/network/listener.h"
#include "broker/network/log_limiter.h"
#include "broker/network/memory_budget.h"
#include "broker/network/network_thread.h"
#include "broker/network/socket.h"

namespace broker {

struct ServerOptions {
  std::vector<Endpoint> listeners;
  std::string inter_broker_listener_name;
  int network_threads = 1;
  int backlog = 50;
  SocketSettings sockets;
  std::int64_t request_max_bytes = 100 << 20;
  std::int64_t requests_bytes_max = std::int64_t{1} << 30;  // of all requests being read or worked on
  std::int64_t idle_max_ms = 600'000;
  ConnectionLimits limits;
  std::string http_hint;
  const QuotaEnforcement* quotas = nullptr;  // null: nobody is limited; else it outlives the server
  const IpRates* ip_rates = nullptr;         // the same for new connections of addresses
  QuotaWindows rate_windows;                 // that rates of new connections are taken over
};

class Server {
 public:
  // The API table must be frozen. It and the metrics outlive the server.
  Server(ServerOptions options, const ApiTable& apis, Metrics& metrics);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds all listeners. Nobody can connect yet. Errors: invalid_config.
  protocol::Result<void> bind();

  // What was bound, with the real ports, in the order of the configuration.
  std::vector<Endpoint> endpoints() const;

  // Starts the threads; for the coroutines of other parts of the broker. Before accept().
  void start_threads();

  // Lets clients in.
  protocol::Result<void> accept();

  // Lets nobody in any more, lets requests finish for at most `grace_ms`, then closes what is left. Threads go on.
  void close_connections(std::int64_t grace_ms);

  // close_connections() and the end of the threads.
  void stop(std::int64_t grace_ms);

  // Which clients were told this broker's address and never came there.
  AddressWatch& addresses() { return addresses_; }

  void set_limits(ConnectionLimits limits) { quotas_.set_limits(std::move(limits)); }

  std::size_t connection_count() const;

  // For coroutines that belong to no connection: the first thread's executor.
  Executor executor() { return threads_.front()->executor(); }

 private:
  void adopt(const Listener& listener, AcceptedConnection connection);
  bool wait_until_closed(std::int64_t timeout_ms) const;

  const ServerOptions options_;
  Metrics& metrics_;
  AddressWatch addresses_;
  const Dispatcher dispatcher_;
  MemoryBudget memory_;
  LogLimiter rejections_{5, 10'000};
  ConnectionQuotas quotas_;
  const ConnectionServices services_;
  std::vector<std::unique_ptr<NetworkThread>> threads_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  TaskGroup accepting_;
  std::uint64_t next_connection_id_ = 1;  // the accepting thread only
  bool running_ = false;
};

// num.network.threads when it isn't configured: the cores there are, at most three.
int default_network_threads();

}  // namespace broker
