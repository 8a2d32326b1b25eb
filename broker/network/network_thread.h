// NetworkThread: one thread with an io_context of its own, the connections that live on it, and the memory they use.
// A connection and its requests never leave it.
//
// adopt(), drain(), close_all() and stop() may be called from any thread; the rest runs on the thread itself.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "broker/awaitable.h"
#include "broker/network/buffer_pool.h"
#include "broker/network/connection.h"
#include "broker/network/response_queue.h"
#include "broker/task_group.h"

namespace broker {

class NetworkThread {
 public:
  // `closed` is told of every connection that ended, on this thread.
  NetworkThread(int index, const ConnectionServices& services, std::function<void(const ConnectionInfo&)> closed);
  ~NetworkThread();
  NetworkThread(const NetworkThread&) = delete;
  NetworkThread& operator=(const NetworkThread&) = delete;

  void start();

  // Takes over an accepted, non-blocking socket.
  void adopt(int fd, ConnectionInfo info);

  // Connections finish what they have in flight and close; later ones are closed at once.
  void drain();
  void close_all();

  // Ends the thread. REQUIRES: no connections are left (connection_count() is 0).
  void stop();

  std::size_t connection_count() const { return connection_count_.load(std::memory_order_relaxed); }
  Executor executor() { return io_.get_executor(); }
  TaskGroup& tasks() { return tasks_; }

  // For connections, on this thread.
  BufferPool& buffers() { return buffers_; }
  ExchangePool& exchanges() { return exchanges_; }
  std::int64_t now_ms() const;  // monotonic
  void remove(Connection& connection);

 private:
  awaitable<void> sweep();
  void close_idle();
  void give_memory_back();
  void warn_of_lost_clients();

  static constexpr std::int64_t sweep_interval_ms = 2'000;

  const int index_;
  const ConnectionServices& services_;
  const std::function<void(const ConnectionInfo&)> closed_;
  // Destroyed in reverse order: coroutines that io_ still holds refer to the pools.
  BufferPool buffers_;
  ExchangePool exchanges_;
  TaskGroup tasks_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<Executor> work_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    Executor>
      sweep_timer_;
  boost::intrusive::list<Connection> connections_;
  std::atomic<std::size_t> connection_count_{0};
  std::size_t most_connections_ = 0;  // since memory was last given back
  bool draining_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace broker
