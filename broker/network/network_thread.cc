#include "broker/network/network_thread.h"

#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <chrono>

#include "broker/network/address_watch.h"
#include "broker/thread_setup.h"

namespace broker {
namespace {

constexpr std::size_t crowd = 1'000;  // connections of one thread whose leaving is worth a walk over the heap

}  // namespace

NetworkThread::NetworkThread(int index, const ConnectionServices& services,
                             std::function<void(const ConnectionInfo&)> closed)
    : index_(index),
      services_(services),
      closed_(std::move(closed)),
      io_(1),
      work_(boost::asio::make_work_guard(io_)),
      sweep_timer_(io_.get_executor()) {}

NetworkThread::~NetworkThread() { stop(); }

std::int64_t NetworkThread::now_ms() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

void NetworkThread::start() {
  thread_ = std::thread([this] {
    set_up_thread(fmt::format("network-{}", index_));
    // Here, so that nothing waits for its end if there is no thread to be had.
    tasks_.spawn(io_.get_executor(), sweep(), "the sweep of idle connections");
    io_.run();
  });
}

void NetworkThread::adopt(int fd, ConnectionInfo info) {
  connection_count_.fetch_add(1, std::memory_order_relaxed);
  boost::asio::post(io_, [this, fd, info = std::move(info)]() mutable {
    Connection::Socket socket(io_.get_executor());
    boost::system::error_code error;
    socket.assign(
        info.client_address.find(':') == std::string::npos ? boost::asio::ip::tcp::v4() : boost::asio::ip::tcp::v6(),
        fd, error);
    if (error || draining_) {
      if (error) {
        ::close(fd);
        spdlog::warn("A connection from {} could not be taken over: {}", info.client_address, error.message());
      }
      connection_count_.fetch_sub(1, std::memory_order_relaxed);
      closed_(info);
      return;
    }
    socket.native_non_blocking(true, error);
    auto* connection = new Connection(*this, services_, std::move(socket), std::move(info));
    connections_.push_back(*connection);
    connection->start();
  });
}

void NetworkThread::remove(Connection& connection) {
  connections_.erase(connections_.iterator_to(connection));
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
  closed_(connection.info());
  delete &connection;
}

void NetworkThread::drain() {
  boost::asio::post(io_, [this] {
    draining_ = true;
    for (auto it = connections_.begin(); it != connections_.end();) (it++)->drain();
  });
}

void NetworkThread::close_all() {
  boost::asio::post(io_, [this] {
    draining_ = true;
    for (auto it = connections_.begin(); it != connections_.end();) (it++)->close();
  });
}

void NetworkThread::stop() {
  if (!thread_.joinable()) return;
  boost::asio::post(io_, [this] {
    stopping_ = true;
    sweep_timer_.cancel();
  });
  work_.reset();
  thread_.join();
}

awaitable<void> NetworkThread::sweep() {
  while (!stopping_) {
    sweep_timer_.expires_after(std::chrono::milliseconds(sweep_interval_ms));
    co_await sweep_timer_.async_wait(boost::asio::as_tuple(use_awaitable));
    if (stopping_) co_return;
    close_idle();
    give_memory_back();
    if (index_ == 0) warn_of_lost_clients();
  }
}

void NetworkThread::give_memory_back() {
  buffers_.trim();
  exchanges_.trim();
  // When thousands of clients have left, what they took lies scattered over the heap; the C library keeps it until
  // asked.
  const std::size_t connections = connection_count();
  most_connections_ = std::max(most_connections_, connections);
  if (most_connections_ < crowd || connections > most_connections_ / 2) return;
  most_connections_ = connections;
  ::malloc_trim(0);
}

void NetworkThread::warn_of_lost_clients() {
  for (const std::string& warning : services_.addresses.due(now_ms())) spdlog::warn("{}", warning);
}

void NetworkThread::close_idle() {
  const std::int64_t now = now_ms();
  for (auto it = connections_.begin(); it != connections_.end();) {
    Connection& connection = *it++;
    if (!connection.is_idle(now)) continue;
    services_.metrics.connections_idle_closed.add();
    spdlog::debug("Closed the idle connection from {}", connection.info().client_address);
    connection.close();
  }
}

}  // namespace broker
