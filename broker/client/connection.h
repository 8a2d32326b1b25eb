// One connection to a broker, over the same codec as the server: connects, asks which versions the broker offers, sends
// requests and waits for their answers.
//
// Blocking: every call waits at most the connection's timeout. Belongs to one thread at a time. After a
// network_exception the connection is closed and stays so. Used by the command-line tools.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/client/address.h"
#include "protocol/api_key.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "protocol/version_range.h"
#include "protocol/wire.h"

namespace broker::client {

struct ConnectionOptions {
  std::string client_id = "barnabas";
  int timeout_ms = 30'000;
  std::int32_t max_response_size = std::int32_t{256} << 20;
};

// A decoded answer together with the bytes that its strings and records view.
template <typename Response>
class Reply {
 public:
  Reply() = default;
  Reply(std::shared_ptr<const std::vector<std::byte>> frame, Response response, protocol::ApiVersion version)
      : frame_(std::move(frame)), response_(std::move(response)), version_(version) {}

  const Response& operator*() const { return response_; }
  const Response* operator->() const { return &response_; }
  protocol::ApiVersion version() const { return version_; }

 private:
  std::shared_ptr<const std::vector<std::byte>> frame_;
  Response response_;
  protocol::ApiVersion version_ = 0;
};

class Connection {
 public:
  // Connects and negotiates versions. Errors: network_exception with a sentence that names the address.
  static protocol::Result<Connection> open(const Address& address, ConnectionOptions options = {});

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  const Address& address() const { return address_; }
  bool is_open() const { return socket_ >= 0; }

  // The versions that the broker offers and the definitions know; empty when there is none.
  protocol::VersionRange versions(protocol::ApiKey key) const;

  // Sends `request` at the newest version that both sides know, but at most `max_version`, and waits for the answer.
  // Errors: unsupported_version when there is no such version or the request can't be said in it; network_exception.
  template <typename Request>
  protocol::Result<Reply<typename Request::Response>> call(const Request& request,
                                                           protocol::ApiVersion max_version = 32767) {
    const auto version = pick(Request::api_key, max_version);
    if (!version) return std::unexpected(version.error());
    auto sent = send(request, *version);
    if (!sent) return std::unexpected(sent.error());
    return receive<typename Request::Response>(Request::api_key, *version);
  }

  // The halves of call(), for several requests under way at once; answers come in the order of the requests.
  template <typename Request>
  protocol::Result<void> send(const Request& request, protocol::ApiVersion version) {
    protocol::Writer frame = begin_frame(Request::api_key, version);
    request.encode(frame, version);
    return finish_frame(frame);
  }
  // For a request that the broker does not answer: Produce with acks=0.
  template <typename Request>
  protocol::Result<void> send_without_answer(const Request& request, protocol::ApiVersion version) {
    auto sent = send(request, version);
    if (sent) ++next_answer_;
    return sent;
  }
  template <typename Response>
  protocol::Result<Reply<Response>> receive(protocol::ApiKey key, protocol::ApiVersion version) {
    auto frame = receive_frame();
    if (!frame) return std::unexpected(frame.error());
    protocol::Reader reader(**frame);
    if (auto header = read_header(reader, key, version); !header) return std::unexpected(header.error());
    auto response = Response::decode(reader, version);
    if (!response) return std::unexpected(response.error());
    return Reply<Response>(std::move(*frame), std::move(*response), version);
  }

  // Whether an answer begins to come within `patience_ms`; true as well when the connection broke, which receive()
  // tells.
  bool has_answer(int patience_ms) const;

  // The newest version of both sides, at most `max_version`.
  protocol::Result<protocol::ApiVersion> pick(protocol::ApiKey key, protocol::ApiVersion max_version = 32767) const;

 private:
  Connection(const Address& address, ConnectionOptions options, int socket);

  protocol::Result<void> negotiate();
  protocol::Result<protocol::ErrorCode> ask_versions(protocol::ApiVersion version);
  protocol::Writer begin_frame(protocol::ApiKey key, protocol::ApiVersion version);
  protocol::Result<void> finish_frame(protocol::Writer& frame);
  protocol::Result<std::shared_ptr<const std::vector<std::byte>>> receive_frame();
  protocol::Result<void> read_header(protocol::Reader& reader, protocol::ApiKey key, protocol::ApiVersion version);

  protocol::Result<void> write_all(protocol::Bytes bytes);
  protocol::Result<void> read_all(std::span<std::byte> bytes);
  protocol::Result<void> wait_until(short events, std::int64_t deadline_ms);
  std::unexpected<protocol::Error> broken(std::string_view what);
  void close();

  Address address_;
  ConnectionOptions options_;
  int socket_ = -1;
  std::int32_t next_correlation_id_ = 1;  // of the next request
  std::int32_t next_answer_ = 1;          // of the next answer
  std::map<protocol::ApiKey, protocol::VersionRange> offered_;
};

}  // namespace broker::client
