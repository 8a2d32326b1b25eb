// The leader's half of Partition: appends, what it knows of its followers, and the high watermark.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/replication/partition.h"
#include "storage/log.h"
#include "storage/log_config.h"

namespace broker {

using protocol::BrokerId, protocol::ErrorCode, protocol::fail, protocol::LeaderEpoch, protocol::MutexLock,
    protocol::no_leader_epoch, protocol::Offset, protocol::Result;
using storage::OffsetMetadata;

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
  while (true) {
    if (const auto leading = await_leading_log(); !leading) return std::unexpected(leading.error());
    if (since != no_leader_epoch && (since < leading_since_ || since > leader_epoch_)) {
      return fail(ErrorCode::not_leader_or_follower);
    }
    if (required_acks == -1 && is_under_min_isr()) {
      return fail(ErrorCode::not_enough_replicas,
                  fmt::format("The size of the current ISR ({}) is insufficient to satisfy the min.isr requirement of "
                              "{} for partition {}",
                              isr_.size(), effective_min_isr(), id_.text()));
    }
    if (epoch_start_) break;
    if (const auto begun = retry_begin_epoch(); !begun) return std::unexpected(begun.error());
  }
  ++writing_;
  return Admission{.log = log_.get(), .leader_epoch = leader_epoch_};
}

Result<Partition::LeaderAppend> Partition::append(protocol::Bytes records, const Admission& admission,
                                                  storage::AppendOrigin origin, storage::VerificationGuard guard,
                                                  std::vector<storage::RecordError>* record_errors) {
  LeaderAppend result{.info = {}, .leader_epoch = admission.leader_epoch};
  auto appended = admission.log->append_as_leader(records, admission.leader_epoch, origin, environment_.clock->now_ms(),
                                                  guard, record_errors);
  if (appended) result.info = *appended;
  finish_append(result);
  if (!appended) return std::unexpected(std::move(appended.error()));
  if (result.info.bytes > 0) {
    count(&TopicMetrics::bytes_in, result.info.bytes);
    count(&TopicMetrics::messages_in, result.info.last_offset - result.info.first_offset + 1);
    if (origin == storage::AppendOrigin::client) {
      environment_.retention_notices.look_at(id_.topic, *admission.log, result.info, environment_.clock->now_ms());
    }
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
  end_writing();
}

Result<void> Partition::flush() {
  std::shared_ptr<storage::Log> flushed;
  while (true) {
    std::shared_ptr<storage::Log> log;
    {
      MutexLock lock(mutex_);
      if (closed_) return fail(*closed_);
      log = log_;
    }
    // Another log may have taken its place meanwhile, and what was appended with it.
    if (log == flushed) return {};
    if (auto done = log->flush(environment_.clock->now_ms()); !done) return done;
    flushed = std::move(log);
  }
}

std::optional<ErrorCode> Partition::replication_outcome(Offset required, LeaderEpoch since) const {
  MutexLock lock(mutex_);
  if (closed_) return closed_;
  if (!leads() || log_ == nullptr || since < leading_since_) return ErrorCode::not_leader_or_follower;
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

}  // namespace broker
