#include "broker/network/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace broker {

int default_network_threads() { return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 3U)); }

Server::Server(ServerOptions options, const ApiTable& apis, Metrics& metrics)
    : options_(std::move(options)),
      metrics_(metrics),
      dispatcher_(apis, metrics, &addresses_, options_.quotas),
      memory_(options_.requests_bytes_max),
      quotas_(options_.limits, options_.ip_rates, options_.rate_windows),
      services_{.dispatcher = dispatcher_,
                .metrics = metrics,
                .memory = memory_,
                .rejections = rejections_,
                .addresses = addresses_,
                .request_max_bytes = options_.request_max_bytes,
                .idle_max_ms = options_.idle_max_ms,
                .http_hint = options_.http_hint,
                .quotas = options_.quotas == nullptr ? nullptr : &options_.quotas->quotas} {
  const auto closed = [this](const ConnectionInfo& info) {
    metrics_.connections_closed.add();
    metrics_.connections_now.fetch_sub(1, std::memory_order_relaxed);
    quotas_.release(info.listener_name, info.client_ip);
    if (info.is_watched) addresses_.settled(info);
  };
  for (int i = 0; i < std::max(1, options_.network_threads); ++i) {
    threads_.push_back(std::make_unique<NetworkThread>(i, services_, closed));
  }
}

Server::~Server() { stop(0); }

protocol::Result<void> Server::bind() {
  for (const Endpoint& endpoint : options_.listeners) {
    auto listener = std::make_unique<Listener>(
        endpoint, threads_.front()->executor(), quotas_, metrics_.connections_refused,
        [this](const Listener& from, AcceptedConnection connection) { adopt(from, std::move(connection)); });
    const protocol::Result<void> bound = listener->bind(options_.sockets);
    if (!bound) return bound;
    listeners_.push_back(std::move(listener));
  }
  return {};
}

std::vector<Endpoint> Server::endpoints() const {
  std::vector<Endpoint> endpoints;
  for (const auto& listener : listeners_) endpoints.push_back(listener->endpoint());
  return endpoints;
}

void Server::start_threads() {
  if (running_) return;
  running_ = true;
  for (auto& thread : threads_) thread->start();
}

protocol::Result<void> Server::accept() {
  start_threads();
  for (auto& listener : listeners_) {
    const protocol::Result<void> open = listener->open(options_.backlog, accepting_);
    if (!open) return open;
  }
  return {};
}

void Server::adopt(const Listener& listener, AcceptedConnection accepted) {
  apply_settings(accepted.fd, options_.sockets, accepted.local.loopback);
  metrics_.connections_opened.add();
  metrics_.connections_now.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t id = next_connection_id_++;
  ConnectionInfo info{.id = id,
                      .listener_name = listener.endpoint().listener,
                      .security_protocol = listener.endpoint().security_protocol,
                      .client_address = std::move(accepted.client_address),
                      .client_ip = std::move(accepted.client_ip),
                      .client_port = accepted.client_port,
                      .local_host = std::move(accepted.local.host),
                      .local_port = accepted.local.port,
                      .inter_broker_listener = listener.endpoint().listener == options_.inter_broker_listener_name};
  const auto least = std::ranges::min_element(
      threads_, {}, [](const std::unique_ptr<NetworkThread>& thread) { return thread->connection_count(); });
  (*least)->adopt(accepted.fd, std::move(info));
}

std::size_t Server::connection_count() const {
  std::size_t count = 0;
  for (const auto& thread : threads_) count += thread->connection_count();
  return count;
}

bool Server::wait_until_closed(std::int64_t timeout_ms) const {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (connection_count() > 0) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

void Server::close_connections(std::int64_t grace_ms) {
  if (!running_) return;
  for (auto& listener : listeners_) listener->close();
  accepting_.wait(grace_ms + 1000);
  for (auto& thread : threads_) thread->drain();
  if (wait_until_closed(grace_ms)) return;
  if (grace_ms > 0) spdlog::warn("{} connections still had requests in flight and were closed", connection_count());
  for (auto& thread : threads_) thread->close_all();
  // A handler that doesn't return would hold its connection for ever; there is no safe way to go on without it.
  while (!wait_until_closed(10'000)) spdlog::error("Still waiting for {} connections to end", connection_count());
}

void Server::stop(std::int64_t grace_ms) {
  if (!running_) return;
  close_connections(grace_ms);
  for (auto& thread : threads_) thread->stop();
  running_ = false;
}

}  // namespace broker
