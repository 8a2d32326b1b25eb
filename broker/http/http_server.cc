#include "broker/http/http_server.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <list>
#include <utility>

namespace broker {
namespace {

namespace ip = boost::asio::ip;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using protocol::ErrorCode, protocol::fail, protocol::Result;

constexpr std::size_t connections_max = 64;
constexpr std::size_t header_bytes_max = 8 * 1024;
constexpr std::chrono::seconds request_time_max{30};

using Stream = beast::basic_stream<ip::tcp, Executor>;
using Request = http::request_parser<http::empty_body>;
using Response = http::response<http::string_body>;

Response response_of(HttpAnswer answer, unsigned version, bool keep_alive) {
  Response response(static_cast<http::status>(answer.status), version);
  response.set(http::field::server, "Barnabas");
  response.set(http::field::content_type, answer.content_type);
  response.keep_alive(keep_alive);
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

bool is_readable_method(http::verb method) { return method == http::verb::get || method == http::verb::head; }

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Executor executor, HttpHandler handler)
      : executor_(executor), acceptor_(executor), handler_(std::move(handler)) {}

  Result<std::uint16_t> bind(const Endpoint& endpoint);
  Result<void> open(TaskGroup& tasks);
  void close();
  Executor executor() const { return executor_; }

 private:
  awaitable<void> accept_loop(TaskGroup& tasks);
  awaitable<void> serve(ip::tcp::socket::rebind_executor<Executor>::other socket);
  awaitable<bool> answer_one(Stream& stream, beast::flat_buffer& buffer);
  awaitable<bool> send(Stream& stream, Response response, bool head_only);

  Executor executor_;
  boost::asio::basic_socket_acceptor<ip::tcp, Executor> acceptor_;
  const HttpHandler handler_;
  std::list<Stream*> streams_;  // the oldest first; the network thread's
  bool closed_ = false;
};

Result<std::uint16_t> HttpServer::Impl::bind(const Endpoint& endpoint) {
  boost::system::error_code error;
  ip::basic_resolver<ip::tcp, Executor> resolver(executor_);
  const bool wildcard = endpoint.host.empty() || endpoint.host == "0.0.0.0";
  const auto found = resolver.resolve(wildcard ? "0.0.0.0" : endpoint.host, std::to_string(endpoint.port),
                                      ip::resolver_base::passive, error);
  if (!error) {
    const ip::tcp::endpoint address = found.begin()->endpoint();
    acceptor_.open(address.protocol(), error);
    if (!error) acceptor_.set_option(ip::tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(address, error);
  }
  if (error) {
    return fail(ErrorCode::invalid_config, fmt::format("http.listener cannot be bound to {}:{}: {}", endpoint.host,
                                                       endpoint.port, error.message()));
  }
  return acceptor_.local_endpoint(error).port();
}

Result<void> HttpServer::Impl::open(TaskGroup& tasks) {
  boost::system::error_code error;
  acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return fail(ErrorCode::invalid_config, fmt::format("http.listener cannot listen: {}", error.message()));
  tasks.spawn(executor_, accept_loop(tasks), "accepting HTTP connections");
  return {};
}

void HttpServer::Impl::close() {
  closed_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (Stream* stream : streams_) stream->close();
}

awaitable<void> HttpServer::Impl::accept_loop(TaskGroup& tasks) {
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    Executor>
      pause(executor_);
  while (!closed_) {
    auto [error, socket] = co_await acceptor_.async_accept(executor_, boost::asio::as_tuple(use_awaitable));
    if (closed_) co_return;
    if (error) {
      // Out of file descriptors, most likely.
      pause.expires_after(std::chrono::milliseconds(100));
      co_await pause.async_wait(boost::asio::as_tuple(use_awaitable));
      continue;
    }
    // The newcomer may be who asks whether the broker lives; those that have been here for long take their time.
    if (streams_.size() >= connections_max) {
      streams_.front()->close();
      streams_.pop_front();
    }
    tasks.spawn(executor_, serve(std::move(socket)), "an HTTP connection");
  }
}

awaitable<void> HttpServer::Impl::serve(ip::tcp::socket::rebind_executor<Executor>::other socket) {
  Stream stream(std::move(socket));
  streams_.push_back(&stream);
  beast::flat_buffer buffer(header_bytes_max);
  bool more = !closed_;
  while (more) {
    stream.expires_after(request_time_max);
    more = co_await answer_one(stream, buffer);
  }
  streams_.remove(&stream);
  boost::system::error_code ignored;
  stream.socket().shutdown(ip::tcp::socket::shutdown_send, ignored);
}

awaitable<bool> HttpServer::Impl::send(Stream& stream, Response response, bool head_only) {
  const bool keep_alive = response.keep_alive();
  if (head_only) {
    http::response<http::empty_body> head(response.base());
    const auto [failed, size] = co_await http::async_write(stream, head, boost::asio::as_tuple(use_awaitable));
    co_return !failed && keep_alive;
  }
  const auto [failed, size] = co_await http::async_write(stream, response, boost::asio::as_tuple(use_awaitable));
  co_return !failed && keep_alive;
}

awaitable<bool> HttpServer::Impl::answer_one(Stream& stream, beast::flat_buffer& buffer) {
  Request parser;
  parser.header_limit(header_bytes_max);
  parser.body_limit(0);
  const auto [error, size] = co_await http::async_read(stream, buffer, parser, boost::asio::as_tuple(use_awaitable));
  if (error) {
    const bool is_bad_request = error.category() == http::make_error_code(http::error::bad_method).category() &&
                                error != http::error::end_of_stream && error != http::error::partial_message;
    if (is_bad_request) {
      HttpAnswer answer{.status = 400, .body = fmt::format("bad request: {}\n", error.message())};
      co_await send(stream, response_of(std::move(answer), 11, false), false);
    }
    co_return false;
  }
  const auto& request = parser.get();
  HttpAnswer answer{.status = 405, .body = "only GET and HEAD are served here\n"};
  if (is_readable_method(request.method())) answer = co_await handler_(std::string(request.target()));
  Response response = response_of(std::move(answer), request.version(), request.keep_alive());
  co_return co_await send(stream, std::move(response), request.method() == http::verb::head);
}

HttpServer::HttpServer(Executor executor, Endpoint endpoint, HttpHandler handler)
    : endpoint_(std::move(endpoint)), impl_(std::make_unique<Impl>(executor, std::move(handler))) {}

HttpServer::~HttpServer() = default;

Result<void> HttpServer::bind() {
  const Result<std::uint16_t> port = impl_->bind(endpoint_);
  if (!port) return std::unexpected(port.error());
  endpoint_.port = *port;
  return {};
}

Result<void> HttpServer::open(TaskGroup& tasks) { return impl_->open(tasks); }

void HttpServer::close() {
  // REQUIRES the network thread to run: TaskGroup's owner waits for the coroutines afterwards.
  boost::asio::post(impl_->executor(), [impl = impl_.get()] { impl->close(); });
}

}  // namespace broker
