// Listener: one configured endpoint ("PLAINTEXT://host:port"), bound to every address that its host means, and the
// coroutines that accept on it.
//
// bind() and open() are called by the thread that starts the broker; accepting runs on one network thread. A bound
// listener refuses connections until open(): the broker knows its ports before it serves anybody.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/awaitable.h"
#include "broker/config/endpoint.h"
#include "broker/metrics/metrics.h"
#include "broker/network/connection_quotas.h"
#include "broker/network/log_limiter.h"
#include "broker/network/socket.h"
#include "broker/task_group.h"
#include "broker/waiter.h"
#include "protocol/result.h"

namespace broker {

struct AcceptedConnection {
  int fd = -1;
  std::string client_ip;       // for the quotas
  std::string client_address;  // as Java prints it
  std::uint16_t client_port = 0;
  SocketAddress local;
};

class Listener {
 public:
  using Accepted = std::function<void(const Listener& listener, AcceptedConnection connection)>;

  // `refused` counts the connections that a limit turned away.
  Listener(Endpoint endpoint, Executor executor, ConnectionQuotas& quotas, Counter& refused, Accepted accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Binds. With port 0 the system chooses one. Errors: invalid_config with a sentence that names the address.
  protocol::Result<void> bind(const SocketSettings& settings);

  // Listens and starts accepting.
  protocol::Result<void> open(int backlog, TaskGroup& tasks);

  // Stops accepting, from any thread; the coroutines end soon after.
  void close();

  // As configured, with the real port.
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  protocol::Result<void> bind_one(const boost::asio::ip::tcp::endpoint& address, const SocketSettings& settings);
  awaitable<void> accept_loop(Acceptor& acceptor);
  // False: nothing more to accept now, or an error that another try won't mend.
  bool accept_one(Acceptor& acceptor, int& error);
  awaitable<void> wait_for_room();
  awaitable<void> pause_after(int error);
  void refuse(int fd, const std::string& client);
  // Closes the socket after that time, in which nobody reads from it.
  void refuse_later(int fd, std::int64_t wait_ms);
  awaitable<void> close_after(int fd, std::int64_t wait_ms);

  Endpoint endpoint_;
  Executor executor_;
  ConnectionQuotas& quotas_;
  Counter& refused_;
  const Accepted accepted_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  TaskGroup* tasks_ = nullptr;     // once open
  std::size_t closing_later_ = 0;  // sockets that wait for their end
  CancelList cancel_list_;
  LogLimiter refusals_{3, 10'000};
  bool closed_ = false;  // network thread only, once open
};

}  // namespace broker
