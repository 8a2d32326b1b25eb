#include "broker/http/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <string>
#include <thread>
#include <vector>

namespace broker {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    EXPECT_TRUE(server_.bind());
    EXPECT_TRUE(server_.open(tasks_));
    thread_ = std::thread([this] { io_.run(); });
  }
  ~HttpServerTest() override {
    server_.close();
    EXPECT_TRUE(tasks_.wait(20'000));
    work_.reset();
    thread_.join();
  }

  static awaitable<HttpAnswer> answer(std::string target) {
    if (target == "/hello") co_return HttpAnswer{.body = "world\n"};
    co_return HttpAnswer{.status = 404, .body = "nothing here\n"};
  }

  // A connection on which the bytes were sent.
  int connect(std::string_view bytes) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval timeout{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_.endpoint().port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return fd;
  }

  // Sends `request` and returns everything until the server closes or nothing came for a while.
  std::string ask(std::string_view request) {
    const int fd = connect(request);
    std::string out;
    char piece[4096];
    for (ssize_t size; (size = ::recv(fd, piece, sizeof(piece), 0)) > 0;)
      out.append(piece, static_cast<std::size_t>(size));
    ::close(fd);
    return out;
  }

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<Executor> work_{io_.get_executor()};
  TaskGroup tasks_;
  HttpServer server_{
      io_.get_executor(), {.listener = "HTTP", .security_protocol = "", .host = "127.0.0.1", .port = 0}, answer};
  std::thread thread_;
};

TEST_F(HttpServerTest, AnswersAGet) {
  const std::string answer = ask("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\nworld\n"));
}

TEST_F(HttpServerTest, AHeadHasNoBody) {
  const std::string answer = ask("HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("world")));
}

TEST_F(HttpServerTest, KeepsAConnectionForSeveralRequests) {
  const std::string answer =
      ask("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
          "GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("200 OK"));
  EXPECT_THAT(answer, HasSubstr("404 Not Found"));
}

TEST_F(HttpServerTest, RefusesOtherMethodsGarbageAndEndlessHeaders) {
  EXPECT_THAT(ask("DELETE /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(ask("garbage\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(
      ask("GET /hello HTTP/1.1\r\nX: " + std::string(6000, 'a') + "\r\nY: " + std::string(6000, 'b') + "\r\n\r\n"),
      Not(HasSubstr("200 OK")));
}

TEST_F(HttpServerTest, SlowClientsKeepNobodyOut) {
  std::vector<int> slow;
  for (int i = 0; i < 200; ++i) slow.push_back(connect("GET /hel"));
  EXPECT_THAT(ask("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  for (const int fd : slow) ::close(fd);
}

TEST_F(HttpServerTest, AnAddressInUseIsAnErrorThatNamesIt) {
  HttpServer second(io_.get_executor(), server_.endpoint(), answer);
  const auto bound = second.bind();
  ASSERT_FALSE(bound);
  EXPECT_THAT(bound.error().text(), HasSubstr("http.listener cannot be bound to 127.0.0.1:"));
}

}  // namespace
}  // namespace broker
