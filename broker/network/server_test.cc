// The server over real loopback sockets: framing, order, limits, bad input, stopping.
#include "broker/network/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "broker/handlers/api_versions.h"
#include "protocol/messages/fetch.h"
#include "protocol/messages/heartbeat.h"
#include "protocol/messages/sasl_authenticate.h"

namespace broker {
namespace {

using testing::HasSubstr;

// Heartbeat stands in for requests that wait: the generation says how many milliseconds, the group what else to do.
class WaitingHandler {
 public:
  using Request = protocol::HeartbeatRequest;
  using Response = protocol::HeartbeatResponse;
  awaitable<Response> handle(RequestContext& context, const Request& request) const {
    context.ordered_part_done();
    Response response;
    if (request.generation_id > 0) {
      Waiter waiter(context);
      const Wake wake = co_await waiter.wait_for(request.generation_id);
      response.error_code =
          wake == Wake::cancelled ? protocol::ErrorCode::request_timed_out : protocol::ErrorCode::none;
    }
    if (request.group_id == "close") context.close_connection();
    if (request.group_id == "silent") context.suppress_response();
    co_return response;
  }
};

// Echoes its bytes.
class EchoHandler {
 public:
  using Request = protocol::SaslAuthenticateRequest;
  using Response = protocol::SaslAuthenticateResponse;
  Response handle(RequestContext&, const Request& request) const {
    Response response;
    response.auth_bytes = protocol::ByteString::copy_of(request.auth_bytes.view());
    return response;
  }
};

// Two partitions whose records are ranges of a file, with memory before, between and after.
class FileHandler {
 public:
  using Request = protocol::FetchRequest;
  using Response = protocol::FetchResponse;
  explicit FileHandler(int fd) : fd_(fd) {}
  Response handle(RequestContext&, const Request& request) const {
    Response response;
    auto& topic = response.responses.emplace_back();
    topic.topic = "t";
    for (int i = 0; i < 2; ++i) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = i;
      std::vector<protocol::FileRange> ranges;
      ranges.push_back({.owner = nullptr, .fd = fd_, .position = i * 10, .length = request.max_bytes});
      ranges.push_back({.owner = nullptr, .fd = fd_, .position = 5, .length = 7});
      partition.records = protocol::Records(std::move(ranges));
    }
    return response;
  }

 private:
  int fd_;
};

// A blocking client. Every receive is bounded by a timeout, so that a test can't hang.
class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval timeout{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void send_raw(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  template <typename Request>
  static std::string framed(const Request& request, protocol::ApiVersion version, std::int32_t correlation_id) {
    protocol::Writer writer;
    writer.put(std::int32_t{0});
    writer.put(static_cast<std::int16_t>(Request::api_key));
    writer.put(version);
    writer.put(correlation_id);
    writer.put(std::int16_t{-1});
    if (version >= Request::first_flexible_version) writer.unsigned_varint(0);
    request.encode(writer, version);
    writer.patch(0, static_cast<std::int32_t>(writer.size() - 4));
    return std::string(protocol::as_text(writer.bytes()));
  }
  // Up to `size` bytes; fewer when the connection ended.
  std::string receive(std::size_t size) {
    std::string out(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const ssize_t got = ::recv(fd_, out.data() + have, size - have, 0);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return out;
  }
  // The next response without its length; empty when the connection ended.
  std::string receive_frame() {
    const std::string head = receive(4);
    if (head.size() < 4) return {};
    protocol::Reader reader(protocol::as_bytes(head));
    return receive(static_cast<std::size_t>(reader.read<std::int32_t>()));
  }
  std::int32_t receive_correlation_id() {
    const std::string frame = receive_frame();
    if (frame.size() < 4) return -1;
    protocol::Reader reader(protocol::as_bytes(frame));
    return reader.read<std::int32_t>();
  }
  bool closed_by_server() { return receive(1).empty(); }
  void end_sending() { ::shutdown(fd_, SHUT_WR); }

 private:
  int fd_;
  bool connected_ = false;
};

std::string heartbeat(std::int32_t wait_ms, std::int32_t correlation_id, const char* group = "g") {
  protocol::HeartbeatRequest request;
  request.group_id = group;
  request.generation_id = wait_ms;
  return Client::framed(request, 4, correlation_id);
}

std::string echo(const std::string& bytes, std::int32_t correlation_id) {
  protocol::SaslAuthenticateRequest request;
  request.auth_bytes = protocol::ByteString(protocol::as_bytes(bytes));
  return Client::framed(request, 1, correlation_id);
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    char path[] = "/tmp/server_test.XXXXXX";
    file_ = ::mkstemp(path);
    ::unlink(path);
    for (int i = 0; i < 3 << 20; ++i) file_content_ += static_cast<char>('a' + i % 23);
    EXPECT_EQ(::pwrite(file_, file_content_.data(), file_content_.size(), 0),
              static_cast<ssize_t>(file_content_.size()));
    apis_.add<ApiVersionsHandler>({.advertised = {0, 4}}, apis_, [] { return std::int64_t{0}; });
    apis_.add<WaitingHandler>({.advertised = {0, 4}});
    apis_.add<EchoHandler>({.advertised = {0, 1}});
    apis_.add<FileHandler>({.advertised = {4, 11}}, file_);
    apis_.freeze();
    options_.listeners = {{.listener = "PLAINTEXT", .security_protocol = "PLAINTEXT", .host = "127.0.0.1", .port = 0}};
    options_.network_threads = 2;
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(log_);
    previous_log_ = spdlog::default_logger();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("test", sink));
  }
  ~ServerTest() override {
    if (server_) server_->stop(0);
    spdlog::set_default_logger(previous_log_);
    ::close(file_);
  }

