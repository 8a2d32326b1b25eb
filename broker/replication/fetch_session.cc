#include "broker/replication/fetch_session.h"

#include <limits>
#include <unordered_set>
#include <utility>

namespace broker {
namespace {

using protocol::ErrorCode, protocol::MutexLock, protocol::Offset, protocol::TimestampMs;

// Within one session either every partition is known by id or every one by name.
struct PartitionKey {
  std::string topic;  // empty when the id is used
  protocol::Uuid topic_id;
  protocol::PartitionIndex partition = 0;
  bool operator==(const PartitionKey&) const = default;
};

struct PartitionKeyHash {
  std::size_t operator()(const PartitionKey& key) const noexcept {
    return (std::hash<std::string>{}(key.topic) ^ std::hash<protocol::Uuid>{}(key.topic_id)) * 31 +
           static_cast<std::size_t>(key.partition);
  }
};

PartitionKey key_of(const FetchTarget& target, bool uses_topic_ids) {
  if (uses_topic_ids) return {.topic = {}, .topic_id = target.topic_id, .partition = target.partition};
  return {.topic = target.topic, .topic_id = {}, .partition = target.partition};
}

// The last mention of a partition counts, in the place of its first: as a map that keeps insertion order does.
void drop_duplicates(std::vector<FetchTarget>& targets, bool uses_topic_ids) {
  if (targets.size() < 2) return;
  std::unordered_map<PartitionKey, std::size_t, PartitionKeyHash> places;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto [place, added] = places.try_emplace(key_of(targets[i], uses_topic_ids), kept);
    if (place->second != i) targets[place->second] = std::move(targets[i]);
    if (added) ++kept;
  }
  targets.resize(kept);
}

}  // namespace

std::int32_t next_session_epoch(std::int32_t epoch) {
  if (epoch < 0) return final_session_epoch;
  return epoch == std::numeric_limits<std::int32_t>::max() ? 1 : epoch + 1;
}

// One client's session. The partitions and the epoch are guarded by `mutex`, the other fields by the cache's lock.
class FetchSession {
 public:
  struct CachedPartition {
    FetchTarget target;
    Offset high_watermark = -1;
    Offset log_start = -1;
  };
  using Partitions = std::list<CachedPartition>;

  FetchSession(std::int32_t session_id, bool is_privileged, bool topic_ids, TimestampMs now)
      : id(session_id), privileged(is_privileged), uses_topic_ids(topic_ids), created(now), last_used(now) {}

  void add(FetchTarget target, Offset high_watermark, Offset log_start) REQUIRES(mutex) {
    PartitionKey key = key_of(target, uses_topic_ids);
    partitions.push_back({std::move(target), high_watermark, log_start});
    index.emplace(std::move(key), std::prev(partitions.end()));
  }

  // Merges a request's changes: new partitions go last, known ones keep their place and what was last answered.
  void update(std::vector<FetchTarget> targets, const std::vector<FetchTarget>& forgotten) REQUIRES(mutex) {
    for (FetchTarget& target : targets) {
      const auto known = index.find(key_of(target, uses_topic_ids));
      if (known == index.end()) {
        add(std::move(target), -1, -1);
      } else {
        if (target.topic.empty()) target.topic = known->second->target.topic;
        known->second->target = std::move(target);
      }
    }
    for (const FetchTarget& target : forgotten) {
      const auto known = index.find(key_of(target, uses_topic_ids));
      if (known == index.end()) continue;
      partitions.erase(known->second);
      index.erase(known);
    }
  }

  std::vector<FetchTarget> all_targets(const TopicNameResolver& resolve) REQUIRES(mutex) {
    std::vector<FetchTarget> targets;
    targets.reserve(partitions.size());
    for (CachedPartition& cached : partitions) {
      if (uses_topic_ids && cached.target.topic.empty()) cached.target.topic = resolve(cached.target.topic_id);
      targets.push_back(cached.target);
    }
    return targets;
  }

