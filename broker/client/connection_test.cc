// A Connection against a scripted peer on loopback.
#include "broker/client/connection.h"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "protocol/messages/api_versions.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/request_header.h"
#include "protocol/messages/response_header.h"

namespace broker::client {
namespace {

using protocol::ApiKey, protocol::ErrorCode;

// One frame read from a socket, its length removed. Empty at the end of the connection.
std::vector<std::byte> read_frame(int fd) {
  std::array<std::byte, 4> prefix;
  if (recv(fd, prefix.data(), 4, MSG_WAITALL) != 4) return {};
  std::vector<std::byte> frame(static_cast<std::size_t>(protocol::Reader(prefix).read<std::int32_t>()));
  if (recv(fd, frame.data(), frame.size(), MSG_WAITALL) != static_cast<ssize_t>(frame.size())) return {};
  return frame;
}

// Accepts one connection and tells its versions as a broker that knows ApiVersions up to `newest`; what follows goes to
// `then`.
class Peer {
 public:
  explicit Peer(std::int16_t newest, std::function<void(int)> then = {}) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 1);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, newest, then = std::move(then)] { serve(newest, then); });
  }
  ~Peer() {
    thread_.join();
    close(listener_);
  }
  Address address() const { return {.host = "127.0.0.1", .port = port_}; }

  // Answers one request with `response` at `version`.
  template <typename Response>
  static void answer(int fd, std::int32_t correlation_id, const Response& response, std::int16_t version) {
    protocol::Writer frame;
    frame.put(std::int32_t{0});
    protocol::ResponseHeader{.correlation_id = correlation_id}.encode(
        frame, protocol::response_header_version(Response::api_key, version));
    response.encode(frame, version);
    frame.patch(0, static_cast<std::int32_t>(frame.size() - 4));
    send(fd, frame.bytes().data(), frame.size(), MSG_NOSIGNAL);
  }

 private:
  void serve(std::int16_t newest, const std::function<void(int)>& then) const {
    const int fd = accept(listener_, nullptr, nullptr);
    while (const auto told = tell_versions(fd, newest)) {
      if (*told != ErrorCode::none) continue;
      if (then) then(fd);
      break;
    }
    close(fd);
  }

  // Nothing when the other side has gone.
  static std::optional<ErrorCode> tell_versions(int fd, std::int16_t newest) {
    const auto frame = read_frame(fd);
    protocol::Reader peek(frame), reader(frame);
    peek.skip(2);
    const auto version = peek.read<std::int16_t>();
    const auto header = protocol::RequestHeader::decode(reader, version >= 3 ? 2 : 1);
    if (!header) return std::nullopt;
    protocol::ApiVersionsResponse response;
    response.api_keys = {{.api_key = 18, .min_version = 0, .max_version = newest}};
    const bool known = version <= newest;
    if (known) response.api_keys.push_back({.api_key = 12, .min_version = 1, .max_version = 3});
    if (!known) response.error_code = ErrorCode::unsupported_version;
    answer(fd, header->correlation_id, response, known ? version : std::int16_t{0});
    return response.error_code;
  }

  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST(Connections, TakeTheNewestVersionOfBothSides) {
  const Peer peer(protocol::ApiVersionsRequest::versions.max);
  const auto connection = Connection::open(peer.address());
  ASSERT_TRUE(connection) << connection.error().text();
  EXPECT_EQ(*connection->pick(ApiKey::heartbeat), 3);
  EXPECT_EQ(*connection->pick(ApiKey::heartbeat, 2), 2);
  EXPECT_EQ(connection->pick(ApiKey::heartbeat, 0).code(), ErrorCode::unsupported_version);
  EXPECT_EQ(connection->pick(ApiKey::fetch).code(), ErrorCode::unsupported_version);
}

TEST(Connections, UnderstandABrokerThatIsOlder) {
  const Peer peer(2);
  const auto connection = Connection::open(peer.address());
  ASSERT_TRUE(connection) << connection.error().text();
  EXPECT_EQ(connection->versions(ApiKey::api_versions), (protocol::VersionRange{0, 2}));
  EXPECT_EQ(connection->versions(ApiKey::heartbeat), (protocol::VersionRange{1, 3}));
}

TEST(Connections, CarryRequestsAndAnswers) {
  const Peer peer(3, [](int fd) {
    for (int i = 0; i < 2; ++i) {
      const auto frame = read_frame(fd);
      protocol::Reader reader(frame);
      const auto header = protocol::RequestHeader::decode(reader, 1);
      const auto request = protocol::HeartbeatRequest::decode(reader, 3);
      if (!header || !request) return;
      Peer::answer(fd, header->correlation_id, protocol::HeartbeatResponse{.throttle_time_ms = request->generation_id},
                   3);
    }
  });
  auto connection = Connection::open(peer.address());
  ASSERT_TRUE(connection);
  for (const int number : {7, 8}) {
    const auto reply = connection->call(protocol::HeartbeatRequest{.group_id = "g", .generation_id = number});
    ASSERT_TRUE(reply) << reply.error().text();
    EXPECT_EQ((*reply)->throttle_time_ms, number);
    EXPECT_EQ(reply->version(), 3);
  }
}

TEST(Connections, RequestsThatNoVersionCanSayAreErrors) {
  const Peer peer(3);
  auto connection = Connection::open(peer.address());
  ASSERT_TRUE(connection);
  const auto reply = connection->call(protocol::HeartbeatRequest{.group_instance_id = "static"}, 1);
  EXPECT_EQ(reply.code(), ErrorCode::unsupported_version);
  EXPECT_TRUE(connection->is_open());
}

TEST(Connections, AWrongCorrelationIdEndsThem) {
  const Peer peer(3, [](int fd) {
    read_frame(fd);
    Peer::answer(fd, 4711, protocol::HeartbeatResponse{}, 3);
  });
  auto connection = Connection::open(peer.address());
  ASSERT_TRUE(connection);
  EXPECT_EQ(connection->call(protocol::HeartbeatRequest{}).code(), ErrorCode::network_exception);
  EXPECT_FALSE(connection->is_open());
}

TEST(Connections, AnImpossibleLengthEndsThem) {
  const Peer peer(3, [](int fd) {
    read_frame(fd);
    send(fd, "\x7f\xff\xff\xff", 4, MSG_NOSIGNAL);
  });
  auto connection = Connection::open(peer.address());
  ASSERT_TRUE(connection);
  EXPECT_EQ(connection->call(protocol::HeartbeatRequest{}).code(), ErrorCode::network_exception);
}

TEST(Connections, APeerThatClosesIsNamed) {
  const Peer peer(3);
  auto connection = Connection::open(peer.address());
  ASSERT_TRUE(connection);
  const auto reply = connection->call(protocol::HeartbeatRequest{});
  EXPECT_EQ(reply.code(), ErrorCode::network_exception);
  EXPECT_TRUE(reply.error().message.contains(peer.address().text()));
}

}  // namespace
}  // namespace broker::client
