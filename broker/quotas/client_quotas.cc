#include "broker/quotas/client_quotas.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace broker {
namespace {

using protocol::MutexLock;

// After this time without a request, a client isn't shown any more.
constexpr std::int64_t shown_for_ms = 3'600'000;
constexpr std::size_t resolved_max = 2 * ClientQuotas::measured_max;

// The entities that may hold a client's quota, the strongest first. Those with a user and no client id are shared by
// all clients of the user, those without a user by all users of the client id.
template <typename Visit>
void for_each_level(const QuotaClient& client, Visit visit) {
  const EntityPartView nobody, by_default = EntityPartView::by_default();
  const EntityPartView user = EntityPartView::named(client.user), id = EntityPartView::named(client.client_id);
  if (client.client_id.empty()) {
    if (visit(QuotaEntityView{user, nobody})) return;
    visit(QuotaEntityView{by_default, nobody});
    return;
  }
  for (const QuotaEntityView& level :
       {QuotaEntityView{user, id}, QuotaEntityView{user, by_default}, QuotaEntityView{user, nobody},
        QuotaEntityView{by_default, id}, QuotaEntityView{by_default, by_default}, QuotaEntityView{by_default, nobody},
        QuotaEntityView{nobody, id}, QuotaEntityView{nobody, by_default}}) {
    if (visit(level)) return;
  }
}

}  // namespace

void ClientQuotas::Resolved::used(std::int64_t now_ms) const {
  if (measure == nullptr) return;
  measure->limit = *limit;
  measure->used_ms = now_ms;
}

ClientQuotas::ClientQuotas(QuotaWindows windows, QuotaWindows controller_windows)
    : windows_(windows), controller_windows_(controller_windows) {}

void ClientQuotas::forget_resolved(Kind& kind) {
  kind.resolved.clear();
  kind.resolved_clients = 0;
}

void ClientQuotas::set(const QuotaEntity& entity, const QuotaValues& values) {
  const MutexLock lock(mutex_);
  std::uint8_t enforced = 0;
  for (std::size_t i = 0; i < quota_kinds; ++i) {
    Kind& kind = kinds_[i];
    if (values[i]) {
      kind.limits.insert_or_assign(entity, *values[i]);
    } else {
      kind.limits.erase(entity);
    }
    forget_resolved(kind);
    if (!kind.limits.empty()) enforced |= bit(static_cast<QuotaKind>(i));
  }
  enforced_.store(enforced, std::memory_order_relaxed);
}

ClientQuotas::Measure& ClientQuotas::measure_for(QuotaKind kind, Owner owner, std::int64_t now_ms) {
  auto& measures = kind_of(kind).measures;
  if (const auto found = measures.find(owner); found != measures.end()) return found->second;
  if (measures.size() >= measured_max) {
    // After all windows' time nothing is left of what was measured, except permits that are missing for longer.
    const std::int64_t total_ms = windows_of(kind).total_ms();
    const bool keeps = kind == QuotaKind::controller_mutation;
    std::erase_if(measures, [&](const auto& entry) {
      return now_ms - entry.second.used_ms >= (keeps ? shown_for_ms : total_ms);
    });
    forget_resolved(kind_of(kind));
    if (measures.size() >= measured_max) owner = {};
  }
  return measures.try_emplace(std::move(owner), windows_of(kind)).first->second;
}

const ClientQuotas::Resolved& ClientQuotas::resolve(QuotaKind kind, const QuotaClient& client, std::int64_t now_ms) {
  Kind& state = kind_of(kind);
  if (const auto by_id = state.resolved.find(client.user); by_id != state.resolved.end()) {
    if (const auto known = by_id->second.find(client.client_id); known != by_id->second.end()) {
      known->second.used(now_ms);
      return known->second;
    }
  }
  Resolved resolved;
  Owner owner;
  for_each_level(client, [&](const QuotaEntityView& level) {
    const auto found = state.limits.find(level);
    if (found == state.limits.end()) return false;
    if (level.user.is_there()) owner.user = client.user;
    if (level.client_id.is_there()) owner.client_id = client.client_id;
    resolved.limit = found->second;
    return true;
  });
  if (resolved.limit) resolved.measure = &measure_for(kind, std::move(owner), now_ms);
  resolved.used(now_ms);
  if (state.resolved_clients >= resolved_max) forget_resolved(state);
  ++state.resolved_clients;
  return state.resolved[std::string(client.user)]
      .insert_or_assign(std::string(client.client_id), resolved)
      .first->second;
}

