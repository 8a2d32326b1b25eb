// ClientQuotas: how much users and client ids may produce, fetch, occupy threads and change topics, what they did
// lately, and how long they have to wait for it (KIP-13, KIP-124, KIP-257, KIP-599). Which quota holds for a client,
// who shares it and how it is measured is as in Kafka 3.9's ClientQuotaManager.
//
// Owned by the broker. Self-locking. Asking while there are no quotas costs one relaxed load (enforces()). What is kept
// of clients is bounded: beyond `measured_max` at once, all others share one measure.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/quotas/quota_entity.h"
#include "broker/quotas/rate.h"
#include "protocol/mutex.h"

namespace broker {

enum class QuotaKind : std::uint8_t {
  produce,              // producer_byte_rate: bytes of requests
  fetch,                // consumer_byte_rate: bytes of answers
  request,              // request_percentage: per cent of one thread's time
  controller_mutation,  // controller_mutation_rate: partitions created or deleted
};
inline constexpr std::size_t quota_kinds = 4;

// A limit for each kind, per second; nothing: none is set.
using QuotaValues = std::array<std::optional<double>, quota_kinds>;

// Who asks. `user` is the principal's name; an empty client id is none.
struct QuotaClient {
  std::string_view user;
  std::string_view client_id;
};

class ClientQuotas {
 public:
  static constexpr std::size_t measured_max = 10'000;

  ClientQuotas(QuotaWindows windows, QuotaWindows controller_windows);
  ClientQuotas(const ClientQuotas&) = delete;
  ClientQuotas& operator=(const ClientQuotas&) = delete;

  // Replaces what is set for the entity. Takes effect with the next request.
  void set(const QuotaEntity& entity, const QuotaValues& values);

  const QuotaWindows& windows() const { return windows_; }

  // Whether anybody's requests are limited so / in any way.
  bool enforces(QuotaKind kind) const { return (enforced_.load(std::memory_order_relaxed) & bit(kind)) != 0; }
  bool enforces_any() const { return enforced_.load(std::memory_order_relaxed) != 0; }

  // The quota that holds for a client; nothing: none.
  std::optional<double> limit(QuotaKind kind, const QuotaClient& client) EXCLUDES(mutex_);

  // Counts `value` (which may be negative) and returns how long the client has to wait for it. `now_ms`, here and
  // below, is a clock's that never goes back.
  std::int64_t record(QuotaKind kind, const QuotaClient& client, double value, std::int64_t now_ms) EXCLUDES(mutex_);

  // The most that may be fetched without a wait by somebody who fetched nothing lately.
  double fetch_max(const QuotaClient& client) EXCLUDES(mutex_);

  // Before topics are changed. A strict quota lets nothing through while permits are missing, and returns how long they
  // are (KIP-599); a permissive one takes what it is asked for, and returns how long the client has to wait for it.
  std::int64_t mutate_strictly(const QuotaClient& client, double permits, std::int64_t now_ms) EXCLUDES(mutex_);
  std::int64_t mutate_permissively(const QuotaClient& client, double permits, std::int64_t now_ms) EXCLUDES(mutex_);

  // The client was made to wait, because of a quota of this kind. For the metrics.
  void throttled(QuotaKind kind, const QuotaClient& client, std::int64_t throttle_ms, std::int64_t now_ms)
      EXCLUDES(mutex_);

  // What is measured of each client that a quota holds for. Clients that share one are one: `user` or `client_id` is
  // empty then.
  struct Measured {
    QuotaKind kind{};
    std::string user;
    std::string client_id;
    double value = 0;             // bytes or percentage per second; permits left
    double mutation_rate = 0;     // of QuotaKind::controller_mutation
    double throttle_time_ms = 0;  // NaN: wasn't made to wait
  };
  std::vector<Measured> measured(std::int64_t now_ms) EXCLUDES(mutex_);

 private:
  static constexpr std::uint8_t bit(QuotaKind kind) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind));
  }

  struct Measure {
    explicit Measure(QuotaWindows windows) : rate(windows), permits(windows) {}
    SampledRate rate;
    TokenBucket permits;  // controller mutations only
    RecentAverage throttle_time;
    double limit = 0;  // when it was last used
    std::int64_t used_ms = 0;
  };
  // Who shares a measure: empty parts aren't told apart.
  struct Owner {
    std::string user;
    std::string client_id;
    auto operator<=>(const Owner&) const = default;
  };
  struct Resolved {
    std::optional<double> limit;
    Measure* measure = nullptr;  // null: no limit
    void used(std::int64_t now_ms) const;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using ResolvedByClient = std::unordered_map<std::string, Resolved, TextHash, std::equal_to<>>;
  struct Kind {
    std::map<QuotaEntity, double, QuotaEntityLess> limits;
    std::map<Owner, Measure> measures;
    // Whom `limits` were searched for already: by user, then by client id. Emptied when limits change.
    std::unordered_map<std::string, ResolvedByClient, TextHash, std::equal_to<>> resolved;
    std::size_t resolved_clients = 0;
  };

  Kind& kind_of(QuotaKind kind) REQUIRES(mutex_) { return kinds_[static_cast<std::size_t>(kind)]; }
  const Resolved& resolve(QuotaKind kind, const QuotaClient& client, std::int64_t now_ms) REQUIRES(mutex_);
  Measure& measure_for(QuotaKind kind, Owner owner, std::int64_t now_ms) REQUIRES(mutex_);
  static void forget_resolved(Kind& kind);
  const QuotaWindows& windows_of(QuotaKind kind) const {
    return kind == QuotaKind::controller_mutation ? controller_windows_ : windows_;
  }

  const QuotaWindows windows_;
  const QuotaWindows controller_windows_;
  std::atomic<std::uint8_t> enforced_{0};  // a bit for each kind
  protocol::Mutex mutex_;
  std::array<Kind, quota_kinds> kinds_ GUARDED_BY(mutex_);
};

}  // namespace broker