  // Whether the client must hear about this partition. Remembers what it is told. A partition that returned records
  // goes to the end of the list, so that the others get their turn under the response limit.
  bool include(const FetchTarget& target, const FetchAnswerSummary& answer) REQUIRES(mutex) {
    const auto known = index.find(key_of(target, uses_topic_ids));
    if (known == index.end()) return false;  // forgotten by a duplicate of this request
    CachedPartition& cached = *known->second;
    bool include = answer.has_records || answer.must_include;
    if (cached.high_watermark != answer.high_watermark) include = true;
    if (cached.log_start != answer.log_start) include = true;
    // After an error an impossible watermark is remembered, so that the partition is sent again when the error is gone.
    cached.high_watermark = answer.is_error ? -1 : answer.high_watermark;
    cached.log_start = answer.log_start;
    if (include && answer.has_records) partitions.splice(partitions.end(), partitions, known->second);
    return include;
  }

  const std::int32_t id;
  const bool privileged;
  const bool uses_topic_ids;
  const TimestampMs created;

  TimestampMs last_used;
  std::size_t cached_size = 0;
  bool listed = false;

  protocol::Mutex mutex;
  std::int32_t epoch GUARDED_BY(mutex) = next_session_epoch(initial_session_epoch);
  Partitions partitions GUARDED_BY(mutex);
  std::unordered_map<PartitionKey, Partitions::iterator, PartitionKeyHash> index GUARDED_BY(mutex);
};

FetchContext::Outcome FetchContext::finish(std::span<const FetchAnswerSummary> answers, TimestampMs now) {
  switch (kind_) {
    case Kind::error:
      return {.error = error_, .session_id = no_fetch_session, .included = {}};
    case Kind::sessionless:
      return {};
    case Kind::full:
      return {.error = ErrorCode::none, .session_id = cache_->open(*this, answers, now), .included = {}};
    case Kind::incremental:
      break;
  }
  Outcome outcome{.error = ErrorCode::none, .session_id = session_->id, .included = {}};
  outcome.included.resize(targets_.size(), false);
  MutexLock lock(session_->mutex);
  if (session_->epoch != expected_epoch_) {  // another request used the session meanwhile
    outcome.error = ErrorCode::invalid_fetch_session_epoch;
    return outcome;
  }
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    outcome.included[i] = session_->include(targets_[i], answers[i]);
  }
  return outcome;
}

FetchContext::Outcome FetchContext::finish_throttled() const {
  if (kind_ != Kind::incremental) return {};
  const MutexLock lock(session_->mutex);
  const bool is_current = session_->epoch == expected_epoch_;
  return {.error = is_current ? ErrorCode::none : ErrorCode::invalid_fetch_session_epoch,
          .session_id = session_->id,
          .included = {}};
}

FetchSessionCache::FetchSessionCache(std::size_t max_slots, std::int64_t eviction_ms, std::uint64_t random_seed)
    : max_slots_(max_slots), eviction_ms_(eviction_ms), random_(random_seed) {}

FetchSessionCache::~FetchSessionCache() = default;

FetchContext FetchSessionCache::begin(FetchSessionRequest request, const TopicNameResolver& resolve, TimestampMs now) {
  drop_duplicates(request.targets, request.uses_topic_ids);
  const bool is_full = request.session_epoch == initial_session_epoch || request.session_epoch == final_session_epoch;
  if (!is_full) return begin_incremental(std::move(request), resolve, now);

  if (request.session_id != no_fetch_session) {
    MutexLock lock(mutex_);
    remove(request.session_id);
  }
  FetchContext context;
  context.kind_ =
      request.session_epoch == final_session_epoch ? FetchContext::Kind::sessionless : FetchContext::Kind::full;
  context.cache_ = this;
  context.uses_topic_ids_ = request.uses_topic_ids;
  context.from_follower_ = request.from_follower;
  context.targets_ = std::move(request.targets);
  return context;
}