std::optional<double> ClientQuotas::limit(QuotaKind kind, const QuotaClient& client) {
  const MutexLock lock(mutex_);
  const auto& limits = kind_of(kind).limits;
  std::optional<double> limit;
  for_each_level(client, [&](const QuotaEntityView& level) {
    const auto found = limits.find(level);
    if (found != limits.end()) limit = found->second;
    return limit.has_value();
  });
  return limit;
}

std::int64_t ClientQuotas::record(QuotaKind kind, const QuotaClient& client, double value, std::int64_t now_ms) {
  if (!enforces(kind)) return 0;
  const MutexLock lock(mutex_);
  const Resolved& resolved = resolve(kind, client, now_ms);
  if (!resolved.limit) return 0;
  resolved.measure->rate.record(value, now_ms);
  return resolved.measure->rate.throttle_ms(*resolved.limit, now_ms);
}

double ClientQuotas::fetch_max(const QuotaClient& client) {
  const double unlimited = std::numeric_limits<double>::max();
  if (!enforces(QuotaKind::fetch)) return unlimited;
  const std::optional<double> bytes_per_second = limit(QuotaKind::fetch, client);
  if (!bytes_per_second) return unlimited;
  return *bytes_per_second * static_cast<double>((windows_.count - 1) * windows_.window_ms) / 1'000;
}

std::int64_t ClientQuotas::mutate_strictly(const QuotaClient& client, double permits, std::int64_t now_ms) {
  if (!enforces(QuotaKind::controller_mutation)) return 0;
  const MutexLock lock(mutex_);
  const Resolved& resolved = resolve(QuotaKind::controller_mutation, client, now_ms);
  if (!resolved.limit) return 0;
  const std::int64_t wait_ms = resolved.measure->permits.throttle_ms(*resolved.limit, now_ms);
  if (wait_ms > 0) return wait_ms;
  resolved.measure->permits.take(permits, *resolved.limit, now_ms);
  resolved.measure->rate.record(permits, now_ms);
  return 0;
}

std::int64_t ClientQuotas::mutate_permissively(const QuotaClient& client, double permits, std::int64_t now_ms) {
  if (!enforces(QuotaKind::controller_mutation)) return 0;
  const MutexLock lock(mutex_);
  const Resolved& resolved = resolve(QuotaKind::controller_mutation, client, now_ms);
  if (!resolved.limit) return 0;
  resolved.measure->permits.take(permits, *resolved.limit, now_ms);
  resolved.measure->rate.record(permits, now_ms);
  return resolved.measure->permits.throttle_ms(*resolved.limit, now_ms);
}

void ClientQuotas::throttled(QuotaKind kind, const QuotaClient& client, std::int64_t throttle_ms, std::int64_t now_ms) {
  const MutexLock lock(mutex_);
  const Resolved& resolved = resolve(kind, client, now_ms);
  if (resolved.measure != nullptr) resolved.measure->throttle_time.record(static_cast<double>(throttle_ms), now_ms);
}

std::vector<ClientQuotas::Measured> ClientQuotas::measured(std::int64_t now_ms) {
  const MutexLock lock(mutex_);
  std::vector<Measured> all;
  for (std::size_t i = 0; i < quota_kinds; ++i) {
    const auto kind = static_cast<QuotaKind>(i);
    const bool is_mutation = kind == QuotaKind::controller_mutation;
    Kind& state = kinds_[i];
    const auto forgotten =
        std::erase_if(state.measures, [&](const auto& entry) { return now_ms - entry.second.used_ms >= shown_for_ms; });
    if (forgotten > 0) forget_resolved(state);
    for (auto& [owner, measure] : state.measures) {
      const double rate = measure.rate.per_second(now_ms);
      const double left = is_mutation ? measure.permits.left(measure.limit, now_ms) : 0;
      all.push_back({.kind = kind,
                     .user = owner.user,
                     .client_id = owner.client_id,
                     .value = is_mutation ? left : rate,
                     .mutation_rate = is_mutation ? rate : 0,
                     .throttle_time_ms = measure.throttle_time.value(now_ms)});
    }
  }
  return all;
}

}  // namespace broker
