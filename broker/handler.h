// The shape of an API's handler, checked where it is registered (broker/api_table.h).
//
//   class ListOffsetsHandler {
//    public:
//     using Request = protocol::ListOffsetsRequest;
//     using Response = protocol::ListOffsetsResponse;
//     explicit ListOffsetsHandler(…exactly what it uses, by reference…);
//     awaitable<Response> handle(RequestContext& context, const Request& request) const;
//   };
//
// One handler object serves all network threads at once: handle() is const, or what it changes guards itself.
// `request` and what it views live until handle() returns. A handler that never suspends may return a plain Response.
#pragma once

#include <concepts>

#include "broker/awaitable.h"
#include "broker/request_context.h"
#include "protocol/wire.h"

namespace broker {

template <typename H>
concept SuspendingHandler = requires(H& handler, RequestContext& context, const typename H::Request& request) {
  { handler.handle(context, request) } -> std::same_as<awaitable<typename H::Response>>;
};

template <typename H>
concept PlainHandler = requires(H& handler, RequestContext& context, const typename H::Request& request) {
  { handler.handle(context, request) } -> std::same_as<typename H::Response>;
};

template <typename H>
concept Handler = (SuspendingHandler<H> || PlainHandler<H>) && requires {
  H::Request::api_key;
  H::Request::versions;
  H::Request::first_flexible_version;
} && requires(const typename H::Response& response, protocol::Writer& writer, protocol::ApiVersion version) {
  response.encode(writer, version);
};

}  // namespace broker