FetchContext FetchSessionCache::begin_incremental(FetchSessionRequest request, const TopicNameResolver& resolve,
                                                  TimestampMs now) {
  FetchContext context;
  const auto refuse = [&context](ErrorCode error) {
    context.kind_ = FetchContext::Kind::error;
    context.error_ = error;
    return std::move(context);
  };
  MutexLock lock(mutex_);
  const auto found = sessions_.find(request.session_id);
  if (found == sessions_.end()) return refuse(ErrorCode::fetch_session_id_not_found);
  const std::shared_ptr<FetchSession> session = found->second;

  MutexLock session_lock(session->mutex);
  if (session->epoch != request.session_epoch) return refuse(ErrorCode::invalid_fetch_session_epoch);
  if (session->uses_topic_ids != request.uses_topic_ids) return refuse(ErrorCode::fetch_session_topic_id_error);

  session->update(request.targets, request.forgotten);
  unlist(*session);
  partitions_ +=
      static_cast<std::int64_t>(session->partitions.size()) - static_cast<std::int64_t>(session->cached_size);
  session->cached_size = session->partitions.size();
  if (session->partitions.empty()) {  // nothing left to remember: the session closes
    sessions_.erase(found);
    context.targets_ = std::move(request.targets);
    return context;
  }
  touch(*session, now);
  session->epoch = next_session_epoch(session->epoch);

  context.kind_ = FetchContext::Kind::incremental;
  context.cache_ = this;
  context.expected_epoch_ = session->epoch;
  context.session_ = session;
  context.targets_ = session->all_targets(resolve);
  return context;
}

std::int32_t FetchSessionCache::open(const FetchContext& context, std::span<const FetchAnswerSummary> answers,
                                     TimestampMs now) {
  MutexLock lock(mutex_);
  const std::size_t size = context.targets_.size();
  if (sessions_.size() >= max_slots_ && !make_room(context.from_follower_, size, now)) return no_fetch_session;

  std::int32_t id = no_fetch_session;
  do {
    id = static_cast<std::int32_t>(random_() & 0x7fffffff);
  } while (id == no_fetch_session || sessions_.contains(id));

  auto session = std::make_shared<FetchSession>(id, context.from_follower_, context.uses_topic_ids_, now);
  {
    MutexLock session_lock(session->mutex);
    for (std::size_t i = 0; i < size; ++i) {
      session->add(context.targets_[i], answers[i].high_watermark, answers[i].log_start);
    }
  }
  session->cached_size = size;
  partitions_ += static_cast<std::int64_t>(size);
  touch(*session, now);
  sessions_.emplace(id, std::move(session));
  return id;
}

// A new session may replace one that is stale; or, unless that one is young, one that is worth less: a consumer's when
// a follower asks, or one with fewer partitions.
bool FetchSessionCache::make_room(bool privileged, std::size_t partitions, TimestampMs now) {
  if (by_last_use_.empty()) return false;
  const auto [last_used, oldest] = *by_last_use_.begin();
  if (now - last_used > eviction_ms_) {
    remove(oldest);
    ++evictions_;
    return true;
  }
  const auto& evictable = privileged ? evictable_by_privileged_ : evictable_by_all_;
  if (evictable.empty() || EvictionKey(privileged, partitions, 0) < *evictable.begin()) return false;
  remove(std::get<2>(*evictable.begin()));
  ++evictions_;
  return true;
}

void FetchSessionCache::unlist(const FetchSession& session) {
  if (!session.listed) return;
  by_last_use_.erase({session.last_used, session.id});
  const EvictionKey key(session.privileged, session.cached_size, session.id);
  evictable_by_all_.erase(key);
  evictable_by_privileged_.erase(key);
}

// Requires that the session is unlisted, or was never listed.
void FetchSessionCache::touch(FetchSession& session, TimestampMs now) {
  session.last_used = now;
  session.listed = true;
  by_last_use_.emplace(now, session.id);
  const EvictionKey key(session.privileged, session.cached_size, session.id);
  const bool is_old = now - session.created > eviction_ms_;
  if (!session.privileged || is_old) evictable_by_privileged_.insert(key);
  if (is_old) evictable_by_all_.insert(key);
}

void FetchSessionCache::remove(std::int32_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  unlist(*found->second);
  partitions_ -= static_cast<std::int64_t>(found->second->cached_size);
  sessions_.erase(found);
}

FetchSessionCache::Counts FetchSessionCache::counts() const {
  MutexLock lock(mutex_);
  return {.sessions = sessions_.size(), .partitions = partitions_, .evictions = evictions_};
}

}  // namespace broker
