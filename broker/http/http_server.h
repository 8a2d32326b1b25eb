// HttpServer: the broker's small HTTP side for people and programs that watch it. GET and HEAD only, no bodies, a
// bounded number of connections, each with a time limit.
//
// Constructed and opened by the thread that starts the broker; everything else runs on the executor's network thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "broker/awaitable.h"
#include "broker/config/endpoint.h"
#include "broker/task_group.h"
#include "protocol/result.h"

namespace broker {

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Answers a GET; `target` is the path with what follows it, e.g. "/metrics".
using HttpHandler = std::function<awaitable<HttpAnswer>(std::string target)>;

class HttpServer {
 public:
  HttpServer(Executor executor, Endpoint endpoint, HttpHandler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds; with port 0 the system chooses one. Errors: invalid_config with a sentence that names the address.
  protocol::Result<void> bind();

  // With the real port, once bound.
  const Endpoint& endpoint() const { return endpoint_; }

  // Starts to accept; the coroutines belong to `tasks`.
  protocol::Result<void> open(TaskGroup& tasks);

  // Closes everything, from any thread; the coroutines end soon after.
  void close();

 private:
  class Impl;
  Endpoint endpoint_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace broker