  void start() {
    server_ = std::make_unique<Server>(options_, apis_, metrics_);
    ASSERT_TRUE(server_->bind());
    port_ = server_->endpoints()[0].port;
    ASSERT_TRUE(server_->accept());
  }

  // What was logged. Ends the server, so that nobody writes to the log any more.
  std::string logged() {
    server_->stop(0);
    return log_.str();
  }

  // The server closes sockets before it counts: wait for the count.
  bool connections_become(std::size_t count) {
    for (int i = 0; i < 2000 && server_->connection_count() != count; ++i) ::usleep(5000);
    return server_->connection_count() == count;
  }

  ServerOptions options_;
  ApiTable apis_;
  Metrics metrics_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::string file_content_;
  std::ostringstream log_;

 private:
  int file_ = -1;
  std::shared_ptr<spdlog::logger> previous_log_;
};

TEST_F(ServerTest, AnswersPipelinedRequestsInTheirOrder) {
  start();
  Client client(port_);
  std::string stream;
  for (int i = 0; i < 500; ++i) stream += heartbeat(0, i);
  client.send_raw(stream);
  for (int i = 0; i < 500; ++i) ASSERT_EQ(client.receive_correlation_id(), i);
}

TEST_F(ServerTest, RequestsArrivingByteByByteAreAnswered) {
  start();
  Client client(port_);
  for (const char byte : heartbeat(0, 7) + heartbeat(0, 8)) client.send_raw({&byte, 1});
  EXPECT_EQ(client.receive_correlation_id(), 7);
  EXPECT_EQ(client.receive_correlation_id(), 8);
}

TEST_F(ServerTest, WaitingRequestsDoNotHoldUpEachOtherButTheirAnswersKeepTheOrder) {
  start();
  Client client(port_);
  // One after the other these would take 100 seconds, and the client gives up after 20.
  std::string stream;
  for (int i = 0; i < 100; ++i) stream += heartbeat(1000, i);
  stream += heartbeat(0, 100);
  client.send_raw(stream);
  for (int i = 0; i <= 100; ++i) ASSERT_EQ(client.receive_correlation_id(), i);
}

TEST_F(ServerTest, MoreWaitingRequestsThanTheBoundAreReadLater) {
  start();
  Client client(port_);
  const int count = static_cast<int>(Connection::requests_max) * 3;
  std::string stream;
  for (int i = 0; i < count; ++i) stream += heartbeat(i % 50, i);
  client.send_raw(stream);
  for (int i = 0; i < count; ++i) ASSERT_EQ(client.receive_correlation_id(), i);
}

TEST_F(ServerTest, LargeRequestsAndAnswersPassWhole) {
  start();
  Client client(port_);
  for (const std::size_t size : {std::size_t{100'000}, std::size_t{1} << 20, std::size_t{20} << 20}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
    std::thread sender([&] { client.send_raw(echo(bytes, 1) + echo(bytes, 2)); });
    for (const std::int32_t id : {1, 2}) {
      const std::string frame = client.receive_frame();
      protocol::Reader reader(protocol::as_bytes(frame));
      EXPECT_EQ(reader.read<std::int32_t>(), id);
      // Header v1 has a tag buffer only from v2 of SaslAuthenticate on.
      const auto response = protocol::SaslAuthenticateResponse::decode(reader, 1);
      EXPECT_TRUE(response && protocol::as_text(response->auth_bytes.view()) == bytes) << size;
    }
    sender.join();
  }
}

TEST_F(ServerTest, FileRangesLeaveBetweenTheMemoryAroundThem) {
  start();
  Client client(port_);
  for (const std::int32_t length : {0, 1, 5000, 2 << 20}) {
    protocol::FetchRequest request;
    request.max_bytes = length;
    client.send_raw(Client::framed(request, 11, 1) + Client::framed(request, 11, 2));
    for (const std::int32_t id : {1, 2}) {
      const std::string frame = client.receive_frame();
      protocol::Reader reader(protocol::as_bytes(frame));
      EXPECT_EQ(reader.read<std::int32_t>(), id);
      const auto response = protocol::FetchResponse::decode(reader, 11);
      ASSERT_TRUE(response);
      for (int i = 0; i < 2; ++i) {
        const std::string expected =
            file_content_.substr(static_cast<std::size_t>(i * 10), static_cast<std::size_t>(length)) +
            file_content_.substr(5, 7);
        const auto& partition = response->responses.at(0).partitions.at(static_cast<std::size_t>(i));
        EXPECT_TRUE(protocol::as_text(partition.records->bytes()) == expected) << length;
      }
    }
  }
}

TEST_F(ServerTest, AnswersToASlowReaderArriveWhole) {
  start();
  Client client(port_);
  protocol::FetchRequest request;
  request.max_bytes = 1 << 20;
  std::string stream;
  for (int i = 0; i < 40; ++i) stream += Client::framed(request, 11, i);
  client.send_raw(stream);
  ::usleep(100'000);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(client.receive_correlation_id(), i);
}

TEST_F(ServerTest, ARequestWithoutAnAnswerLeavesNoGap) {
  start();
  Client client(port_);
  client.send_raw(heartbeat(20, 1, "silent") + heartbeat(0, 2) + heartbeat(0, 3, "silent") + heartbeat(0, 4));
  EXPECT_EQ(client.receive_correlation_id(), 2);
  EXPECT_EQ(client.receive_correlation_id(), 4);
}

TEST_F(ServerTest, EarlierAnswersLeaveBeforeARequestClosesTheConnection) {
  start();
  Client client(port_);
  client.send_raw(heartbeat(50, 1) + heartbeat(0, 2, "close") + heartbeat(0, 3));
  EXPECT_EQ(client.receive_correlation_id(), 1);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, ATlsClientIsToldApartInTheLog) {
  start();
  Client client(port_);
  client.send_raw(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  EXPECT_TRUE(client.closed_by_server());
  ASSERT_TRUE(connections_become(0));
  EXPECT_THAT(logged(), HasSubstr("looks like a TLS ClientHello; this listener is PLAINTEXT"));
}

TEST_F(ServerTest, AnHttpClientGetsAnAnswerAndALogLineThatNamesTheHttpListener) {
  options_.http_hint = "the HTTP listener is http://127.0.0.1:9644";
  start();
  Client client(port_);
  client.send_raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.receive(10'000), HasSubstr("400 Bad Request"));
  ASSERT_TRUE(connections_become(0));
  EXPECT_THAT(logged(),
              HasSubstr("looks like HTTP; this listener speaks the Kafka protocol, the HTTP listener is http"));
}

TEST_F(ServerTest, OversizeAndNegativeLengthsCloseWithOneLine) {
  options_.request_max_bytes = 1000;
  start();
  Client oversize(port_);
  oversize.send_raw(echo(std::string(2000, 'x'), 1));
  EXPECT_TRUE(oversize.closed_by_server());
  Client negative(port_);
  negative.send_raw("\xff\xff\xff\xf0");
  EXPECT_TRUE(negative.closed_by_server());
  ASSERT_TRUE(connections_become(0));
  EXPECT_THAT(logged(), HasSubstr("socket.request.max.bytes is 1000"));
  EXPECT_EQ(metrics_.connections_rejected.value(), 2);
}

TEST_F(ServerTest, GarbageIsLoggedAFewTimesOnly) {
  start();
  for (int i = 0; i < 50; ++i) {
    Client client(port_);
    client.send_raw("\xff\xff\xff\xf0garbage");
    EXPECT_TRUE(client.closed_by_server());
  }
  ASSERT_TRUE(connections_become(0));
  std::size_t lines = 0;
  for (const char c : logged()) lines += c == '\n' ? 1 : 0;
  EXPECT_GE(lines, 1u);
  EXPECT_LE(lines, 10u);
  EXPECT_EQ(metrics_.connections_rejected.value(), 50);
}

TEST_F(ServerTest, AHalfSentRequestAndACloseLeaveNothingBehind) {
  start();
  {
    Client client(port_);
    client.send_raw(heartbeat(0, 1).substr(0, 9));
    ASSERT_TRUE(connections_become(1));
  }
  EXPECT_TRUE(connections_become(0));
}

TEST_F(ServerTest, AClientThatLeavesWakesItsWaitingRequest) {
  start();
  {
    Client client(port_);
    client.send_raw(heartbeat(3'600'000, 1));
    ASSERT_TRUE(connections_become(1));
  }
  EXPECT_TRUE(connections_become(0));
}

TEST_F(ServerTest, AClientThatOnlyEndsSendingStillGetsItsAnswers) {
  start();
  Client client(port_);
  client.send_raw(heartbeat(0, 1) + heartbeat(100'000, 2));
  client.end_sending();
  EXPECT_EQ(client.receive_correlation_id(), 1);
  EXPECT_EQ(client.receive_correlation_id(), 2);
  EXPECT_TRUE(client.closed_by_server());
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitOfAnAddressAreClosed) {
  options_.limits.per_ip_max = 2;
  start();
  Client first(port_);
  Client second(port_);
  ASSERT_TRUE(connections_become(2));
  Client third(port_);
  EXPECT_TRUE(third.closed_by_server());
  EXPECT_EQ(metrics_.connections_refused.value(), 1);
  EXPECT_THAT(logged(), HasSubstr("max.connections.per.ip"));
}

TEST_F(ServerTest, ConnectionsBeyondTheTotalWaitUntilOneCloses) {
  options_.limits.total_max = 1;
  start();
  auto first = std::make_unique<Client>(port_);
  ASSERT_TRUE(connections_become(1));
  Client second(port_);
  second.send_raw(heartbeat(0, 5));
  first->send_raw(heartbeat(0, 4));
  EXPECT_EQ(first->receive_correlation_id(), 4);
  EXPECT_EQ(server_->connection_count(), 1u);
  first.reset();
  EXPECT_EQ(second.receive_correlation_id(), 5);
}

TEST_F(ServerTest, IdleConnectionsAreClosed) {
  options_.idle_max_ms = 50;
  start();
  Client client(port_);
  EXPECT_TRUE(client.closed_by_server());
  EXPECT_EQ(metrics_.connections_idle_closed.value(), 1);
}

TEST_F(ServerTest, RequestsBeyondTheMemoryBudgetWaitTheirTurn) {
  options_.requests_bytes_max = 1 << 20;
  start();
  const std::string bytes(900'000, 'x');
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> senders;
  for (int i = 0; i < 8; ++i) clients.push_back(std::make_unique<Client>(port_));
  for (auto& client : clients) senders.emplace_back([&] { client->send_raw(echo(bytes, 9)); });
  for (auto& client : clients) EXPECT_EQ(client->receive_correlation_id(), 9);
  for (auto& sender : senders) sender.join();
}

TEST_F(ServerTest, StoppingAnswersWhatWaitsAndClosesTheRest) {
  start();
  Client idle(port_);
  Client waiting(port_);
  waiting.send_raw(heartbeat(3'600'000, 3));
  ASSERT_TRUE(connections_become(2));
  while (metrics_.connections_opened.value() < 2) ::usleep(1000);
  ::usleep(50'000);
  server_->stop(5000);
  EXPECT_EQ(waiting.receive_correlation_id(), 3);
  EXPECT_TRUE(waiting.closed_by_server());
  EXPECT_TRUE(idle.closed_by_server());
  Client late(port_);
  EXPECT_FALSE(late.connected());
}

TEST_F(ServerTest, ABoundListenerRefusesUntilItAccepts) {
  server_ = std::make_unique<Server>(options_, apis_, metrics_);
  ASSERT_TRUE(server_->bind());
  Client early(server_->endpoints()[0].port);
  EXPECT_FALSE(early.connected());
}

TEST_F(ServerTest, AnAddressInUseIsAnErrorThatNamesIt) {
  start();
  options_.listeners[0].port = port_;
  Server second(options_, apis_, metrics_);
  const auto bound = second.bind();
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().text(), HasSubstr("127.0.0.1:" + std::to_string(port_)));
}

TEST_F(ServerTest, LocalhostIsBoundOnBothLoopbackAddressesWhereThereAreTwo) {
  options_.listeners[0].host = "localhost";
  start();
  Client client(port_);
  client.send_raw(heartbeat(0, 1));
  EXPECT_EQ(client.receive_correlation_id(), 1);
}

}  // namespace
}  // namespace broker
