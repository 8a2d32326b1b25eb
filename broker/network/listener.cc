#include "broker/network/listener.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace broker {
namespace {

namespace ip = boost::asio::ip;
using protocol::ErrorCode, protocol::fail, protocol::Result;

constexpr int accepted_at_once_max = 64;
constexpr std::int64_t forever_ms = 24LL * 3600 * 1000;
constexpr std::int64_t pause_ms = 100;
constexpr std::size_t closing_later_max = 256;

std::int64_t monotonic_ms() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
}

bool is_wildcard(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

// The addresses to bind. A name that means both loopback addresses is bound on both: clients try the IPv6 one first.
std::vector<ip::tcp::endpoint> addresses_of(Executor executor, const Endpoint& endpoint,
                                            boost::system::error_code& error) {
  if (is_wildcard(endpoint.host)) return {ip::tcp::endpoint(ip::tcp::v6(), endpoint.port)};
  ip::basic_resolver<ip::tcp, Executor> resolver(executor);
  const auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), ip::resolver_base::passive, error);
  std::vector<ip::tcp::endpoint> addresses;
  for (const auto& entry : found) {
    if (entry.endpoint().address().is_v4()) addresses.insert(addresses.begin(), entry.endpoint());
    if (entry.endpoint().address().is_v6()) addresses.push_back(entry.endpoint());
  }
  if (addresses.size() > 1 && !addresses.front().address().is_loopback()) addresses.resize(1);
  return addresses;
}

}  // namespace

Listener::Listener(Endpoint endpoint, Executor executor, ConnectionQuotas& quotas, Counter& refused, Accepted accepted)
    : endpoint_(std::move(endpoint)),
      executor_(executor),
      quotas_(quotas),
      refused_(refused),
      accepted_(std::move(accepted)) {}

Listener::~Listener() = default;

Result<void> Listener::bind_one(const ip::tcp::endpoint& address, const SocketSettings& settings) {
  auto acceptor = std::make_unique<Acceptor>(executor_);
  boost::system::error_code error;
  acceptor->open(address.protocol(), error);
  if (!error) acceptor->set_option(ip::tcp::acceptor::reuse_address(true), error);
  // A wildcard IPv6 socket takes IPv4 clients, too.
  if (!error && address.protocol() == ip::tcp::v6()) {
    acceptor->set_option(ip::v6_only(!address.address().is_unspecified()), error);
  }
  // The receive window's scale is fixed in the handshake, so the buffer's size must be known before.
  if (!error && settings.receive_buffer_bytes >= 0) {
    acceptor->set_option(boost::asio::socket_base::receive_buffer_size(settings.receive_buffer_bytes), error);
  }
  if (!error) acceptor->bind(address, error);
  if (!error) acceptor->non_blocking(true, error);
  if (error) {
    return fail(ErrorCode::invalid_config, fmt::format("listener {} cannot be bound to {}:{}: {}", endpoint_.listener,
                                                       address.address().to_string(), address.port(), error.message()));
  }
  endpoint_.port = acceptor->local_endpoint(error).port();
  acceptors_.push_back(std::move(acceptor));
  return {};
}

Result<void> Listener::bind(const SocketSettings& settings) {
  boost::system::error_code error;
  std::vector<ip::tcp::endpoint> addresses = addresses_of(executor_, endpoint_, error);
  if (addresses.empty()) {
    return fail(ErrorCode::invalid_config, fmt::format("listener {}: the host \"{}\" cannot be resolved: {}",
                                                       endpoint_.listener, endpoint_.host, error.message()));
  }
  Result<void> first = bind_one(addresses.front(), settings);
  const bool no_ipv6 = !first && addresses.front().address().is_unspecified() && addresses.front().address().is_v6();
  if (no_ipv6) first = bind_one(ip::tcp::endpoint(ip::tcp::v4(), endpoint_.port), settings);
  if (!first) return first;
  for (std::size_t i = 1; i < addresses.size(); ++i) {
    addresses[i].port(endpoint_.port);
    const Result<void> other = bind_one(addresses[i], settings);
    if (!other) spdlog::debug("{}", other.error().text());
  }
  return {};
}

Result<void> Listener::open(int backlog, TaskGroup& tasks) {
  tasks_ = &tasks;
  for (auto& acceptor : acceptors_) {
    boost::system::error_code error;
    acceptor->listen(backlog, error);
    if (error) {
      return fail(ErrorCode::invalid_config, fmt::format("cannot listen on {}: {}", endpoint_.text(), error.message()));
    }
    tasks.spawn(executor_, accept_loop(*acceptor), "accepting on " + endpoint_.text());
  }
  return {};
}

