// The reading half of Partition: slices, offsets by time and epoch, and the deletion of records.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "broker/replication/partition.h"
#include "storage/log.h"
#include "storage/log_config.h"

namespace broker {

using protocol::ErrorCode, protocol::fail, protocol::LeaderEpoch, protocol::MutexLock, protocol::MutexUnlock,
    protocol::no_leader_epoch, protocol::Offset, protocol::Result, protocol::TimestampMs;
using storage::Log, storage::OffsetAndEpoch;

namespace {

constexpr TimestampMs latest = -1, earliest = -2, earliest_local = -4, latest_tiered = -5, earliest_pending_upload = -6;
constexpr Offset to_high_watermark = -1;

Offset visible_end(const storage::OffsetSnapshot& offsets, std::optional<IsolationLevel> isolation) {
  if (!isolation) return offsets.log_end_offset.offset;
  return *isolation == IsolationLevel::read_committed ? offsets.last_stable_offset.offset
                                                      : offsets.high_watermark.offset;
}

}  // namespace

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
  if (const auto log = log_for_locked(no_leader_epoch, false); !log) return std::unexpected(log.error());
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
  if (const auto leading = await_leading_log(); !leading) return std::unexpected(leading.error());
  if (!log_->config()->cleanup_delete) {
    return fail(ErrorCode::policy_violation,
                fmt::format("Records of partition {} can not be deleted due to the configured policy", id_.text()));
  }
  const Offset wanted = offset == to_high_watermark ? log_->high_watermark() : offset;
  if (wanted < 0) {
    return fail(ErrorCode::offset_out_of_range,
                fmt::format("The offset {} for partition {} is not valid", wanted, id_.text()));
  }
  ++writing_;
  Result<bool> raised = false;
  {
    Log& log = *log_;
    const MutexUnlock unlocked(mutex_);
    raised = log.increment_log_start_offset(wanted);
  }
  end_writing();
  if (!raised) return std::unexpected(raised.error());
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
  if (future_ != nullptr) low = std::min(low, future_->log_start_offset());
  for (const Follower& follower : followers_) {
    if (follower.log_start < low && environment_.is_alive(follower.id)) low = follower.log_start;
  }
  return low;
}

}  // namespace broker
