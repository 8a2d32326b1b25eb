#include "storage/log_workload.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <set>
#include <utility>

#include "protocol/records/control_record.h"
#include "storage/test_support.h"

namespace storage::testing {

using protocol::CompressionType;

std::vector<LogWorkload::Record> LogWorkload::random_records() {
  std::vector<Record> records;
  const int count = 1 + below(4);
  for (int i = 0; i < count; ++i) {
    Record record{.timestamp = now_ + below(2000) - 1000, .key = std::nullopt, .value = {}};
    if (keys_always || below(3) == 0) record.key = "key" + std::to_string(below(50));
    record.value = "value" + std::to_string(random_()) + std::string(static_cast<std::size_t>(below(200)), 'x');
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<std::byte> LogWorkload::build(const std::vector<Record>& records, protocol::BatchOptions options) {
  options.compression = protocol::Compression::of(static_cast<CompressionType>(below(5)));
  protocol::RecordBatchBuilder builder(options);
  for (const Record& record : records) {
    std::optional<protocol::Bytes> key;
    if (record.key) key = protocol::as_bytes(*record.key);
    builder.append(record.timestamp, key, protocol::as_bytes(record.value));
  }
  auto batch = builder.build();
  if (!batch) std::abort();
  return std::move(*batch);
}

std::optional<AppendInfo> LogWorkload::append(Log& log, const std::vector<Record>& records,
                                              protocol::BatchOptions options, VerificationGuard guard) {
  const auto info = log.append_as_leader(build(records, options), epoch_, AppendOrigin::client, now_, guard);
  if (!info) {
    ++refused;
    return std::nullopt;
  }
  ++appended_batches;
  for (std::size_t i = 0; i < records.size(); ++i) {
    Record stored = records[i];
    if (info->log_append_time >= 0) stored.timestamp = info->log_append_time;
    stored.committed = !options.transactional;
    if (options.transactional) stored.transaction = options.producer_id;
    records_[info->first_offset + static_cast<Offset>(i)] = std::move(stored);
  }
  return *info;
}

void LogWorkload::append_of_producer(Log& log, ProducerId id) {
  Producer& producer = producers_[id];
  const auto records = random_records();
  const auto info =
      append(log, records, {.producer_id = id, .producer_epoch = producer.epoch, .base_sequence = producer.sequence});
  if (info) producer.sequence += static_cast<std::int32_t>(records.size());
}

void LogWorkload::append_in_transaction(Log& log, ProducerId id) {
  Producer& producer = producers_[id];
  const auto records = random_records();
  const auto guard = log.start_transaction_verification(id, producer.sequence, producer.epoch, now_);
  const auto info = append(
      log, records,
      {.producer_id = id, .producer_epoch = producer.epoch, .base_sequence = producer.sequence, .transactional = true},
      guard);
  if (!info) return;
  producer.sequence += static_cast<std::int32_t>(records.size());
  producer.in_transaction = true;
  for (Offset offset = info->first_offset; offset <= info->last_offset; ++offset) producer.offsets.push_back(offset);
}

void LogWorkload::end_transaction(Log& log, ProducerId id, bool commit) {
  Producer& producer = producers_[id];
  const protocol::EndTransactionMarker marker{
      .type = commit ? protocol::ControlRecordType::commit : protocol::ControlRecordType::abort,
      .coordinator_epoch = 1};
  const auto batch = protocol::build_end_transaction_marker(marker, id, producer.epoch, now_);
  const auto info = log.append_as_leader(batch, epoch_, AppendOrigin::coordinator, now_);
  if (!info) {
    ++refused;
    return;
  }
  ++transactions;
  for (const Offset offset : std::exchange(producer.offsets, {})) {
    if (const auto found = records_.find(offset); found != records_.end()) found->second.committed = commit;
  }
  producer.in_transaction = false;
}

void LogWorkload::append_as_follower(Log& log) {
  std::vector<std::byte> all;
  std::map<Offset, Record> added;
  Offset next = log.log_end_offset() + (below(4) == 0 ? below(10) : 0);  // compaction on the leader leaves holes
  const int batches = 1 + below(5);
  for (int i = 0; i < batches; ++i) {
    const auto records = random_records();
    const auto batch = build(records, {.base_offset = next, .partition_leader_epoch = epoch_});
    for (const Record& record : records) added[next++] = record;
    all.insert(all.end(), batch.begin(), batch.end());
  }
  const std::size_t whole = all.size();
  all.resize(whole + static_cast<std::size_t>(below(10)), std::byte{1});  // the cut-off rest of a fetch
  if (all.size() > whole + 8) all.resize(whole);
  if (!log.append_as_follower(all, now_)) {
    ++refused;
    return;
  }
  ++appended_batches;
  records_.merge(added);
}

// Sends a batch of a known producer once more: it must not be appended again.
void LogWorkload::resend(Log& log) {
  Producer& producer = producers_[1];
  const protocol::BatchOptions options{
      .producer_id = 1, .producer_epoch = producer.epoch, .base_sequence = producer.sequence};
  const auto records = random_records();
  const auto batch = build(records, options);
  const auto first = log.append_as_leader(batch, epoch_, AppendOrigin::client, now_);
  if (!first) {
    ++refused;
    return;
  }
  producer.sequence += static_cast<std::int32_t>(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    Record stored = records[i];
    if (first->log_append_time >= 0) stored.timestamp = first->log_append_time;
    records_[first->first_offset + static_cast<Offset>(i)] = stored;
  }
  const auto second = log.append_as_leader(batch, epoch_, AppendOrigin::client, now_);
  if (!second || !second->duplicate || second->first_offset != first->first_offset) {
    std::cerr << "a duplicate was not recognised\n";
    std::abort();
  }
}

namespace {

// The offsets of the records near the end of the log.
std::set<Offset> read_offsets(const Log& log) {
  std::set<Offset> offsets;
  const Offset from = std::max(log.log_start_offset(), log.log_end_offset() - 50);
  for (const ReadRecord& record : read_all(log, from)) offsets.insert(record.offset);
  return offsets;
}

}  // namespace

void LogWorkload::truncate(Log& log) {
  const Offset end = log.log_end_offset(), start = log.log_start_offset();
  const Offset target = std::max(start, end - below(30));
  if (!log.truncate_to(target, now_)) return;
  ++truncations;
  // The whole batch that contains the target went; the log tells from where on.
  const auto rest = read_offsets(log);
  for (auto record = records_.lower_bound(target - 4); record != records_.end();) {
    record = rest.contains(record->first) ? std::next(record) : records_.erase(record);
  }
  ++epoch_;
  resume(log);
}

// As a follower does whose leader has nothing left of what it has.
void LogWorkload::start_anew(Log& log) {
  if (!log.truncate_fully_and_start_at(log.log_end_offset() + below(50), now_)) return;
  ++truncations;
  records_.clear();
  resume(log);
}

void LogWorkload::remove_old(Log& log) {
  const Offset start = log.log_start_offset(), high_watermark = log.high_watermark();
  if (high_watermark > start) {
    const auto span = static_cast<std::int32_t>(std::min<Offset>(high_watermark - start, 40));
    (void)log.increment_log_start_offset(start + below(span + 1));
  }
  (void)log.delete_old_segments(now_);
  records_.erase(records_.begin(), records_.lower_bound(log.log_start_offset()));
}

void LogWorkload::resume(const Log& log) {
  std::map<ProducerId, Producer> known;
  for (const ProducerSummary& summary : log.active_producers()) {
    Producer& producer = known[summary.producer_id];
    producer.epoch = summary.producer_epoch;
    producer.sequence = summary.last_sequence + 1;
    producer.in_transaction = summary.current_txn_start_offset >= 0;
    if (!producer.in_transaction) continue;
    // Its end may have been decided once and that have been lost.
    const Offset start = summary.current_txn_start_offset;
    for (auto at = records_.lower_bound(start); at != records_.end(); ++at) {
      if (at->second.transaction != summary.producer_id) continue;
      at->second.committed = false;
      producer.offsets.push_back(at->first);
    }
  }
  producers_ = std::move(known);
}

void LogWorkload::limit(Offset start, Offset end) {
  records_.erase(records_.begin(), records_.lower_bound(start));
  records_.erase(records_.lower_bound(end), records_.end());
}

std::vector<Offset> LogWorkload::keep_only(const std::set<Offset>& offsets) {
  std::vector<Offset> forgotten;
  std::erase_if(records_, [&](const auto& record) {
    const bool kept = offsets.contains(record.first);
    if (!kept) forgotten.push_back(record.first);
    return !kept;
  });
  return forgotten;
}

void LogWorkload::step(Log& log) {
  now_ += below(300);
  const int what = below(100);
  const ProducerId transactional = 100 + below(3);
  if (what < 30) {
    (void)append(log, random_records(), {});
  } else if (what < 45) {
    append_of_producer(log, 1 + below(3));
  } else if (what < 60) {
    append_in_transaction(log, transactional);
  } else if (what < 72) {
    if (producers_[transactional].in_transaction) end_transaction(log, transactional, below(2) == 0);
  } else if (what < 78) {
    append_as_follower(log);
  } else if (what < 84) {
    resend(log);
  } else if (what < 92) {
    log.update_high_watermark(log.log_end_offset());
  } else if (what < 94) {
    ++epoch_;
    (void)log.assign_epoch_start_offset(epoch_, log.log_end_offset());
  } else if (what < 95) {
    (void)log.roll(now_);
  } else if (what < 97) {
    (void)log.flush(now_);
  } else if (removes) {
    if (what == 99 && starts_anew && below(4) == 0) {
      start_anew(log);
    } else {
      what < 98 ? truncate(log) : remove_old(log);
    }
  }
}

void LogWorkload::finish(Log& log) {
  for (auto& [id, producer] : producers_) {
    if (producer.in_transaction) end_transaction(log, id, id % 2 == 0);
  }
  log.update_high_watermark(log.log_end_offset());
}

}  // namespace storage::testing