void Listener::close() {
  boost::asio::post(executor_, [this] {
    closed_ = true;
    cancel_list_.cancel_all();
    boost::system::error_code ignored;
    for (auto& acceptor : acceptors_) acceptor->close(ignored);
  });
}

awaitable<void> Listener::accept_loop(Acceptor& acceptor) {
  while (!closed_) {
    co_await wait_for_room();
    const auto [failed] = co_await acceptor.async_wait(Acceptor::wait_read, boost::asio::as_tuple(use_awaitable));
    if (failed || closed_) co_return;
    int error = 0;
    for (int i = 0; i < accepted_at_once_max && accept_one(acceptor, error); ++i) {
    }
    if (error != 0) co_await pause_after(error);
  }
}

bool Listener::accept_one(Acceptor& acceptor, int& error) {
  // At the limit, connections wait in the backlog, as Kafka lets them.
  const std::int64_t now_ms = monotonic_ms();
  const std::string& listener = endpoint_.listener;
  if (!quotas_.has_room(listener) || quotas_.ms_until_allowed(listener, now_ms) > 0) return false;
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  const int fd =
      ::accept4(acceptor.native_handle(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    const bool nothing_wrong =
        errno == EAGAIN || errno == EWOULDBLOCK || errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
    if (!nothing_wrong) error = errno;
    return errno == ECONNABORTED || errno == EINTR || errno == EPROTO;
  }
  const SocketAddress client = describe_address(address);
  const ConnectionQuotas::Admission admission = quotas_.admit(listener, client.host, now_ms);
  switch (admission.outcome) {
    case ConnectionQuotas::Outcome::admitted:
      break;
    case ConnectionQuotas::Outcome::over_ip_limit:
      refuse(fd, client.host);
      return true;
    case ConnectionQuotas::Outcome::over_ip_rate:
      refuse_later(fd, admission.wait_ms);
      return true;
  }
  accepted_(*this, {.fd = fd,
                    .client_ip = client.host,
                    .client_address = java_address(address),
                    .client_port = client.port,
                    .local = local_address(fd)});
  return true;
}

void Listener::refuse(int fd, const std::string& client) {
  refused_.add();
  if (const auto swallowed = refusals_.allow(monotonic_ms())) {
    spdlog::warn("Refused a connection from {}: it has {} already, as many as max.connections.per.ip allows{}", client,
                 quotas_.limit_of(client),
                 *swallowed > 0 ? fmt::format(" ({} similar ones were not logged)", *swallowed) : "");
  }
  ::close(fd);
}

void Listener::refuse_later(int fd, std::int64_t wait_ms) {
  refused_.add();
  if (closing_later_ >= closing_later_max) {
    ::close(fd);
    return;
  }
  ++closing_later_;
  tasks_->spawn(executor_, close_after(fd, wait_ms), "refusing on " + endpoint_.text());
}

awaitable<void> Listener::close_after(int fd, std::int64_t wait_ms) {
  Waiter waiter(executor_, &cancel_list_);
  co_await waiter.wait_for(wait_ms);
  ::close(fd);
  --closing_later_;
}

awaitable<void> Listener::wait_for_room() {
  Waiter waiter(executor_, &cancel_list_);
  bool warned = false;
  while (!closed_) {
    waiter.rearm();
    const std::int64_t pause_for_rate_ms = quotas_.ms_until_allowed(endpoint_.listener, monotonic_ms());
    if (pause_for_rate_ms > 0) {
      co_await waiter.wait_for(pause_for_rate_ms);
      continue;
    }
    if (quotas_.has_room(endpoint_.listener, waiter.handle())) co_return;
    if (!warned) {
      spdlog::warn("There are {} connections, as many as {}: new ones wait", quotas_.total(),
                   quotas_.no_room_cause(endpoint_.listener));
      warned = true;
    }
    co_await waiter.wait_for(forever_ms);
  }
}

// Out of file descriptors or memory: trying again at once would only burn the processor.
awaitable<void> Listener::pause_after(int error) {
  if (refusals_.allow(monotonic_ms()))
    spdlog::error("Cannot accept a connection on {}: {}", endpoint_.text(), std::strerror(error));
  Waiter waiter(executor_, &cancel_list_);
  co_await waiter.wait_for(pause_ms);
}

}  // namespace broker
