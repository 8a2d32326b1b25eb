#include "broker/client/connection.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "protocol/clock.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/request_header.h"
#include "protocol/messages/response_header.h"

namespace broker::client {
namespace {

using protocol::ApiKey, protocol::ApiVersion, protocol::Bytes, protocol::ErrorCode, protocol::fail, protocol::Result,
    protocol::VersionRange;

constexpr std::size_t frame_length_size = 4;

std::int64_t now_ms() { return protocol::SystemClock().monotonic_ms(); }

struct Addresses {
  addrinfo* list = nullptr;
  ~Addresses() {
    if (list != nullptr) freeaddrinfo(list);
  }
};

// A connected, non-blocking socket, or -1 with errno set.
int connect_to(const addrinfo& target, int timeout_ms) {
  const int fd = socket(target.ai_family, target.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, target.ai_protocol);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  int error = 0;
  if (connect(fd, target.ai_addr, target.ai_addrlen) != 0) {
    error = errno;
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    if (error == EINPROGRESS) {
      const int polled = poll(&ready, 1, timeout_ms);
      socklen_t size = sizeof(error);
      if (polled == 0) {
        error = ETIMEDOUT;
      } else if (polled < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
      }
    }
  }
  if (error == 0) return fd;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

Connection::Connection(const Address& address, ConnectionOptions options, int socket)
    : address_(address), options_(std::move(options)), socket_(socket) {}

Connection::Connection(Connection&& other) noexcept
    : address_(std::move(other.address_)),
      options_(std::move(other.options_)),
      socket_(std::exchange(other.socket_, -1)),
      next_correlation_id_(other.next_correlation_id_),
      next_answer_(other.next_answer_),
      offered_(std::move(other.offered_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  close();
  address_ = std::move(other.address_);
  options_ = std::move(other.options_);
  socket_ = std::exchange(other.socket_, -1);
  next_correlation_id_ = other.next_correlation_id_;
  next_answer_ = other.next_answer_;
  offered_ = std::move(other.offered_);
  return *this;
}

Connection::~Connection() { close(); }

void Connection::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

Result<Connection> Connection::open(const Address& address, ConnectionOptions options) {
  Addresses found;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const std::string port = std::to_string(address.port);
  if (const int error = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found.list); error != 0) {
    return fail(ErrorCode::network_exception,
                fmt::format("Can't find the host {}: {}", address.host, gai_strerror(error)));
  }
  int fd = -1;
  for (const addrinfo* target = found.list; target != nullptr && fd < 0; target = target->ai_next) {
    fd = connect_to(*target, options.timeout_ms);
  }
  if (fd < 0) {
    return fail(ErrorCode::network_exception,
                fmt::format("Can't connect to {}: {}", address.text(), std::strerror(errno)));
  }
  Connection connection(address, std::move(options), fd);
  if (auto negotiated = connection.negotiate(); !negotiated) return std::unexpected(negotiated.error());
  return connection;
}

// Asks with the newest version. A broker that doesn't know it answers in version 0 with the versions of this one API
// (KIP-511); then asks again with the newest of those.
Result<void> Connection::negotiate() {
  constexpr ApiVersion newest = protocol::ApiVersionsRequest::versions.max;
  auto code = ask_versions(newest);
  if (code && *code == ErrorCode::unsupported_version) {
    const VersionRange both = versions(ApiKey::api_versions);
    code = ask_versions(both.empty() ? ApiVersion{0} : both.max);
  }
  if (!code) return std::unexpected(code.error());
  if (*code == ErrorCode::none) return {};
  return fail(*code, fmt::format("{} does not tell its versions", address_.text()));
}

// Takes over what the broker offers. Gives the answer's error code.
Result<ErrorCode> Connection::ask_versions(ApiVersion version) {
  using Response = protocol::ApiVersionsResponse;
  protocol::ApiVersionsRequest request;
  if (version >= 3) request = {.client_software_name = "barnabas", .client_software_version = "0.1.0"};
  if (auto sent = send(request, version); !sent) return std::unexpected(sent.error());
  auto frame = receive_frame();
  if (!frame) return std::unexpected(frame.error());
  protocol::Reader reader(**frame);
  if (auto header = read_header(reader, ApiKey::api_versions, version); !header) return std::unexpected(header.error());
  for (const ApiVersion form : {version, ApiVersion{0}}) {
    protocol::Reader body = reader;
    const auto response = Response::decode(body, form);
    if (!response || body.remaining() != 0) continue;
    offered_.clear();
    for (const auto& api : response->api_keys) {
      offered_[static_cast<ApiKey>(api.api_key)] = {api.min_version, api.max_version};
    }
    return response->error_code;
  }
  return broken("did not answer as a Kafka broker does");
}

VersionRange Connection::versions(ApiKey key) const {
  const auto offered = offered_.find(key);
  const protocol::ApiInfo* known = protocol::find_api(static_cast<std::int16_t>(key));
  if (offered == offered_.end() || known == nullptr) return {};
  return offered->second.intersect(known->versions);
}

Result<ApiVersion> Connection::pick(ApiKey key, ApiVersion max_version) const {
  const VersionRange range = versions(key).intersect({0, max_version});
  if (!range.empty()) return range.max;
  return fail(ErrorCode::unsupported_version,
              fmt::format("{} does not offer {} in a version we know", address_.text(), protocol::name(key)));
}

protocol::Writer Connection::begin_frame(ApiKey key, ApiVersion version) {
  protocol::Writer frame(256);
  frame.put(std::int32_t{0});
  const protocol::RequestHeader header{.request_api_key = static_cast<std::int16_t>(key),
                                       .request_api_version = version,
                                       .correlation_id = next_correlation_id_++,
                                       .client_id = std::string_view(options_.client_id)};
  header.encode(frame, protocol::request_header_version(key, version));
  return frame;
}

Result<void> Connection::finish_frame(protocol::Writer& frame) {
  if (!frame.ok()) {
    --next_correlation_id_;
    return std::unexpected(frame.error());
  }
  frame.patch(0, static_cast<std::int32_t>(frame.size() - frame_length_size));
  return write_all(frame.bytes());
}

Result<std::shared_ptr<const std::vector<std::byte>>> Connection::receive_frame() {
  std::array<std::byte, frame_length_size> prefix;
  if (auto read = read_all(prefix); !read) return std::unexpected(read.error());
  const auto size = protocol::Reader(prefix).read<std::int32_t>();
  if (size < 0 || size > options_.max_response_size) return broken(fmt::format("announced {} bytes", size));
  auto frame = std::make_shared<std::vector<std::byte>>(static_cast<std::size_t>(size));
  if (auto read = read_all(*frame); !read) return std::unexpected(read.error());
  return frame;
}

Result<void> Connection::read_header(protocol::Reader& reader, ApiKey key, ApiVersion version) {
  const auto header = protocol::ResponseHeader::decode(reader, protocol::response_header_version(key, version));
  if (!header) return broken("sent an answer without a header");
  if (header->correlation_id != next_answer_++) return broken("answered another request");
  return {};
}

Result<void> Connection::write_all(Bytes bytes) {
  const std::int64_t deadline = now_ms() + options_.timeout_ms;
  while (!bytes.empty()) {
    if (socket_ < 0) return broken("is not connected");
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto ready = wait_until(POLLOUT, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return broken(std::strerror(errno));
    }
  }
  return {};
}

Result<void> Connection::read_all(std::span<std::byte> bytes) {
  const std::int64_t deadline = now_ms() + options_.timeout_ms;
  while (!bytes.empty()) {
    if (socket_ < 0) return broken("is not connected");
    const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (got > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    } else if (got == 0) {
      return broken("closed the connection");
    } else if (errno == EAGAIN) {
      if (auto ready = wait_until(POLLIN, deadline); !ready) return ready;
    } else if (errno != EINTR) {
      return broken(std::strerror(errno));
    }
  }
  return {};
}

bool Connection::has_answer(int patience_ms) const {
  pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
  return socket_ < 0 || poll(&ready, 1, patience_ms) > 0;
}

Result<void> Connection::wait_until(short events, std::int64_t deadline_ms) {
  pollfd ready{.fd = socket_, .events = events, .revents = 0};
  const std::int64_t left = deadline_ms - now_ms();
  if (left <= 0) return broken("did not answer in time");
  if (poll(&ready, 1, static_cast<int>(left)) < 0 && errno != EINTR) return broken(std::strerror(errno));
  return {};
}

std::unexpected<protocol::Error> Connection::broken(std::string_view what) {
  close();
  return fail(ErrorCode::network_exception, fmt::format("{}: {}", address_.text(), what));
}

}  // namespace broker::client
