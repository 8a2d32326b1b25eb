// InitProducerId (API key 22, v0-v6): idempotent producers (no transactional id) get a fresh id with epoch 0.
//   v3 resuming with a known id (KIP-360)    v4 producer_fenced (KIP-588)    v6 two-phase commit (KIP-939)
// Follows TransactionCoordinator.handleInitProducerId of Kafka 3.9.
//
// Transactions don't exist yet: a transactional id is answered as by a broker whose transaction coordinator isn't
// available, with Kafka's checks of the request before it. Producers retry that until their own timeout and then report
// it, so nothing half-transactional can be written.
#include "broker/handlers/init_producer_id.h"

#include "broker/replication/wait.h"
#include "broker/waiter.h"

namespace broker {

using protocol::ErrorCode, protocol::ProducerId, protocol::Result;

namespace {

constexpr std::int64_t block_wait_ms = 1000;  // for the controller's first block; then the producer tries again

protocol::InitProducerIdResponse refused(ErrorCode code) {
  protocol::InitProducerIdResponse response;
  response.error_code = code;
  response.producer_epoch = protocol::no_producer_epoch;
  return response;
}

bool is_half_given(const protocol::InitProducerIdRequest& request) {
  return (request.producer_id == protocol::no_producer_id) != (request.producer_epoch == protocol::no_producer_epoch);
}

}  // namespace

awaitable<Result<ProducerId>> InitProducerIdHandler::next_id(RequestContext& context) const {
  Result<ProducerId> id = ids_.next();
  if (id || id.code() != ErrorCode::coordinator_load_in_progress) co_return id;
  // Shared with ProducerIds, which may call it after this request has given up.
  Waiter waiter(context);
  const WaiterHandle handle = waiter.handle();
  ids_.when_ready([handle] { handle.notify(); });
  (void)co_await waiter.wait_for(block_wait_ms);
  co_return ids_.next();
}

awaitable<protocol::InitProducerIdResponse> InitProducerIdHandler::handle(RequestContext& context,
                                                                          const Request& request) const {
  if (is_half_given(request)) co_return refused(ErrorCode::invalid_request);
  if (request.transactional_id) {
    if (request.transactional_id->empty()) co_return refused(ErrorCode::invalid_request);
    if (request.transaction_timeout_ms <= 0 || request.transaction_timeout_ms > max_transaction_timeout_ms_) {
      co_return refused(ErrorCode::invalid_transaction_timeout);
    }
    co_return refused(ErrorCode::coordinator_not_available);
  }
  const Result<ProducerId> id = co_await next_id(context);
  if (!id) co_return refused(id.code());
  Response response;
  response.producer_id = *id;
  response.producer_epoch = 0;
  co_return response;
}

}  // namespace broker
