// A client of `tools/dev bench`: blocking calls on one socket, frames encoded by the caller, so that the client's own
// work stays small beside the broker's. Each connection belongs to one thread.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "protocol/messages/request_header.h"
#include "protocol/wire.h"

namespace bench {

using Buffer = std::vector<std::byte>;

constexpr std::size_t correlation_bytes = 4;

class Connection {
 public:
  explicit Connection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int one = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    ::setsockopt(socket_, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("can't connect to port " + std::to_string(port));
    }
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int descriptor() const { return socket_; }

  void send(protocol::Bytes bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) throw std::runtime_error("the broker closed the connection while it was written to");
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
  }

  // The next response without its length; valid until the next call.
  protocol::Bytes receive() {
    std::byte length[4];
    fill(length, sizeof(length));
    const auto size = static_cast<std::size_t>(protocol::Reader(protocol::Bytes(length, 4)).read<std::int32_t>());
    if (frame_.size() < size) frame_.resize(size);
    fill(frame_.data(), size);
    return {frame_.data(), size};
  }

 private:
  void fill(std::byte* to, std::size_t size) {
    while (size > 0) {
      const ssize_t got = ::recv(socket_, to, size, 0);
      if (got <= 0) throw std::runtime_error("the broker closed the connection");
      to += got;
      size -= static_cast<std::size_t>(got);
    }
  }

  int socket_;
  Buffer frame_;
};

// A whole frame, length included, with a header before flexible versions (request header 1).
template <typename Request>
Buffer frame_of(const Request& request, protocol::ApiVersion version) {
  protocol::RequestHeader header;
  header.request_api_key = static_cast<std::int16_t>(Request::api_key);
  header.request_api_version = version;
  header.client_id = protocol::String("barnabas-bench");
  protocol::Writer writer;
  writer.put(std::int32_t{0});
  header.encode(writer, 1);
  request.encode(writer, version);
  writer.patch(0, static_cast<std::int32_t>(writer.size() - 4));
  return writer.to_vector();
}

// The message of a frame that receive() gave; its views live as long as the frame.
template <typename Response>
Response response_of(protocol::Bytes frame, protocol::ApiVersion version) {
  protocol::Reader reader(frame.subspan(correlation_bytes));
  auto response = Response::decode(reader, version);
  if (!response) throw std::runtime_error("a response does not decode");
  return std::move(*response);
}

}  // namespace bench
