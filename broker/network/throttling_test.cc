// What a client sees of quotas: the answer at once, with the time to wait, and a connection that isn't read meanwhile.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <vector>

#include "broker/network/server.h"
#include "protocol/messages/heartbeat.h"

namespace broker {
namespace {

// A heartbeat that costs as many bytes as its generation says.
class CostlyHandler {
 public:
  using Request = protocol::HeartbeatRequest;
  using Response = protocol::HeartbeatResponse;
  Response handle(RequestContext& context, const Request& request) const {
    if (context.quotas() != nullptr) context.quotas()->charge_produce(static_cast<std::size_t>(request.generation_id));
    if (request.group_id == "silent") context.suppress_response();
    return {};
  }
};

class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval timeout{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void ask(std::int32_t cost, const char* group = "g") {
    protocol::HeartbeatRequest request;
    request.generation_id = cost;
    request.group_id = group;
    protocol::Writer writer;
    writer.put(std::int32_t{0});
    writer.put(static_cast<std::int16_t>(protocol::HeartbeatRequest::api_key));
    writer.put(std::int16_t{1});
    writer.put(++asked_);
    writer.put(std::optional<protocol::String>("app"), protocol::Encoding::classic, "client_id", true);
    request.encode(writer, 1);
    writer.patch(0, static_cast<std::int32_t>(writer.size() - 4));
    const std::vector<std::byte> frame = writer.to_vector();
    EXPECT_EQ(::send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL), static_cast<ssize_t>(frame.size()));
  }
  // The throttle time of the next answer; nothing: the connection was closed.
  std::optional<std::int32_t> answer() {
    std::array<std::byte, 14> bytes{};  // length, correlation id, throttle time, error code
    if (::recv(fd_, bytes.data(), bytes.size(), MSG_WAITALL) != static_cast<ssize_t>(bytes.size())) return std::nullopt;
    protocol::Reader reader{protocol::Bytes(bytes).subspan(8)};
    return reader.read<std::int32_t>();
  }
  bool has_answer() const {
    std::byte byte{};
    return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

 private:
  int fd_;
  std::int32_t asked_ = 0;
};

class ThrottlingTest : public testing::Test {
 protected:
  ThrottlingTest() {
    apis_.add<CostlyHandler>({.advertised = {0, 4}});
    apis_.freeze();
    ServerOptions options;
    options.listeners = {{.listener = "PLAINTEXT", .security_protocol = "PLAINTEXT", .host = "127.0.0.1", .port = 0}};
    options.quotas = &enforcement_;
    server_.emplace(std::move(options), apis_, metrics_);
    EXPECT_TRUE(server_->bind());
    EXPECT_TRUE(server_->accept());
  }
  ~ThrottlingTest() override { server_->stop(0); }

  std::uint16_t port() const { return server_->endpoints().front().port; }
  void limit(double bytes_per_second) {
    quotas_.set({.user = EntityPart::named("ANONYMOUS"), .client_id = {}},
                {bytes_per_second, std::nullopt, std::nullopt, std::nullopt});
  }

  protocol::SystemClock clock_;
  ClientQuotas quotas_{{.count = 2, .window_ms = 1'000}, {}};
  QuotaEnforcement enforcement_{.quotas = quotas_, .clock = clock_};
  ApiTable apis_;
  Metrics metrics_;
  std::optional<Server> server_;
};

TEST_F(ThrottlingTest, WithoutQuotasNobodyWaits) {
  Client client(port());
  client.ask(1 << 30);
  EXPECT_EQ(client.answer(), 0);
  client.ask(1 << 30);
  EXPECT_EQ(client.answer(), 0);
}

TEST_F(ThrottlingTest, TheAnswerComesAtOnceAndTheNextRequestWaits) {
  limit(1'000);
  Client client(port());
  const auto start = std::chrono::steady_clock::now();
  client.ask(1'500);
  client.ask(0);
  const auto throttle_ms = client.answer();
  ASSERT_TRUE(throttle_ms);
  EXPECT_GT(*throttle_ms, 0);
  EXPECT_LE(*throttle_ms, 500);
  EXPECT_EQ(client.answer(), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(*throttle_ms));
}

TEST_F(ThrottlingTest, OtherConnectionsAreServedMeanwhile) {
  limit(1);
  Client throttled(port()), other(port());
  throttled.ask(1'000);
  EXPECT_GT(throttled.answer().value_or(0), 10'000);
  throttled.ask(0);
  quotas_.set({.user = EntityPart::named("ANONYMOUS"), .client_id = {}}, {});
  other.ask(0);
  EXPECT_EQ(other.answer(), 0);
  EXPECT_FALSE(throttled.has_answer());
}

TEST_F(ThrottlingTest, RequestsWithoutAnswersAreThrottledToo) {
  limit(1);
  Client client(port());
  client.ask(1'000, "silent");
  client.ask(0);
  Client other(port());
  other.ask(0);
  EXPECT_GT(other.answer().value_or(0), 10'000) << "the user's quota is used up by the first client";
  EXPECT_FALSE(client.has_answer());
}

TEST_F(ThrottlingTest, AMutedConnectionDoesNotHoldUpTheStop) {
  limit(1);
  Client client(port());
  client.ask(1'000'000);
  EXPECT_GT(client.answer().value_or(0), 60'000);
  client.ask(0);
  server_->close_connections(10'000);
  EXPECT_EQ(server_->connection_count(), 0u);
  EXPECT_EQ(client.answer(), std::nullopt);
}

}  // namespace
}  // namespace broker
