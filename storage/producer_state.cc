#include "storage/producer_state.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace storage {

using protocol::BatchHeader;
using protocol::ErrorCode, protocol::fail;
using protocol::Result;

std::int32_t ProducerBatch::first_sequence() const {
  constexpr std::int32_t top = std::numeric_limits<std::int32_t>::max();
  return last_sequence >= offset_delta ? last_sequence - offset_delta : top - (offset_delta - last_sequence) + 1;
}

void ProducerEntry::set_epoch(ProducerEpoch new_epoch) {
  if (epoch == new_epoch) return;
  epoch = new_epoch;
  batch_count = 0;
}

void ProducerEntry::add_batch(const ProducerBatch& batch) {
  if (batch_count == max_batches) {
    std::shift_left(batches.begin(), batches.end(), 1);
    --batch_count;
  }
  batches[batch_count++] = batch;
}

const ProducerBatch* ProducerEntry::find_duplicate(const BatchHeader& batch) const {
  if (batch.producer_epoch() != epoch) return nullptr;
  for (const ProducerBatch& known : known_batches()) {
    if (known.first_sequence() == batch.base_sequence() && known.last_sequence == batch.last_sequence()) return &known;
  }
  return nullptr;
}

ProducerState::ProducerState(FileSystem& file_system, std::string directory, std::string partition,
                             std::int64_t producer_id_expiration_ms)
    : file_system_(file_system),
      directory_(std::move(directory)),
      partition_(std::move(partition)),
      producer_id_expiration_ms_(producer_id_expiration_ms) {}

const ProducerEntry* ProducerState::find(ProducerId producer) const {
  const auto found = producers_.find(producer);
  return found == producers_.end() ? nullptr : &found->second;
}

// ---- Checking an append

Result<void> ProducerState::check(ProducerChanges& changes, const ProducerAppend& append, AppendOrigin origin) const {
  const ProducerId producer = append.batch.producer_id();
  auto changed = std::ranges::find(changes.entries, producer, &std::pair<ProducerId, ProducerEntry>::first);
  if (changed == changes.entries.end()) {
    const ProducerEntry* known = find(producer);
    changes.entries.emplace_back(producer, known != nullptr ? *known : ProducerEntry{});
    changed = std::prev(changes.entries.end());
  }
  if (append.batch.is_transactional()) changes.verified.push_back(producer);
  if (!append.batch.is_control()) return check_data(changes, changed->second, append.batch, origin);
  if (append.marker) return check_marker(changes, changed->second, append, origin);
  return {};
}

Result<void> ProducerState::check_epoch(const ProducerEntry& entry, const BatchHeader& batch,
                                        AppendOrigin origin) const {
  if (batch.producer_epoch() >= entry.epoch || origin == AppendOrigin::replication) return {};
  return fail(ErrorCode::invalid_producer_epoch,
              fmt::format("Epoch of producer {} at offset {} in {} is {}, which is smaller than the last seen epoch {}",
                          batch.producer_id(), batch.base_offset(), partition_, batch.producer_epoch(), entry.epoch));
}

Result<void> ProducerState::check_sequence(const ProducerEntry& entry, const BatchHeader& batch) const {
  const std::int32_t sequence = batch.base_sequence();
  const auto out_of_order = [&](std::string_view what, std::int64_t known) {
    return fail(ErrorCode::out_of_order_sequence_number,
                fmt::format("Out of order sequence number for producer {} at offset {} in partition {}: {} (incoming "
                            "seq. number), {} ({})",
                            batch.producer_id(), batch.base_offset(), partition_, sequence, known, what));
  };
  if (const auto verification = verifications_.find(batch.producer_id());
      verification != verifications_.end() && sequence > verification->second.lowest_sequence) {
    return out_of_order("earliest seen sequence", verification->second.lowest_sequence);
  }
  if (entry.epoch == protocol::no_producer_epoch) return {};  // unknown here: any sequence may be its next
  if (batch.producer_epoch() != entry.epoch) {
    if (sequence == 0) return {};
    return fail(ErrorCode::out_of_order_sequence_number,
                fmt::format("Invalid sequence number for new epoch of producer {} at offset {} in partition {}: {} "
                            "(request epoch), {} (seq. number), {} (current producer epoch)",
                            batch.producer_id(), batch.base_offset(), partition_, batch.producer_epoch(), sequence,
                            entry.epoch));
  }
  const std::int64_t last = entry.last_sequence();
  const bool wrapped = sequence == 0 && last == std::numeric_limits<std::int32_t>::max();
  if (sequence == last + 1 || wrapped) return {};
  return out_of_order("current end sequence number", last);
}

Result<void> ProducerState::check_data(ProducerChanges& changes, ProducerEntry& entry, const BatchHeader& batch,
                                       AppendOrigin origin) const {
  if (auto checked = check_epoch(entry, batch, origin); !checked) return checked;
  if (origin == AppendOrigin::client) {
    if (auto checked = check_sequence(entry, batch); !checked) return checked;
  }
  entry.set_epoch(batch.producer_epoch());
  entry.add_batch({.last_sequence = batch.last_sequence(),
                   .last_offset = batch.last_offset(),
                   .offset_delta = static_cast<std::int32_t>(batch.last_offset() - batch.base_offset()),
                   .timestamp = batch.max_timestamp()});
  entry.last_timestamp = batch.max_timestamp();
  if (entry.has_open_transaction() && !batch.is_transactional()) {
    return fail(ErrorCode::invalid_txn_state,
                fmt::format("Expected transactional write from producer {} at offset {} in partition {}",
                            batch.producer_id(), batch.base_offset(), partition_));
  }
  if (!entry.has_open_transaction() && batch.is_transactional()) {
    entry.open_transaction_start = batch.base_offset();
    changes.started.emplace_back(batch.base_offset(), batch.producer_id());
  }
  return {};
}

