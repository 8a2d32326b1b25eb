// Incremental fetch sessions (KIP-227): the broker remembers what a client fetches, requests carry only changes, and
// responses leave out partitions that have nothing new.
//
// FetchSessionCache and the sessions in it are self-locking (a lock each; the cache's is taken first). FetchContext is
// one request's use of them: owned by the request, not shared.
// Follows kafka.server.FetchSession of Kafka 3.9, with one shard and eviction by the same rules.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "protocol/error_code.h"
#include "protocol/mutex.h"
#include "protocol/types.h"

namespace broker {

inline constexpr std::int32_t no_fetch_session = 0;
inline constexpr std::int32_t initial_session_epoch = 0;  // opens a session
inline constexpr std::int32_t final_session_epoch = -1;   // closes one, or asks for none

// The epoch after `epoch`: 1, 2, ... 2^31 - 1, 1.
std::int32_t next_session_epoch(std::int32_t epoch);

// One partition that a request or its session wants. `topic` is empty while the topic id is unknown here.
struct FetchTarget {
  std::string topic;
  protocol::Uuid topic_id;
  protocol::PartitionIndex partition = 0;
  std::int32_t max_bytes = 0;
  protocol::Offset fetch_offset = 0;
  protocol::Offset follower_log_start = -1;
  protocol::LeaderEpoch current_leader_epoch = protocol::no_leader_epoch;
  protocol::LeaderEpoch last_fetched_epoch = protocol::no_leader_epoch;
};

// What a session decision needs to know about one partition's answer.
struct FetchAnswerSummary {
  protocol::Offset high_watermark = -1;
  protocol::Offset log_start = -1;
  bool has_records = false;
  bool must_include = false;  // an error, a diverging epoch or a preferred replica
  bool is_error = false;
};

// A fetch request as sessions see it. `forgotten` names partitions by topic (or id) and index.
struct FetchSessionRequest {
  std::int32_t session_id = no_fetch_session;
  std::int32_t session_epoch = final_session_epoch;
  bool uses_topic_ids = false;
  bool from_follower = false;
  std::vector<FetchTarget> targets;
  std::vector<FetchTarget> forgotten;
};

// Topic id to name; empty when unknown.
using TopicNameResolver = std::function<std::string(const protocol::Uuid&)>;

class FetchSession;
class FetchSessionCache;

class FetchContext {
 public:
  // A session error: answered at the top level, nothing is fetched.
  protocol::ErrorCode error() const { return error_; }
  // Everything to fetch, in order.
  const std::vector<FetchTarget>& targets() const { return targets_; }

  struct Outcome {
    protocol::ErrorCode error = protocol::ErrorCode::none;
    std::int32_t session_id = no_fetch_session;
    std::vector<bool> included;  // by target; empty: all of them
    bool includes(std::size_t target) const { return included.empty() || included[target]; }
  };
  // Decides what the response contains, remembers it in the session (opening one if asked). `answers` by target.
  Outcome finish(std::span<const FetchAnswerSummary> answers, protocol::TimestampMs now);

  // The client is over its quota and gets no partitions: the session, if there is one, stays as it is.
  Outcome finish_throttled() const;
  // Whether the answer leaves out partitions about which there is nothing new.
  bool is_incremental() const { return kind_ == Kind::incremental; }

 private:
  friend class FetchSessionCache;
  enum class Kind : std::uint8_t { error, sessionless, full, incremental };

  Kind kind_ = Kind::sessionless;
  protocol::ErrorCode error_ = protocol::ErrorCode::none;
  FetchSessionCache* cache_ = nullptr;
  std::shared_ptr<FetchSession> session_;
  std::int32_t expected_epoch_ = 0;
  bool uses_topic_ids_ = false;
  bool from_follower_ = false;
  std::vector<FetchTarget> targets_;
};

class FetchSessionCache {
 public:
  // At most `max_slots` sessions; one unused for `eviction_ms` may make room for any other.
  FetchSessionCache(std::size_t max_slots, std::int64_t eviction_ms, std::uint64_t random_seed);
  ~FetchSessionCache();

  // Starts one request: checks id and epoch, merges the changes into the session.
  FetchContext begin(FetchSessionRequest request, const TopicNameResolver& resolve, protocol::TimestampMs now);

  struct Counts {
    std::size_t sessions = 0;
    std::int64_t partitions = 0;
    std::int64_t evictions = 0;
  };
  Counts counts() const;

 private:
  friend class FetchContext;
  // (privileged, partitions, id): a smaller key is less worth keeping.
  using EvictionKey = std::tuple<bool, std::size_t, std::int32_t>;

  FetchContext begin_incremental(FetchSessionRequest request, const TopicNameResolver& resolve,
                                 protocol::TimestampMs now);
  // The new session's id, or no_fetch_session when the cache is full of better ones.
  std::int32_t open(const FetchContext& context, std::span<const FetchAnswerSummary> answers,
                    protocol::TimestampMs now);
  bool make_room(bool privileged, std::size_t partitions, protocol::TimestampMs now) REQUIRES(mutex_);
  void touch(FetchSession& session, protocol::TimestampMs now) REQUIRES(mutex_);
  void remove(std::int32_t id) REQUIRES(mutex_);
  void unlist(const FetchSession& session) REQUIRES(mutex_);

  const std::size_t max_slots_;
  const std::int64_t eviction_ms_;

  mutable protocol::Mutex mutex_;
  std::mt19937_64 random_ GUARDED_BY(mutex_);
  std::unordered_map<std::int32_t, std::shared_ptr<FetchSession>> sessions_ GUARDED_BY(mutex_);
  std::set<std::pair<protocol::TimestampMs, std::int32_t>> by_last_use_ GUARDED_BY(mutex_);
  std::set<EvictionKey> evictable_by_all_ GUARDED_BY(mutex_);
  std::set<EvictionKey> evictable_by_privileged_ GUARDED_BY(mutex_);
  std::int64_t partitions_ GUARDED_BY(mutex_) = 0;
  std::int64_t evictions_ GUARDED_BY(mutex_) = 0;
};

}  // namespace broker
