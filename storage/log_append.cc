// The appending half of Log.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "protocol/records/validation.h"
#include "storage/leader_epoch_cache.h"
#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/log_loader.h"
#include "storage/producer_state.h"
#include "storage/segment.h"
#include "storage/segment_recovery.h"

namespace storage {

using protocol::BatchHeader;
using protocol::BatchStatus;
using protocol::Bytes;
using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

namespace {

std::optional<protocol::Compression> target_compression(const LogConfig& config) {
  using protocol::CompressionType;
  switch (config.compression) {
    case TopicCompression::producer:
      return std::nullopt;
    case TopicCompression::uncompressed:
      return protocol::Compression{};
    case TopicCompression::gzip:
      return protocol::Compression{CompressionType::gzip, config.gzip_level};
    case TopicCompression::snappy:
      return protocol::Compression::of(CompressionType::snappy);
    case TopicCompression::lz4:
      return protocol::Compression{CompressionType::lz4, config.lz4_level};
    case TopicCompression::zstd:
      return protocol::Compression{CompressionType::zstd, config.zstd_level};
  }
  return std::nullopt;
}

protocol::PrepareOptions prepare_options(const LogConfig& config, AppendOrigin origin, TimestampMs now,
                                         std::string_view partition) {
  return {.origin = origin,
          .compression = target_compression(config),
          .max_message_bytes = static_cast<std::size_t>(config.max_message_bytes),
          .compacted = config.cleanup_compact,
          .timestamp_type = config.timestamp_type,
          .timestamp_before_max_ms = config.timestamp_before_max_ms,
          .timestamp_after_max_ms = config.timestamp_after_max_ms,
          .now = now,
          .partition = partition};
}

iovec as_piece(Bytes bytes) { return {const_cast<std::byte*>(bytes.data()), bytes.size()}; }

}  // namespace

Result<AppendInfo> Log::append_as_leader(Bytes records, LeaderEpoch leader_epoch, AppendOrigin origin, TimestampMs now,
                                         VerificationGuard guard, std::vector<RecordError>* record_errors) {
  const FailureReport report(directory_);
  const std::shared_ptr<const LogConfig> config = this->config();
  const auto summary = protocol::analyze_records(
      records,
      {.origin = origin, .max_message_bytes = static_cast<std::size_t>(config->max_message_bytes), .partition = name_});
  if (!summary) return std::unexpected(summary.error());
  if (summary->valid_bytes == 0) return AppendInfo{.log_start_offset = log_start_offset()};
  const auto scratch = directory_.borrow_scratch();
  auto prepared = protocol::prepare_append(records.first(summary->valid_bytes), *summary,
                                           prepare_options(*config, origin, now, name_), *scratch);
  if (!prepared) {
    if (record_errors != nullptr) *record_errors = std::move(prepared.error().record_errors);
    return std::unexpected(std::move(prepared.error().error));
  }

  AppendInfo info;
  {
    MutexLock lock(mutex_);
    if (auto usable = check_usable(); !usable) return std::unexpected(usable.error());
    prepared->assign(log_end_.offset, leader_epoch);
    const BatchHeader batch = prepared->fields();
    info = {.first_offset = batch.base_offset(),
            .last_offset = batch.last_offset(),
            .max_timestamp = batch.max_timestamp(),
            .log_append_time = prepared->log_append_time(),
            .log_start_offset = log_start_,
            .last_leader_epoch = leader_epoch};
    if (auto assigned = epochs_->assign(leader_epoch, batch.base_offset()); !assigned) {
      return std::unexpected(failed(assigned.error()));
    }
    const auto size = static_cast<std::int64_t>(prepared->size());
    if (auto room = make_room(info, size, now); !room) return std::unexpected(room.error());

    ProducerChanges changes;
    if (batch.has_producer_id()) {
      std::vector<std::byte> control_batch;
      if (batch.is_control()) {
        control_batch.assign(prepared->header().begin(), prepared->header().end());
        control_batch.insert(control_batch.end(), prepared->body().begin(), prepared->body().end());
      }
      auto duplicate = check_producer(batch, origin, guard, control_batch, changes);
      if (!duplicate) return std::unexpected(duplicate.error());
      if (*duplicate) {
        (*duplicate)->flush_due = is_flush_due();
        return **duplicate;
      }
    }
    const std::array pieces = {as_piece(prepared->header()), as_piece(prepared->body())};
    const BatchMark mark{batch.last_offset(), batch.max_timestamp(), size};
    if (auto written = write({pieces, std::span(&mark, 1), size}, info, changes); !written) {
      return std::unexpected(written.error());
    }
    info.flush_due = is_flush_due();
  }
  return info;
}

void Log::prepare_appends() {
  std::shared_ptr<Segment> active;
  {
    MutexLock lock(mutex_);
    if (!check_usable()) return;
    active = segments_.back();
  }
  if (const auto prepared = active->prepare_appends(); !prepared) {
    spdlog::warn("{} is not ready for appends: {}", name_, prepared.error().text());  // the first one tries again
  }
}

bool Log::is_flush_due() const { return log_end_.offset - recovery_point_ >= config_->flush_messages; }

// A duplicate's original offsets, or nullopt for a batch that may be appended.
Result<std::optional<AppendInfo>> Log::check_producer(const BatchHeader& batch, AppendOrigin origin,
                                                      VerificationGuard guard, Bytes whole_batch,
                                                      ProducerChanges& changes) {
  const ProducerEntry* known = producers_->find(batch.producer_id());
  if (origin == AppendOrigin::client && known != nullptr) {
    if (const ProducerBatch* duplicate = known->find_duplicate(batch)) {
      return AppendInfo{.first_offset = duplicate->first_offset(),
                        .last_offset = duplicate->last_offset,
                        .max_timestamp = duplicate->timestamp,
                        .log_append_time = duplicate->timestamp,
                        .log_start_offset = log_start_,
                        .last_leader_epoch = batch.partition_leader_epoch(),
                        .duplicate = true};
    }
  }
  const bool needs_verification = verify_transactions_ && origin != AppendOrigin::replication &&
                                  batch.is_transactional() && !batch.is_control() &&
                                  (known == nullptr || !known->has_open_transaction());
  if (needs_verification) {
    const VerificationGuard expected = producers_->verification_guard(batch.producer_id());
    if (guard == no_verification_guard || guard != expected) {
      return fail(ErrorCode::invalid_txn_state, "Record was not part of an ongoing transaction");
    }
  }
  ProducerAppend append{.batch = batch, .marker = std::nullopt};
  if (batch.is_control()) {
    const auto scratch = directory_.borrow_scratch();
    if (const auto marker = read_marker(whole_batch, *scratch)) {
      append.marker = marker->first;
      append.marker_timestamp = marker->second;
    }
  }
  if (auto checked = producers_->check(changes, append, origin); !checked) return std::unexpected(checked.error());
  return std::nullopt;
}

Result<AppendInfo> Log::append_as_follower(Bytes records, TimestampMs now) {
  const FailureReport report(directory_);
  const auto summary = protocol::analyze_records(
      records, {.origin = AppendOrigin::replication, .require_monotonic_offsets = true, .partition = name_});
  if (!summary) return std::unexpected(summary.error());
  if (summary->valid_bytes == 0) return AppendInfo{.log_start_offset = log_start_offset()};
  records = records.first(summary->valid_bytes);

  AppendInfo info;
  bool flush_due = false;
  {
    MutexLock lock(mutex_);
    if (auto usable = check_usable(); !usable) return std::unexpected(usable.error());
    if (summary->first_or_last_offset_of_first_batch() < log_end_.offset) {
      return fail(ErrorCode::offset_out_of_range,
                  fmt::format("Unexpected offset in append to {}: {} is less than the next offset {}.", name_,
                              summary->first_or_last_offset_of_first_batch(), log_end_.offset));
    }
    info = {.first_offset = summary->first_offset,
            .last_offset = summary->last_offset,
            .max_timestamp = summary->max_timestamp,
            .log_start_offset = log_start_,
            .last_leader_epoch = summary->last_leader_epoch};
    const auto size = static_cast<std::int64_t>(records.size());
    std::vector<BatchMark> marks;
    marks.reserve(static_cast<std::size_t>(summary->batch_count));
    ProducerChanges changes;
    if (auto checked = check_follower_batches(records, marks, changes); !checked) {
      return std::unexpected(checked.error());
    }
    if (auto room = make_room(info, size, now); !room) return std::unexpected(room.error());
    const iovec piece = as_piece(records);
    if (auto written = write({std::span(&piece, 1), marks, size}, info, changes); !written) {
      return std::unexpected(written.error());
    }
    flush_due = is_flush_due();
  }
  if (flush_due) {
    if (auto flushed = flush(now); !flushed) return std::unexpected(flushed.error());
  }
  return info;
}

Result<void> Log::check_follower_batches(Bytes records, std::vector<BatchMark>& marks, ProducerChanges& changes) {
  protocol::BatchReader reader(records);
  protocol::RecordBatchView batch;
  while (reader.next(batch) == BatchStatus::ok) {
    marks.push_back({batch.last_offset(), batch.max_timestamp(), static_cast<std::int64_t>(batch.size())});
    const Io<void> assigned = batch.magic() >= protocol::magic_v2
                                  ? epochs_->assign(batch.partition_leader_epoch(), batch.base_offset())
                                  : (epochs_->empty() ? Io<void>{} : epochs_->clear());
    if (!assigned) return std::unexpected(failed(assigned.error()));
    if (!batch.has_producer_id()) continue;
    const auto checked =
        check_producer(batch, AppendOrigin::replication, no_verification_guard, batch.bytes(), changes);
    if (!checked) return std::unexpected(checked.error());
  }
  return {};
}

// Rolls if the append does not fit into the active segment any more.
Result<void> Log::make_room(const AppendInfo& info, std::int64_t size, TimestampMs now) {
  if (size > config_->segment_bytes) {
    return fail(ErrorCode::record_list_too_large,
                fmt::format("Message batch size is {} bytes in append to partition {}, which exceeds the maximum "
                            "configured segment size of {}.",
                            size, name_, config_->segment_bytes));
  }
  const auto rolls = segments_.back()->should_roll(
      {.now = now, .max_timestamp = info.max_timestamp, .last_offset = info.last_offset, .size = size}, *config_);
  if (!rolls) return std::unexpected(failed(rolls.error()));
  if (!*rolls) return {};
  // Old formats don't tell the first offset without decompressing; any base that the last offset is relative to will
  // do.
  const Offset base =
      info.first_offset >= 0 ? info.first_offset : info.last_offset - std::numeric_limits<std::int32_t>::max();
  return roll_locked(base, now);
}

Result<void> Log::write(const SegmentAppend& append, AppendInfo& info, const ProducerChanges& changes) {
  Segment& active = *segments_.back();
  if (auto written = active.append(append); !written) return std::unexpected(failed(written.error()));
  move_log_end(info.last_offset + 1);
  info.bytes = append.size;
  for (const AbortedTxnEntry& aborted : producers_->commit(changes)) {
    if (auto added = active.add_aborted_transaction(aborted); !added) {
      // The markers are in the log already, so the log must not be used without this entry.
      directory_.take_offline(added.error().text());
      return std::unexpected(failed(added.error()));
    }
  }
  producers_->set_end_offset(info.last_offset + 1);
  refresh_first_unstable_offset();
  return {};
}

Result<void> Log::roll(TimestampMs now) {
  const FailureReport report(directory_);
  MutexLock lock(mutex_);
  if (auto usable = check_usable(); !usable) return usable;
  return roll_locked(log_end_.offset, now);
}

Result<void> Log::roll_locked(Offset wanted_base, TimestampMs now) {
  const Offset base = std::max(wanted_base, log_end_.offset);
  if (segments_.back()->base_offset() == base) return {};  // still empty: it serves as the new one
  if (auto done = segments_.back()->become_inactive(); !done) return std::unexpected(failed(done.error()));
  auto created =
      Segment::create(directory_.files(), path_, base, *config_, now, roll_jitter_ms(*config_, partition_, base));
  if (!created) {
    // An empty file at the new base would be taken for the active segment after a restart.
    (void)Segment(directory_.files(), path_, base, 0, *config_, now).remove_files();
    return std::unexpected(failed(created.error()));
  }
  const bool high_watermark_at_end = high_watermark_.offset >= log_end_.offset;
  segments_.push_back(std::move(*created));
  rolled_up_to_ = base;
  move_log_end(log_end_.offset);
  producers_->set_end_offset(base);
  const auto snapshot = producers_->take_snapshot(false);
  if (!snapshot) return std::unexpected(failed(snapshot.error()));
  if (*snapshot) unsynced_files_.push_back(producers_->snapshot_path(**snapshot));
  if (high_watermark_at_end) set_high_watermark(log_end_);
  return {};
}

}  // namespace storage
