#include "broker/quotas/request_quotas.h"

#include <algorithm>
#include <limits>

#include "broker/request_context.h"

namespace broker {
namespace {

constexpr double percent_of_a_second = 100.0 / 1e9;  // for each nanosecond

}  // namespace

void RequestQuotas::work_done() {
  if (worked_ns_ >= 0) return;
  worked_ns_ =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - started_).count();
}

void RequestQuotas::throttle(QuotaKind kind, std::int64_t throttle_ms) {
  if (throttle_ms <= throttle_ms_) return;
  throttle_ms_ = throttle_ms;
  throttled_by_ = kind;
  if (owner_ != nullptr) owner_->mute(throttle_ms);
}

void RequestQuotas::charge_produce(std::size_t request_bytes) {
  throttle(QuotaKind::produce,
           quotas_.record(QuotaKind::produce, client_, static_cast<double>(request_bytes), clock_.monotonic_ms()));
}

void RequestQuotas::charge_time() {
  if (std::exchange(time_charged_, true) || exempt_ || !quotas_.enforces(QuotaKind::request)) return;
  work_done();
  const double percent = static_cast<double>(worked_ns_ + network_ns_) * percent_of_a_second;
  const std::int64_t wait_ms = quotas_.record(QuotaKind::request, client_, percent, clock_.monotonic_ms());
  throttle(QuotaKind::request, std::min(wait_ms, quotas_.windows().window_ms));
}

bool RequestQuotas::charge_fetch(std::size_t response_bytes) {
  if (exempt_) return false;
  charge_time();
  const std::int64_t now_ms = clock_.monotonic_ms();
  const auto bytes = static_cast<double>(response_bytes);
  throttle(QuotaKind::fetch, quotas_.record(QuotaKind::fetch, client_, bytes, now_ms));
  if (throttle_ms_ == 0) return false;
  quotas_.record(QuotaKind::fetch, client_, -bytes, now_ms);
  return true;
}

std::int64_t RequestQuotas::fetch_max_bytes() {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  const double allowed = exempt_ ? most : quotas_.fetch_max(client_);
  if (!(allowed < most)) return most;
  return static_cast<std::int64_t>(std::max(0.0, allowed));
}

std::int32_t RequestQuotas::settle() {
  charge_time();
  if (throttle_ms_ > 0) quotas_.throttled(throttled_by_, client_, throttle_ms_, clock_.monotonic_ms());
  return static_cast<std::int32_t>(throttle_ms_);
}

protocol::Result<void> MutationQuota::take(std::int64_t permits) {
  if (request_ == nullptr) return {};
  ClientQuotas& quotas = request_->quotas();
  const std::int64_t now_ms = request_->clock().monotonic_ms();
  const auto wanted = static_cast<double>(permits);
  const std::int64_t wait_ms = strict_ ? quotas.mutate_strictly(request_->client(), wanted, now_ms)
                                       : quotas.mutate_permissively(request_->client(), wanted, now_ms);
  if (wait_ms == 0) return {};
  throttle_ms_ = wait_ms;
  throttled_at_ms_ = now_ms;
  if (!strict_) return {};
  return protocol::fail(protocol::ErrorCode::throttling_quota_exceeded);
}

void MutationQuota::settle() {
  if (request_ == nullptr || throttle_ms_ == 0) return;
  const std::int64_t passed_ms = request_->clock().monotonic_ms() - throttled_at_ms_;
  request_->throttle(QuotaKind::controller_mutation, std::max<std::int64_t>(0, throttle_ms_ - passed_ms));
}

}  // namespace broker