Result<void> ProducerState::check_marker(ProducerChanges& changes, ProducerEntry& entry, const ProducerAppend& append,
                                         AppendOrigin origin) const {
  if (auto checked = check_epoch(entry, append.batch, origin); !checked) return checked;
  const std::int32_t coordinator_epoch = append.marker->coordinator_epoch;
  if (entry.coordinator_epoch > coordinator_epoch && origin != AppendOrigin::replication) {
    return fail(ErrorCode::transaction_coordinator_fenced,
                fmt::format("Invalid coordinator epoch for producer {} at offset {} in partition {}: {} (zombie), {} "
                            "(current)",
                            append.batch.producer_id(), append.batch.base_offset(), partition_, coordinator_epoch,
                            entry.coordinator_epoch));
  }
  if (entry.has_open_transaction()) {
    changes.completed.push_back({.producer_id = append.batch.producer_id(),
                                 .first_offset = entry.open_transaction_start,
                                 .marker_offset = append.batch.base_offset(),
                                 .aborted = append.marker->type == protocol::ControlRecordType::abort});
  }
  entry.set_epoch(append.batch.producer_epoch());
  entry.coordinator_epoch = coordinator_epoch;
  entry.open_transaction_start = -1;
  entry.last_timestamp = append.marker_timestamp;
  return {};
}

std::vector<AbortedTxnEntry> ProducerState::commit(const ProducerChanges& changes) {
  for (const auto& [producer, entry] : changes.entries) producers_.insert_or_assign(producer, entry);
  for (const auto& [offset, producer] : changes.started) open_.insert_or_assign(offset, OpenTransaction{producer});
  for (const ProducerId producer : changes.verified) verifications_.erase(producer);
  std::vector<AbortedTxnEntry> aborted;
  for (const CompletedTransaction& done : changes.completed) {
    const auto other =
        std::ranges::find_if(open_, [&](const auto& open) { return open.second.producer_id != done.producer_id; });
    if (done.aborted) {
      aborted.push_back({.producer_id = done.producer_id,
                         .first_offset = done.first_offset,
                         .last_offset = done.marker_offset,
                         .last_stable_offset = other != open_.end() ? other->first : done.marker_offset + 1});
    }
    complete(done);
  }
  return aborted;
}

void ProducerState::complete(const CompletedTransaction& transaction) {
  open_.erase(transaction.first_offset);
  unreplicated_.insert_or_assign(transaction.first_offset,
                                 OpenTransaction{transaction.producer_id, transaction.marker_offset});
}

// ---- Transactions

std::optional<Offset> ProducerState::first_unstable_offset() const {
  std::optional<Offset> first = first_undecided_offset();
  if (!unreplicated_.empty() && (!first || unreplicated_.begin()->first < *first)) first = unreplicated_.begin()->first;
  return first;
}

std::optional<Offset> ProducerState::first_undecided_offset() const {
  return open_.empty() ? std::nullopt : std::optional(open_.begin()->first);
}

void ProducerState::forget_replicated(Offset below) {
  if (unreplicated_.empty()) return;
  std::erase_if(unreplicated_, [&](const auto& entry) { return entry.second.marker_offset < below; });
}

void ProducerState::on_log_start_offset(Offset log_start) {
  forget_replicated(log_start);
  end_offset_ = std::max(end_offset_, log_start);
  last_snapshot_offset_ = latest_snapshot().value_or(log_start);
}

VerificationGuard ProducerState::start_verification(ProducerId producer, std::int32_t sequence, ProducerEpoch epoch,
                                                    TimestampMs now) {
  const auto [found, added] = verifications_.try_emplace(producer);
  Verification& verification = found->second;
  if (added || verification.epoch < epoch) {
    if (added) verification = {.since = now, .guard = ++last_guard_};
    verification.lowest_sequence = sequence;
    verification.epoch = epoch;
  } else if (verification.epoch == epoch) {
    verification.lowest_sequence = std::min(verification.lowest_sequence, sequence);
  }
  return verification.guard;
}

VerificationGuard ProducerState::verification_guard(ProducerId producer) const {
  const auto found = verifications_.find(producer);
  return found == verifications_.end() ? no_verification_guard : found->second.guard;
}

// ---- Expiry

bool ProducerState::is_expired(const ProducerEntry& entry, TimestampMs now) const {
  return !entry.has_open_transaction() && now - entry.last_timestamp >= producer_id_expiration_ms_;
}

void ProducerState::remove_expired(TimestampMs now) {
  std::erase_if(producers_, [&](const auto& producer) { return is_expired(producer.second, now); });
  std::erase_if(verifications_,
                [&](const auto& entry) { return now - entry.second.since >= producer_id_expiration_ms_; });
}

void ProducerState::adopt(const ProducerState& other) {
  producers_ = other.producers_;
  open_ = other.open_;
  unreplicated_ = other.unreplicated_;
  verifications_ = other.verifications_;
  last_guard_ = other.last_guard_;
}

}  // namespace storage
