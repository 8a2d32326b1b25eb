// InitProducerId (API key 22): a producer id for idempotent producers.
// Owned by the API table; what it uses guards itself.
#pragma once

#include "broker/awaitable.h"
#include "broker/handler.h"
#include "broker/producer_ids.h"
#include "protocol/messages/init_producer_id.h"

namespace broker {

class InitProducerIdHandler {
 public:
  using Request = protocol::InitProducerIdRequest;
  using Response = protocol::InitProducerIdResponse;

  // `max_transaction_timeout_ms`: transaction.max.timeout.ms.
  InitProducerIdHandler(ProducerIds& ids, std::int32_t max_transaction_timeout_ms)
      : ids_(ids), max_transaction_timeout_ms_(max_transaction_timeout_ms) {}

  awaitable<Response> handle(RequestContext& context, const Request& request) const;

 private:
  awaitable<protocol::Result<protocol::ProducerId>> next_id(RequestContext& context) const;

  ProducerIds& ids_;
  const std::int32_t max_transaction_timeout_ms_;
};

}  // namespace broker
