// For tests of handlers: runs coroutines on a thread-local io_context and makes RequestContexts, without any socket.
// Single-threaded; the background pool of the code under test may post to it from its own threads.
//
//   TestLoop loop;
//   const auto response = loop.handle(handler, request, {.version = 7});
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/request_context.h"
#include "broker/waiter.h"

namespace broker {

struct TestRequest {
  protocol::ApiVersion version = 0;
  std::string_view client_id = "test-client";
  RequestOwner* owner = nullptr;
  std::span<std::byte> frame = {};  // for handlers that patch the request in place
  RequestQuotas* quotas = nullptr;
};

class TestLoop {
 public:
  Executor executor() { return io_.get_executor(); }
  boost::asio::io_context& io() { return io_; }
  ConnectionInfo& connection() { return connection_; }
  CancelList& cancel_list() { return cancel_list_; }

  // Runs `task` to its end and returns its result; everything else on the loop runs meanwhile.
  template <typename T>
  T run(awaitable<T> task) {
    io_.restart();  // an earlier run ended it when nothing was left to do
    std::optional<T> result;
    std::exception_ptr failure;
    bool done = false;
    const auto keep_running = boost::asio::make_work_guard(io_);
    boost::asio::co_spawn(io_.get_executor(), std::move(task), [&](std::exception_ptr error, T value) {
      failure = error;
      if (!error) result.emplace(std::move(value));
      done = true;
    });
    while (!done) io_.run_one();  // NOLINT(bugprone-infinite-loop): the handler ends it
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  template <typename H>
    requires Handler<H>
  typename H::Response handle(H& handler, const typename H::Request& request, TestRequest how = {}) {
    RequestContext context(executor(), connection_,
                           {.api_key = static_cast<std::int16_t>(H::Request::api_key),
                            .api_version = how.version,
                            .correlation_id = 1,
                            .client_id = how.client_id},
                           how.frame, how.owner, &cancel_list_);
    if (how.quotas != nullptr) context.charge_to(*how.quotas);
    if constexpr (PlainHandler<H>) {
      return handler.handle(context, request);
    } else {
      return run(handler.handle(context, request));
    }
  }

 private:
  boost::asio::io_context io_{1};
  ConnectionInfo connection_;
  CancelList cancel_list_;
};

}  // namespace broker
