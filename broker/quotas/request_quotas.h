// RequestQuotas: what one request is charged, and how long its client has to wait for it. The answer goes at once and
// says how long (throttle_time_ms); for that time the connection isn't read (KIP-219).
//
// Made by dispatch, when there are quotas at all; lives as long as the request. Used on its network thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "broker/quotas/client_quotas.h"
#include "protocol/clock.h"
#include "protocol/result.h"

namespace broker {

class RequestOwner;

class RequestQuotas {
 public:
  using Instant = std::chrono::steady_clock::time_point;

  // All outlive it; `owner` may be null. `network_ns` is the time that reading and writing for this client took since
  // its last request.
  RequestQuotas(ClientQuotas& quotas, const protocol::Clock& clock, QuotaClient client, RequestOwner* owner,
                Instant started, std::int64_t network_ns)
      : quotas_(quotas), clock_(clock), client_(client), owner_(owner), started_(started), network_ns_(network_ns) {}
  RequestQuotas(const RequestQuotas&) = delete;
  RequestQuotas& operator=(const RequestQuotas&) = delete;

  // The work is done, up to now, and a wait begins (a long poll, a rebalance). What follows isn't counted.
  void work_done();

  // Requests between brokers aren't limited.
  void exempt() { exempt_ = true; }

  void charge_produce(std::size_t request_bytes);

  // The time that it took, and the bytes of an answer. True: the client has to wait for them, so the answer goes
  // without any records, and the bytes aren't charged.
  bool charge_fetch(std::size_t response_bytes);
  // The most that an answer may hold, so that the client ever gets one.
  std::int64_t fetch_max_bytes();

  // The client has to wait because of what was charged elsewhere.
  void throttle(QuotaKind kind, std::int64_t throttle_ms);

  // The request is answered: charges its time, once. Returns what the answer says.
  std::int32_t settle();

  ClientQuotas& quotas() { return quotas_; }
  const QuotaClient& client() const { return client_; }
  const protocol::Clock& clock() const { return clock_; }

 private:
  void charge_time();

  ClientQuotas& quotas_;
  const protocol::Clock& clock_;
  const QuotaClient client_;
  RequestOwner* owner_;
  const Instant started_;
  const std::int64_t network_ns_;
  std::int64_t worked_ns_ = -1;  // < 0: still at it
  std::int64_t throttle_ms_ = 0;
  QuotaKind throttled_by_ = QuotaKind::request;
  bool exempt_ = false;
  bool time_charged_ = false;
};

// What changes to topics cost: asked before each, on whatever thread makes it, one at a time.
class MutationQuota {
 public:
  // `strict`: refuses changes while permits are missing; else the client waits after them. Null: no quotas.
  MutationQuota(RequestQuotas* request, bool strict) : request_(request), strict_(strict) {}

  // Error: throttling_quota_exceeded.
  protocol::Result<void> take(std::int64_t permits);

  // On the request's thread, when all changes are made: has the client wait for what is still missing.
  void settle();

 private:
  RequestQuotas* request_;
  const bool strict_;
  std::int64_t throttle_ms_ = 0;
  std::int64_t throttled_at_ms_ = 0;
};

}  // namespace broker
