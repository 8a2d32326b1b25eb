// Everything about one request that isn't in its body. A handler gets it by reference; it lives until the response left
// the handler's coroutine. Used on the connection's network thread only, never from another one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "broker/awaitable.h"
#include "broker/connection_info.h"
#include "broker/quotas/request_quotas.h"
#include "protocol/bytes.h"
#include "protocol/types.h"

namespace broker {

class CancelList;
struct RequestMetrics;

// Implemented by the connection: what a request may tell it. Null in tests that don't care.
class RequestOwner {
 public:
  virtual ~RequestOwner() = default;
  virtual void ordered_part_done() = 0;
  // The connection shall not be read for that long from now on: its client is over a quota.
  virtual void mute(std::int64_t /*duration_ms*/) {}
  // What the decoded request takes beside its frame.
  virtual void decoded(std::size_t bytes) = 0;
};

class RequestContext {
 public:
  struct Header {
    std::int16_t api_key = 0;
    protocol::ApiVersion api_version = 0;
    std::int32_t correlation_id = 0;
    std::optional<std::string_view> client_id;  // views the frame
  };

  // `frame` is the request's bytes, this request's own; `cancel_list` wakes the request's waiters when the connection
  // or the broker goes away; both may be missing in tests.
  RequestContext(Executor executor, ConnectionInfo& connection, Header header, std::span<std::byte> frame = {},
                 RequestOwner* owner = nullptr, CancelList* cancel_list = nullptr)
      : executor_(executor),
        connection_(connection),
        header_(header),
        frame_(frame),
        owner_(owner),
        cancel_list_(cancel_list) {}
  RequestContext(const RequestContext&) = delete;
  RequestContext& operator=(const RequestContext&) = delete;

  std::int16_t api_key() const { return header_.api_key; }
  protocol::ApiVersion api_version() const { return header_.api_version; }
  std::int32_t correlation_id() const { return header_.correlation_id; }
  // Empty when the client sent none.
  std::string_view client_id() const { return header_.client_id.value_or(std::string_view()); }

  // The connection that the request came on. Only ApiVersions (software name) and authentication change it.
  ConnectionInfo& connection() { return connection_; }
  const ConnectionInfo& connection() const { return connection_; }
  std::string_view client_address() const { return connection_.client_address; }
  std::string_view listener_name() const { return connection_.listener_name; }
  std::string_view principal() const { return connection_.principal; }

  // The network thread's executor, for timers.
  Executor executor() const { return executor_; }

  // The next request of this connection may start: what must happen in the order of the requests is done. Call it just
  // before the first wait that later requests needn't sit through (after Produce's append, before a long poll).
  // Calling it again does nothing. Responses leave in the order of the requests all the same.
  void ordered_part_done() {
    if (quotas_ != nullptr) quotas_->work_done();
    if (owner_ != nullptr) owner_->ordered_part_done();
  }

  // Called before the handler runs.
  void count_decoded(std::size_t bytes) {
    if (owner_ != nullptr) owner_->decoded(bytes);
  }

  // The same bytes as `view`, writable, for patching a batch where it lies in the request (base offset, leader epoch).
  // REQUIRES: `view` came from this request's body.
  std::span<std::byte> writable(protocol::Bytes view) const;

  // The size of the request, its header included.
  std::size_t request_bytes() const { return frame_.size(); }

  // No response is sent (acks=0). What the handler returns is dropped.
  void suppress_response() { suppressed_ = true; }
  bool response_suppressed() const { return suppressed_; }

  // The connection is closed without a response (acks=0 that failed; Kafka does the same to make producers notice).
  void close_connection() { close_ = true; }
  bool connection_close_wanted() const { return close_; }

  // The client asks for the same large thing again and again (handlers/repeated_answers.h). The connection is closed,
  // and the log says why; what the handler returns is dropped.
  void refuse_to_answer() { answer_refused_ = true; }
  bool answer_refused() const { return answer_refused_; }

  CancelList* cancel_list() const { return cancel_list_; }

  // What the request is charged against; null: there are no quotas.
  RequestQuotas* quotas() const { return quotas_; }
  void charge_to(RequestQuotas& quotas) { quotas_ = &quotas; }

  // Where the error codes of the response are counted; null: nowhere.
  RequestMetrics* metrics() const { return metrics_; }
  void count_in(RequestMetrics& metrics) { metrics_ = &metrics; }

 private:
  Executor executor_;
  ConnectionInfo& connection_;
  Header header_;
  std::span<std::byte> frame_;
  RequestOwner* owner_;
  CancelList* cancel_list_;
  RequestMetrics* metrics_ = nullptr;
  RequestQuotas* quotas_ = nullptr;
  bool suppressed_ = false;
  bool close_ = false;
  bool answer_refused_ = false;
};

}  // namespace broker
