// Dispatch: a request frame in, a response frame out. It finds the API's row, checks the version, has the body decoded,
// runs the handler and encodes the answer. No sockets: connections, tests and in-process clients drive it alike.
//
// Immutable after construction; safe from any network thread. The API table and the metrics outlive it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "broker/api_table.h"
#include "broker/metrics/metrics.h"
#include "broker/request_header.h"
#include "broker/waiter.h"

namespace broker {

class AddressWatch;

// Against what requests are charged. All outlive the dispatcher.
struct QuotaEnforcement {
  ClientQuotas& quotas;
  const protocol::Clock& clock;
};

// Who asks: what a connection lends to each of its requests. Everything outlives the request.
struct RequestSource {
  Executor executor;
  ConnectionInfo& connection;
  RequestOwner* owner = nullptr;
  CancelList* cancel_list = nullptr;
  std::int64_t network_ns = 0;  // what reading and writing for it took since its last request, if quotas ask for it
};

// How a request ends. Reused by connections: clear() keeps the writer's memory.
struct Reply {
  enum class Action : std::uint8_t {
    send,     // `response` is a whole frame, length included
    nothing,  // the client expects none (acks=0)
    close,    // close the connection; `reason` says why, for the log
  };
  Action action = Action::nothing;
  bool quiet = false;  // close without a log line: Kafka's way to tell a producer with acks=0 of a failure
  protocol::Writer response;
  std::string reason;

  void clear() {
    action = Action::nothing;
    quiet = false;
    response.clear();
    reason.clear();
  }
};

class Dispatcher {
 public:
  // `addresses` may be null: nobody watches where clients go. So may `quotas`: nobody is limited.
  Dispatcher(const ApiTable& apis, Metrics& metrics, AddressWatch* addresses = nullptr,
             const QuotaEnforcement* quotas = nullptr)
      : apis_(apis), metrics_(metrics), addresses_(addresses), quotas_(quotas) {}

  // `frame` (without its length) and `reply` outlive the returned coroutine. Never throws.
  awaitable<void> dispatch(RequestSource source, std::span<std::byte> frame, Reply& reply) const;

 private:
  void follow(ConnectionInfo& connection, const RequestContext::Header& header) const;
  void answer_unsupported_api_versions(const RequestPreamble& preamble, Reply& reply) const;
  awaitable<void> serve(const ApiRow& row, RequestContext& context, protocol::Reader& body, Reply& reply) const;

  const ApiTable& apis_;
  Metrics& metrics_;
  AddressWatch* addresses_;
  const QuotaEnforcement* quotas_;
};

}  // namespace broker
