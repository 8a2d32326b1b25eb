#include "broker/replication/partition.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "storage/log.h"

namespace broker {

using protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::LeaderEpoch, protocol::MutexLock,
    protocol::MutexUnlock, protocol::no_leader_epoch, protocol::Offset, protocol::Result;
using storage::Log;

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
  announce_leadership_change();
  return changed;
}

Result<bool> Partition::become_leader(const PartitionState& state) {
  if (closed_) return fail(*closed_);
  if (state.partition_epoch < partition_epoch_) return false;
  const bool was_leader = leads();
  const bool new_epoch = state.leader_epoch > leader_epoch_;
  // The epoch's start is written down before anything is written in it, so that followers with a longer log know where
  // to truncate to. Until then the partition stays what it was.
  std::optional<Offset> epoch_start;
  if (new_epoch && log_ != nullptr) {
    Log& log = *log_;
    const MutexUnlock unlocked(mutex_);
    epoch_start = write_epoch_start_or_later(log, state.leader_epoch);
  }
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
  if (epoch_start) begin_epoch(*epoch_start);
  if (log_ != nullptr) advance_high_watermark();  // the ISR may have shrunk to this replica
  return !was_leader;
}

Result<bool> Partition::make_follower(const PartitionState& state) {
  MutexLock lock(mutex_);
  begin_change();
  auto changed = become_follower(state);
  end_change();
  announce_leadership_change();
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
  future_.reset();
  leader_ = -1;
  epoch_start_.reset();
  followers_.clear();
  isr_.clear();
  end_change();
  announce_leadership_change();
}

void Partition::begin_change() {
  while (changing_) environment_.settled.wait(mutex_);
  changing_ = true;
  while (writing_ > 0 || opening_) environment_.settled.wait(mutex_);
}

void Partition::end_change() {
  changing_ = false;
  environment_.settled.notify_all();
}

void Partition::end_writing() {
  if (--writing_ == 0 && changing_) environment_.settled.notify_all();
}

void Partition::wake_waiters() {
  MutexLock lock(mutex_);
  announce_leadership_change();
}

Result<Offset> Partition::write_epoch_start(Log& log, LeaderEpoch epoch) const {
  const Offset start = log.log_end_offset();
  if (auto assigned = log.assign_epoch_start_offset(epoch, start); !assigned) return std::unexpected(assigned.error());
  return start;
}

// A full disk must not keep consumers from what is there: the first append tries again.
std::optional<Offset> Partition::write_epoch_start_or_later(Log& log, LeaderEpoch epoch) const {
  const auto start = write_epoch_start(log, epoch);
  if (start) return *start;
  spdlog::warn("Leader epoch {} of {} can't be written down yet: {}", epoch, id_.text(), start.error().text());
  return std::nullopt;
}

void Partition::begin_epoch(Offset start) {
  epoch_start_ = start;
  for (Follower& follower : followers_) follower.leader_end_at_last_fetch = start;
}

// For the first append after the epoch couldn't be written down.
Result<void> Partition::retry_begin_epoch() {
  begin_change();
  if (closed_ || !leads() || epoch_start_) {
    end_change();
    return {};  // the caller looks again
  }
  Result<Offset> start = Offset{0};
  {
    Log& log = *log_;
    const LeaderEpoch epoch = leader_epoch_;
    const MutexUnlock unlocked(mutex_);
    start = write_epoch_start(log, epoch);
  }
  if (start) begin_epoch(*start);
  end_change();
  if (!start) return std::unexpected(start.error());
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
  begin_change();
  Result<void> set;
  if (const auto log = log_) {
    const MutexUnlock unlocked(mutex_);
    set = log->set_topic_id(id);
  }
  if (set) topic_id_ = id;
  end_change();
  return set;
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

// One opens, the others wait for it. Neither leadership nor the topic id can change meanwhile.
Result<void> Partition::open_locked() {
  while (log_ == nullptr && !closed_ && (opening_ || changing_)) environment_.settled.wait(mutex_);
  if (log_ != nullptr) return {};
  if (closed_) return fail(*closed_);
  opening_ = true;
  // Leadership came before the log was needed. Nobody has written since, so the epoch begins at the log's end.
  const bool begins_epoch = leads() && leader_epoch_ != no_leader_epoch;
  std::optional<Offset> epoch_start;
  Result<std::shared_ptr<Log>> opened = fail(ErrorCode::unknown_server_error);
  try {
    const LeaderEpoch epoch = leader_epoch_;
    const auto topic_id = topic_id_;
    const MutexUnlock unlocked(mutex_);
    opened = environment_.open_log(id_, topic_id);
    if (opened && begins_epoch) epoch_start = write_epoch_start_or_later(**opened, epoch);
  } catch (const std::exception& thrown) {
    opened = fail(ErrorCode::unknown_server_error, thrown.what());
  }
  opening_ = false;
  environment_.settled.notify_all();
  if (!opened) return std::unexpected(opened.error());
  log_ = std::move(*opened);
  if (!topic_id_) topic_id_ = log_->topic_id();
  if (epoch_start) begin_epoch(*epoch_start);
  if (begins_epoch) advance_high_watermark();
  is_open_.store(true, std::memory_order_release);
  return {};
}

// Until nothing changes, this replica leads, and the log is open.
Result<void> Partition::await_leading_log() {
  while (true) {
    while (changing_) environment_.settled.wait(mutex_);
    if (closed_) return fail(*closed_);
    if (!leads()) return fail(ErrorCode::not_leader_or_follower);
    if (log_ != nullptr) return {};
    if (auto opened = open_locked(); !opened) return opened;
  }
}

Result<void> Partition::check_epoch(LeaderEpoch current_epoch) const {
  if (current_epoch == no_leader_epoch || current_epoch == leader_epoch_) return {};
  return fail(current_epoch < leader_epoch_ ? ErrorCode::fenced_leader_epoch : ErrorCode::unknown_leader_epoch);
}

Result<std::shared_ptr<Log>> Partition::log_for_locked(LeaderEpoch current_epoch, bool only_leader) {
  while (true) {
    if (closed_) return fail(*closed_);
    if (const auto current = check_epoch(current_epoch); !current) return std::unexpected(current.error());
    if (only_leader && !leads()) return fail(ErrorCode::not_leader_or_follower);
    if (log_ != nullptr) return log_;
    // Anything may have changed while it opened.
    if (const auto opened = open_locked(); !opened) return std::unexpected(opened.error());
  }
}

Result<std::shared_ptr<Log>> Partition::log_for(LeaderEpoch current_epoch, bool only_leader) {
  MutexLock lock(mutex_);
  return log_for_locked(current_epoch, only_leader);
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
