// The one list of APIs that this broker serves: key, handler, advertised versions, needed authorisation.
// Dispatch, the ApiVersions answer, authorisation and metrics read it; nothing else lists APIs.
//
// Filled while the broker starts, by one thread; immutable afterwards, safe from any thread. Owns the handlers.
//
//   table.add<ListOffsetsHandler>({.advertised = {1, 10}}, replica_manager);
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/handler.h"
#include "broker/metrics/metrics.h"
#include "broker/response_errors.h"
#include "protocol/api_key.h"

namespace broker {

// What the whole request needs before its handler runs. Finer checks (topics, groups) are the handler's own.
enum class Authorization : std::uint8_t {
  none,            // the handler checks its resources itself, or there is nothing to check
  cluster_action,  // requests between brokers
};

struct ApiOptions {
  protocol::VersionRange advertised;  // what ApiVersions says and dispatch accepts
  Authorization authorization = Authorization::none;
  // Served, but left out of ApiVersions' answer (inter-broker requests are advertised by Kafka, too; few need this).
  bool hidden = false;
};

// How a decoded or refused request ends. Encoded responses are in the writer.
enum class Served : std::uint8_t {
  response,   // the writer holds the response's body
  malformed,  // the body doesn't decode: the connection is closed
};

struct ApiRow {
  using Invoke = awaitable<Served> (*)(void* handler, RequestContext& context, protocol::Reader& body,
                                       protocol::Writer& response);
  protocol::ApiKey key{};
  std::string_view name;
  protocol::VersionRange advertised{};
  std::int16_t first_flexible_version = 0;  // of the request; the response's header follows it, ApiVersions excepted
  Authorization authorization = Authorization::none;
  bool hidden = false;
  std::size_t index = 0;  // position in rows(), for tables of counters
  void* handler = nullptr;
  Invoke invoke = nullptr;
};

class ApiTable {
 public:
  ApiTable() = default;
  ApiTable(const ApiTable&) = delete;
  ApiTable& operator=(const ApiTable&) = delete;

  // Builds the handler in place and lists it. REQUIRES: the key isn't listed yet, the versions are ones the codec
  // knows.
  template <Handler H, typename... Args>
  H& add(ApiOptions options, Args&&... args) {
    auto owned = std::make_unique<Owner<H>>(std::forward<Args>(args)...);
    H& handler = owned->handler;
    list(ApiRow{.key = H::Request::api_key,
                .advertised = options.advertised,
                .first_flexible_version = H::Request::first_flexible_version,
                .authorization = options.authorization,
                .hidden = options.hidden,
                .handler = &handler,
                .invoke = &invoke<H>},
         H::Request::versions);
    owners_.push_back(std::move(owned));
    return handler;
  }

  // Null: this broker doesn't serve the API.
  const ApiRow* find(std::int16_t api_key) const {
    if (api_key < 0 || static_cast<std::size_t>(api_key) >= by_key_.size()) return nullptr;
    const int index = by_key_[static_cast<std::size_t>(api_key)];
    return index < 0 ? nullptr : &rows_[static_cast<std::size_t>(index)];
  }

  // In order of API keys once freeze() was called.
  std::span<const ApiRow> rows() const { return rows_; }

  // Sorts by key and ends registration. Handler objects stay where they are.
  void freeze();

 private:
  struct AnyOwner {
    virtual ~AnyOwner() = default;
  };
  template <typename H>
  struct Owner final : AnyOwner {
    template <typename... Args>
    explicit Owner(Args&&... args) : handler(std::forward<Args>(args)...) {}
    H handler;
  };

  template <typename H>
  static awaitable<Served> invoke(void* handler, RequestContext& context, protocol::Reader& body,
                                  protocol::Writer& response) {
    const auto request = H::Request::decode(body, context.api_version());
    if (!request) co_return Served::malformed;
    context.count_decoded(body.element_bytes());
    if constexpr (PlainHandler<H>) {
      typename H::Response answer = static_cast<H*>(handler)->handle(context, *request);
      complete(answer, context, response);
    } else {
      typename H::Response answer = co_await static_cast<H*>(handler)->handle(context, *request);
      complete(answer, context, response);
    }
    co_return Served::response;
  }

  template <typename Response>
  static void complete(Response& answer, const RequestContext& context, protocol::Writer& response) {
    if (RequestQuotas* quotas = context.quotas()) {
      // Without an answer there is nobody who could be told of it: Kafka doesn't charge the time of those.
      if (context.response_suppressed()) quotas->exempt();
      const std::int32_t throttle_ms = quotas->settle();
      if constexpr (requires { answer.throttle_time_ms; }) answer.throttle_time_ms = throttle_ms;
    }
    if (RequestMetrics* counted = context.metrics()) {
      count_errors(answer, [counted](protocol::ErrorCode code) { counted->count_error(code); });
    }
    if (!context.response_suppressed()) answer.encode(response, context.api_version());
  }

  void list(ApiRow row, protocol::VersionRange known);

  static constexpr std::size_t key_limit = 128;
  std::array<std::int16_t, key_limit> by_key_ = [] {
    std::array<std::int16_t, key_limit> none{};
    none.fill(-1);
    return none;
  }();
  std::vector<ApiRow> rows_;
  std::vector<std::unique_ptr<AnyOwner>> owners_;
  bool frozen_ = false;
};

}  // namespace broker
