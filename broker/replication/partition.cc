#include "broker/replication/partition.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "storage/log.h"
#include "storage/log_config.h"

namespace broker {

using protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::LeaderEpoch, protocol::MutexLock,
    protocol::no_leader_epoch, protocol::Offset, protocol::Result, protocol::TimestampMs;
using storage::Log, storage::OffsetAndEpoch, storage::OffsetMetadata;

namespace {

constexpr TimestampMs latest = -1, earliest = -2, earliest_local = -4, latest_tiered = -5, earliest_pending_upload = -6;
constexpr Offset to_high_watermark = -1;

Offset visible_end(const storage::OffsetSnapshot& offsets, std::optional<IsolationLevel> isolation) {
  if (!isolation) return offsets.log_end_offset.offset;
  return *isolation == IsolationLevel::read_committed ? offsets.last_stable_offset.offset
                                                      : offsets.high_watermark.offset;
}

}  // namespace

Partition::Partition(protocol::TopicPartition id, std::optional<protocol::Uuid> topic_id,
                     const PartitionEnvironment& environment)
    : id_(std::move(id)), environment_(environment), topic_id_(topic_id) {}

Partition::~Partition() { assert(waiters_.empty()); }

// ---- Leadership

Result<bool> Partition::make_leader(const PartitionState& state) {
  MutexLock lock(mutex_);
  begin_change();
  auto changed = become_leader(state);
  end_change();
  return changed;
}

Result<bool> Partition::become_leader(const PartitionState& state) {
  if (closed_) return fail(*closed_);
  if (state.partition_epoch < partition_epoch_) return false;
  const bool was_leader = leads();
  const bool new_epoch = state.leader_epoch > leader_epoch_;
  replicas_ = state.replicas;
  isr_ = state.isr;
  leader_ = environment_.local_broker;
  partition_epoch_ = state.partition_epoch;
  if (new_epoch) {
    leader_epoch_ = state.leader_epoch;
    epoch_start_.reset();
  }
  if (!was_leader) leading_since_ = leader_epoch_;
  set_followers(state, new_epoch, was_leader);
  if (log_ != nullptr) {
    if (new_epoch) {
      if (const auto begun = begin_epoch(); !begun) return std::unexpected(begun.error());
    }
    advance_high_watermark();  // the ISR may have shrunk to this replica
  }
  return !was_leader;
}

Result<bool> Partition::make_follower(const PartitionState& state) {
  MutexLock lock(mutex_);
  begin_change();
  auto changed = become_follower(state);
  end_change();
  return changed;
}

Result<bool> Partition::become_follower(const PartitionState& state) {
  if (closed_) return fail(*closed_);
  if (state.partition_epoch < partition_epoch_) return false;
  const bool new_epoch = state.leader_epoch > leader_epoch_;
  leader_ = state.leader;
  leader_epoch_ = state.leader_epoch;
  partition_epoch_ = state.partition_epoch;
  epoch_start_.reset();
  replicas_ = state.replicas;
  isr_.clear();
  followers_.clear();
  return new_epoch;
}

void Partition::close(ErrorCode reason) {
  MutexLock lock(mutex_);
  begin_change();
  if (!closed_) closed_ = reason;
  is_open_.store(true, std::memory_order_release);
  log_.reset();
  leader_ = -1;
  epoch_start_.reset();
  followers_.clear();
  isr_.clear();
  end_change();
}

void Partition::begin_change() {
  changing_ = true;
  while (appending_ > 0) settled_.wait(mutex_);
}

void Partition::end_change() {
  changing_ = false;
  settled_.notify_all();
  announce_leadership_change();
}

void Partition::wake_waiters() {
  MutexLock lock(mutex_);
  announce_leadership_change();
}

// The epoch's start is on disk before anything is written in it, so that followers with a longer log know where to
// truncate to.
Result<void> Partition::begin_epoch() {
  const Offset start = log_->log_end_offset();
  if (auto assigned = log_->assign_epoch_start_offset(leader_epoch_, start); !assigned) return assigned;
  epoch_start_ = start;
  for (Follower& follower : followers_) follower.leader_end_at_last_fetch = start;
  return {};
}

void Partition::set_followers(const PartitionState& state, bool new_epoch, bool was_leader) {
  const std::int64_t now = environment_.clock->monotonic_ms();
  std::vector<Follower> followers;
  for (const BrokerId id : state.replicas) {
    if (id == environment_.local_broker) continue;
    const auto known = std::ranges::find(followers_, id, &Follower::id);
    Follower follower = was_leader && known != followers_.end() ? *known : Follower{.id = id};
    if (new_epoch) {
      // In-sync followers get the full lag time again to catch up with the new epoch.
      const bool in_sync = std::ranges::find(state.isr, id) != state.isr.end();
      follower.caught_up_ms = in_sync ? now : 0;
      follower.last_fetch_ms = in_sync && was_leader ? now : 0;
    }
    followers.push_back(follower);
  }
  followers_ = std::move(followers);
}

// ---- Facts

std::optional<protocol::Uuid> Partition::topic_id() const {
  MutexLock lock(mutex_);
  return topic_id_;
}

Result<void> Partition::set_topic_id(const protocol::Uuid& id) {
  MutexLock lock(mutex_);
  if (log_ != nullptr) {
    if (auto set = log_->set_topic_id(id); !set) return set;
  }
  topic_id_ = id;
  return {};
}

bool Partition::is_leader() const {
  MutexLock lock(mutex_);
  return leads();
}

BrokerId Partition::leader() const {
  MutexLock lock(mutex_);
  return leader_;
}

LeaderEpoch Partition::leader_epoch() const {
  MutexLock lock(mutex_);
  return leader_epoch_;
}

std::int32_t Partition::partition_epoch() const {
  MutexLock lock(mutex_);
  return partition_epoch_;
}

std::vector<BrokerId> Partition::isr() const {
  MutexLock lock(mutex_);
  return isr_;
}

Partition::ReplicaHealth Partition::health() const {
  MutexLock lock(mutex_);
  ReplicaHealth health{.leads = leads()};
  if (!health.leads) return health;
  health.under_replicated = isr_.size() < replicas_.size();
  health.under_min_isr = log_ != nullptr && is_under_min_isr();
  return health;
}

Result<void> Partition::open() {
  MutexLock lock(mutex_);
  return open_locked();
}

Result<std::shared_ptr<Log>> Partition::log() {
  MutexLock lock(mutex_);
  if (const auto opened = open_locked(); !opened) return std::unexpected(opened.error());
  return log_;
}

std::shared_ptr<Log> Partition::open_log() const {
  MutexLock lock(mutex_);
  return log_;
}

Result<void> Partition::open_locked() {
  if (log_ != nullptr) return {};
  if (closed_) return fail(*closed_);
  auto opened = environment_.open_log(id_, topic_id_);
  if (!opened) return std::unexpected(opened.error());
  log_ = std::move(*opened);
  if (!topic_id_) topic_id_ = log_->topic_id();
  if (leads() && leader_epoch_ != no_leader_epoch) {
    // Leadership came before the log was needed. Nobody has written since, so the epoch begins here.
    if (auto begun = begin_epoch(); !begun) {
      log_.reset();
      return begun;
    }
    advance_high_watermark();
  }
  is_open_.store(true, std::memory_order_release);
  return {};
}

Result<void> Partition::check_epoch(LeaderEpoch current_epoch) const {
  if (current_epoch == no_leader_epoch || current_epoch == leader_epoch_) return {};
  return fail(current_epoch < leader_epoch_ ? ErrorCode::fenced_leader_epoch : ErrorCode::unknown_leader_epoch);
}

Result<std::shared_ptr<Log>> Partition::log_for_locked(LeaderEpoch current_epoch, bool only_leader) {
  if (closed_) return fail(*closed_);
  if (const auto current = check_epoch(current_epoch); !current) return std::unexpected(current.error());
  if (only_leader && !leads()) return fail(ErrorCode::not_leader_or_follower);
  if (const auto opened = open_locked(); !opened) return std::unexpected(opened.error());
  return log_;
}

Result<std::shared_ptr<Log>> Partition::log_for(LeaderEpoch current_epoch, bool only_leader) {
  MutexLock lock(mutex_);
  return log_for_locked(current_epoch, only_leader);
}

// ---- Writing

Result<Partition::LeaderAppend> Partition::append_as_leader(protocol::Bytes records, std::int16_t required_acks,
                                                            storage::VerificationGuard guard,
                                                            std::vector<storage::RecordError>* record_errors) {
  const auto admission = admit_append(required_acks, no_leader_epoch);
  if (!admission) return std::unexpected(admission.error());
  return append(records, *admission, storage::AppendOrigin::client, guard, record_errors);
}

Result<storage::AppendInfo> Partition::append_as_coordinator(protocol::Bytes records, LeaderEpoch leader_epoch) {
  const auto admission = admit_append(-1, leader_epoch);
  if (!admission) return std::unexpected(admission.error());
  auto appended =
      append(records, *admission, storage::AppendOrigin::coordinator, storage::no_verification_guard, nullptr);
  if (!appended) return std::unexpected(std::move(appended.error()));
  return appended->info;
}

Result<Partition::Admission> Partition::admit_append(std::int16_t required_acks, LeaderEpoch since) {
  MutexLock lock(mutex_);
  while (changing_) settled_.wait(mutex_);
  if (closed_) return fail(*closed_);
  if (!leads()) return fail(ErrorCode::not_leader_or_follower);
  if (since != no_leader_epoch && (since < leading_since_ || since > leader_epoch_)) {
    return fail(ErrorCode::not_leader_or_follower);
  }
  if (const auto opened = open_locked(); !opened) return std::unexpected(opened.error());
  if (required_acks == -1 && is_under_min_isr()) {
    return fail(ErrorCode::not_enough_replicas,
                fmt::format("The size of the current ISR ({}) is insufficient to satisfy the min.isr requirement of {} "
                            "for partition {}",
                            isr_.size(), effective_min_isr(), id_.text()));
  }
  ++appending_;
  return Admission{.log = log_.get(), .leader_epoch = leader_epoch_};
}

Result<Partition::LeaderAppend> Partition::append(protocol::Bytes records, const Admission& admission,
                                                  storage::AppendOrigin origin, storage::VerificationGuard guard,
                                                  std::vector<storage::RecordError>* record_errors) {
  LeaderAppend result;
  auto appended = admission.log->append_as_leader(records, admission.leader_epoch, origin, environment_.clock->now_ms(),
                                                  guard, record_errors);
  if (appended) result.info = *appended;
  finish_append(result);
  if (!appended) return std::unexpected(std::move(appended.error()));
  if (result.info.bytes > 0) {
    count(&TopicMetrics::bytes_in, result.info.bytes);
    count(&TopicMetrics::messages_in, result.info.last_offset - result.info.first_offset + 1);
  }
  return result;
}

void Partition::finish_append(LeaderAppend& append) {
  MutexLock lock(mutex_);
  if (append.info.bytes > 0) {
    appended_bytes_ += append.info.bytes;
    advance_high_watermark();
    announce_advance();
  }
  append.replicated = followers_.empty() || log_->high_watermark() > append.info.last_offset;
  if (--appending_ == 0 && changing_) settled_.notify_all();
}

std::optional<ErrorCode> Partition::replication_outcome(Offset required) const {
  MutexLock lock(mutex_);
  if (closed_) return *closed_;
  if (!leads() || log_ == nullptr) return ErrorCode::not_leader_or_follower;
  if (log_->high_watermark() < required) return std::nullopt;
  return is_under_min_isr() ? ErrorCode::not_enough_replicas_after_append : ErrorCode::none;
}

// ---- Replication

std::size_t Partition::effective_min_isr() const {
  const auto wanted = static_cast<std::size_t>(std::max(log_->config()->min_insync_replicas, 1));
  return std::min(wanted, replicas_.size());
}

bool Partition::is_under_min_isr() const {
  // With every replica in sync there can't be too few, whatever the topic says: no need to look.
  return isr_.size() < replicas_.size() && isr_.size() < effective_min_isr();
}

bool Partition::is_in_isr(BrokerId id) const { return std::ranges::find(isr_, id) != isr_.end(); }

// The high watermark is the least log end of the in-sync replicas, and of those that are about to join them: without
// waiting for these, a busy leader would outrun them for ever. It stands still while too few are in sync.
bool Partition::advance_high_watermark() {
  if (!leads() || is_under_min_isr()) return false;
  OffsetMetadata watermark = log_->log_end_offset_metadata();
  if (!followers_.empty()) {
    const Offset leader_end = watermark.offset;
    const std::int64_t now = environment_.clock->monotonic_ms();
    for (const Follower& follower : followers_) {
      if (follower.log_end >= watermark.offset) continue;
      const bool joins = follower.is_caught_up(leader_end, now, environment_.replica_lag_time_max_ms) &&
                         environment_.is_alive(follower.id);
      if (is_in_isr(follower.id) || joins) watermark = OffsetMetadata{.offset = follower.log_end};
    }
    if (watermark.offset < 0) return false;  // an in-sync replica that hasn't fetched yet
  }
  return log_->maybe_increment_high_watermark(watermark).has_value();
}

void Partition::record_follower_fetch(const PartitionRead& request, const PartitionReadResult& result) {
  MutexLock lock(mutex_);
  const auto known = std::ranges::find(followers_, request.follower, &Follower::id);
  if (known == followers_.end() || log_ == nullptr) return;
  const std::int64_t now = environment_.clock->monotonic_ms();
  const Offset leader_end = result.slice.log_end_offset;
  if (request.fetch_offset >= leader_end) {
    known->caught_up_ms = std::max(known->caught_up_ms, now);
  } else if (request.fetch_offset >= known->leader_end_at_last_fetch) {
    known->caught_up_ms = std::max(known->caught_up_ms, known->last_fetch_ms);
  }
  const bool moved = known->log_end != request.fetch_offset;
  known->log_end = request.fetch_offset;
  known->log_start = request.follower_log_start;
  known->last_fetch_ms = now;
  known->leader_end_at_last_fetch = leader_end;
  if (moved) advance_high_watermark();
  announce_advance();
}

// ---- Reading

Result<PartitionReadResult> Partition::read(const PartitionRead& request) {
  PartitionReadResult result;
  std::shared_ptr<Log> log;
  {
    MutexLock lock(mutex_);
    auto found = log_for_locked(request.current_leader_epoch, request.only_leader);
    if (!found) return std::unexpected(found.error());
    log = std::move(*found);
    if (request.follower >= 0 && std::ranges::find(followers_, request.follower, &Follower::id) == followers_.end()) {
      return fail(request.current_leader_epoch != no_leader_epoch ? ErrorCode::unknown_leader_epoch
                                                                  : ErrorCode::not_leader_or_follower,
                  fmt::format("Replica {} is not recognized as a valid replica of {}", request.follower, id_.text()));
    }
    result.ends.leader_epoch = leader_epoch_;
    result.ends.appended_bytes = appended_bytes_;
    result.ends.low_watermark = 0;
  }
  if (auto read = read_log(*log, request, result); !read) return std::unexpected(read.error());
  if (request.follower >= 0 && request.records_progress && !result.diverging_epoch) {
    record_follower_fetch(request, result);
  }
  return result;
}

Result<void> Partition::read_log(const Log& log, const PartitionRead& request, PartitionReadResult& result) const {
  if (request.last_fetched_epoch != no_leader_epoch) {
    const auto offsets = log.offsets();
    const auto end = log.end_offset_for_epoch(request.last_fetched_epoch);
    if (!end || request.fetch_offset < offsets.log_start_offset) return fail(ErrorCode::offset_out_of_range);
    if (end->epoch < request.last_fetched_epoch || end->offset < request.fetch_offset) {
      result.diverging_epoch = *end;
      result.slice.log_start_offset = offsets.log_start_offset;
      result.slice.log_end_offset = offsets.log_end_offset.offset;
      result.slice.high_watermark = offsets.high_watermark.offset;
      result.slice.last_stable_offset = offsets.last_stable_offset.offset;
      return {};
    }
  }
  auto slice = log.read({.start_offset = request.fetch_offset,
                         .max_bytes = request.max_bytes,
                         .isolation = request.isolation,
                         .min_one_message = request.min_one_message,
                         .cached_only = request.cached_only});
  if (!slice) return std::unexpected(slice.error());
  result.slice = std::move(*slice);
  result.ends.log_end = result.slice.log_end_offset;
  result.ends.high_watermark = result.slice.high_watermark;
  result.ends.last_stable = result.slice.last_stable_offset;
  return {};
}

Result<PartitionEnds> Partition::ends() {
  MutexLock lock(mutex_);
  if (const auto opened = open_locked(); !opened) return std::unexpected(opened.error());
  return ends_locked();
}

PartitionEnds Partition::ends_locked() const {
  const auto offsets = log_->offsets();
  return {.leader_epoch = leader_epoch_,
          .low_watermark = low_watermark_locked(),
          .log_end = offsets.log_end_offset.offset,
          .high_watermark = offsets.high_watermark.offset,
          .last_stable = offsets.last_stable_offset.offset,
          .appended_bytes = appended_bytes_};
}

Result<std::optional<storage::TimestampAndOffset>> Partition::find_offset(TimestampMs timestamp,
                                                                          std::optional<IsolationLevel> isolation,
                                                                          LeaderEpoch current_epoch, bool only_leader) {
  std::shared_ptr<Log> log;
  LeaderEpoch epoch = no_leader_epoch;
  std::optional<Offset> epoch_start;
  {
    MutexLock lock(mutex_);
    auto found = log_for_locked(current_epoch, only_leader);
    if (!found) return std::unexpected(found.error());
    log = std::move(*found);
    epoch = leader_epoch_;
    epoch_start = epoch_start_;
  }
  if (timestamp == latest_tiered || timestamp == earliest_pending_upload) return storage::TimestampAndOffset{};
  if (timestamp == earliest || timestamp == earliest_local) return log->find_offset_by_timestamp(earliest);

  const auto offsets = log->offsets();
  const Offset end = visible_end(offsets, isolation);
  if (timestamp != latest) {
    auto found = log->find_offset_by_timestamp(timestamp);
    if (!found || (*found && (*found)->offset < end)) return found;
  }
  // A new leader's high watermark may trail its own epoch; answering from it could send a consumer backwards.
  if (isolation && epoch_start && *epoch_start > offsets.high_watermark.offset) {
    return fail(ErrorCode::offset_not_available);
  }
  if (timestamp != latest) return std::nullopt;
  return storage::TimestampAndOffset{.timestamp = protocol::no_timestamp, .offset = end, .epoch = epoch};
}

Result<OffsetAndEpoch> Partition::end_offset_for_epoch(LeaderEpoch current_epoch, LeaderEpoch wanted,
                                                       bool only_leader) {
  auto log = log_for(current_epoch, only_leader);
  if (!log) return std::unexpected(log.error());
  return (*log)->end_offset_for_epoch(wanted).value_or(OffsetAndEpoch{});
}

// ---- Deleting records

Result<Partition::DeletedRecords> Partition::delete_records_before(Offset offset) {
  MutexLock lock(mutex_);
  auto log = log_for_locked(no_leader_epoch, true);
  if (!log) return std::unexpected(log.error());
  if (!log_->config()->cleanup_delete) {
    return fail(ErrorCode::policy_violation,
                fmt::format("Records of partition {} can not be deleted due to the configured policy", id_.text()));
  }
  const Offset wanted = offset == to_high_watermark ? log_->high_watermark() : offset;
  if (wanted < 0) {
    return fail(ErrorCode::offset_out_of_range,
                fmt::format("The offset {} for partition {} is not valid", wanted, id_.text()));
  }
  if (const auto raised = log_->increment_log_start_offset(wanted); !raised) return std::unexpected(raised.error());
  announce_advance();
  return DeletedRecords{.wanted = wanted, .low_watermark = low_watermark_locked()};
}

Result<Offset> Partition::low_watermark() {
  MutexLock lock(mutex_);
  if (const auto log = log_for_locked(no_leader_epoch, true); !log) return std::unexpected(log.error());
  return low_watermark_locked();
}

Offset Partition::low_watermark_locked() const {
  Offset low = log_->log_start_offset();
  for (const Follower& follower : followers_) {
    if (follower.log_start < low && environment_.is_alive(follower.id)) low = follower.log_start;
  }
  return low;
}

// ---- Counting

void Partition::count(Counter TopicMetrics::* counter, std::int64_t by) {
  if (environment_.metrics.totals == nullptr) return;
  (environment_.metrics.totals->*counter).add(by);
  TopicMetrics* metrics = counted_metrics_.load(std::memory_order_acquire);
  if (metrics == nullptr) {
    std::shared_ptr<TopicMetrics> found = environment_.metrics.of_topic(id_.topic);
    MutexLock lock(mutex_);
    if (metrics_ == nullptr) metrics_ = std::move(found);
    metrics = metrics_.get();
    counted_metrics_.store(metrics, std::memory_order_release);
  }
  (metrics->*counter).add(by);
}

// ---- Waiting

bool Partition::watch(OffsetWaiter& waiter) {
  MutexLock lock(mutex_);
  if (!leads() || log_ == nullptr) return false;
  if (offset_of(ends_locked(), waiter.end()) >= waiter.at_least()) return false;
  attach(waiter);
  return true;
}

bool Partition::watch(FetchWaiter& waiter) {
  MutexLock lock(mutex_);
  if (closed_ || log_ == nullptr) return false;
  attach(waiter);
  if (leader_epoch_ != waiter.seen().leader_epoch) {
    waiter.on_leadership_change();
  } else {
    waiter.on_advance(ends_locked());
  }
  return true;
}

void Partition::attach(PartitionWaiter& waiter) {
  assert(waiter.partition_ == nullptr);
  waiter.partition_ = this;
  waiters_.push_back(waiter);
}

void Partition::detach(PartitionWaiter& waiter) {
  MutexLock lock(mutex_);
  waiters_.erase(waiters_.iterator_to(waiter));
  waiter.partition_ = nullptr;
}

void Partition::announce_advance() {
  if (waiters_.empty()) return;
  const PartitionEnds ends = ends_locked();
  for (PartitionWaiter& waiter : waiters_) waiter.on_advance(ends);
}

void Partition::announce_leadership_change() {
  for (PartitionWaiter& waiter : waiters_) waiter.on_leadership_change();
}

}  // namespace broker
