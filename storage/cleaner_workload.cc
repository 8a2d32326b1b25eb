#include "storage/cleaner_workload.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "protocol/records/control_record.h"
#include "storage/test_support.h"

namespace storage::testing {

using protocol::BatchOptions;
using protocol::BatchStatus;
using protocol::Compression;
using protocol::CompressionType;

namespace {

constexpr ProducerId first_transactional = 1'000;

std::optional<protocol::Bytes> borrowed(const std::optional<std::string>& text) {
  return text ? std::optional(protocol::as_bytes(*text)) : std::nullopt;
}

std::optional<std::string> owned(const std::optional<protocol::Bytes>& bytes) {
  return bytes ? std::optional(std::string(protocol::as_text(*bytes))) : std::nullopt;
}

// The bytes of a read that begins with the batch of `offset`; empty at the end.
FetchSlice read_from(const Log& log, Offset offset, FetchIsolation isolation) {
  auto slice = log.read({.start_offset = offset, .max_bytes = 1 << 20, .isolation = isolation});
  EXPECT_TRUE(slice) << slice.error().text();
  return slice ? std::move(*slice) : FetchSlice{};
}

}  // namespace

std::vector<CleanerWorkload::Record> CleanerWorkload::random_records() {
  std::vector<Record> records(1 + random_() % 4);
  for (Record& record : records) {
    now_ += static_cast<std::int64_t>(random_() % 50);
    record.timestamp = now_ - static_cast<std::int64_t>(random_() % 20);
    record.key = fmt::format("key-{}", random_() % static_cast<std::uint32_t>(keys_));
    if (random_() % 6 != 0)
      record.value = fmt::format("value-{}-{}", random_() % 1000, std::string(random_() % 100, 'x'));
  }
  return records;
}

void CleanerWorkload::append(Log& log, std::vector<Record> records, BatchOptions options) {
  constexpr std::array codecs = {CompressionType::none,   CompressionType::none, CompressionType::gzip,
                                 CompressionType::snappy, CompressionType::lz4,  CompressionType::zstd};
  options.compression = Compression::of(codecs[random_() % codecs.size()]);
  protocol::RecordBatchBuilder builder(options);
  for (const Record& record : records) builder.append(record.timestamp, borrowed(record.key), borrowed(record.value));
  VerificationGuard guard = no_verification_guard;
  if (options.transactional) {
    guard =
        log.start_transaction_verification(options.producer_id, options.base_sequence, options.producer_epoch, now_);
  }
  const auto info = log.append_as_leader(builder.build().value(), 0, AppendOrigin::client, now_, guard);
  ASSERT_TRUE(info) << info.error().text();
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (options.transactional) {
      records[i].state = State::pending;
      producers_[options.producer_id].offsets.push_back(info->first_offset + static_cast<Offset>(i));
    }
    records_[info->first_offset + static_cast<Offset>(i)] = std::move(records[i]);
  }
}

void CleanerWorkload::append_of_producer(Log& log, ProducerId id) {
  Producer& producer = producers_[id];
  const bool transactional = id >= first_transactional;
  if (!producer.in_transaction && random_() % 8 == 0) {
    ++producer.epoch;
    producer.sequence = 0;
  }
  auto records = random_records();
  const auto count = static_cast<std::int32_t>(records.size());
  producer.in_transaction = transactional;
  append(log, std::move(records),
         {.producer_id = id,
          .producer_epoch = producer.epoch,
          .base_sequence = producer.sequence,
          .transactional = transactional});
  producer.sequence += count;
}

void CleanerWorkload::end_transaction(Log& log, ProducerId id) {
  Producer& producer = producers_[id];
  const bool commit = random_() % 2 == 0;
  const protocol::EndTransactionMarker marker{
      .type = commit ? protocol::ControlRecordType::commit : protocol::ControlRecordType::abort,
      .coordinator_epoch = 1};
  const auto bytes = protocol::build_end_transaction_marker(marker, id, producer.epoch, now_);
  const auto info = log.append_as_leader(bytes, 0, AppendOrigin::coordinator, now_);
  ASSERT_TRUE(info) << info.error().text();
  for (const Offset offset : producer.offsets) records_[offset].state = commit ? State::committed : State::aborted;
  producer.offsets.clear();
  producer.in_transaction = false;
}

void CleanerWorkload::step(Log& log) {
  const auto choice = random_() % 100;
  // Producers come and go: compaction must remember the last batch of those that write no more.
  const auto generation = static_cast<ProducerId>(steps_++ / 80) * 10;
  if (choice < 40) {
    append(log, random_records(), {});
  } else if (choice < 60) {
    append_of_producer(log, generation + static_cast<ProducerId>(random_() % 3));
  } else if (choice < 80) {
    append_of_producer(log, first_transactional + generation + static_cast<ProducerId>(random_() % 3));
  } else if (choice < 95) {
    std::vector<ProducerId> open;
    for (const auto& [id, producer] : producers_) {
      if (producer.in_transaction) open.push_back(id);
    }
    if (!open.empty()) end_transaction(log, open[random_() % open.size()]);
  } else if (choice < 98) {
    const auto rolled = log.roll(now_);
    EXPECT_TRUE(rolled) << rolled.error().text();
  } else {
    advance_ms(static_cast<std::int64_t>(random_() % 5'000));
  }
  log.update_high_watermark(log.log_end_offset());
}

void CleanerWorkload::end_all_transactions(Log& log) {
  for (const auto& [id, producer] : producers_) {
    if (producer.in_transaction) end_transaction(log, id);
  }
  log.update_high_watermark(log.log_end_offset());
}

std::map<std::string, std::optional<std::string>> CleanerWorkload::latest(Offset end) const {
  std::map<std::string, std::optional<std::string>> found;
  for (const auto& [offset, record] : records_) {
    if (offset < end && record.is_visible()) found[*record.key] = record.value;
  }
  return found;
}

LogContent read_content(const Log& log) {
  LogContent content;
  protocol::RecordScratch scratch;
  Offset offset = log.log_start_offset();
  while (offset < log.log_end_offset()) {
    const auto bytes = bytes_of(read_from(log, offset, FetchIsolation::log_end).records);
    const Offset before = offset;
    protocol::BatchReader batches(bytes);
    protocol::RecordBatchView batch;
    while (batches.next(batch) == BatchStatus::ok) {
      EXPECT_TRUE(batch.crc_matches());
      offset = batch.next_offset();
      content.empty_batches += batch.record_count() == 0;
      content.control_batches += batch.is_control();
      content.batches_with_horizon += batch.delete_horizon().has_value();
      if (batch.is_control()) continue;
      protocol::RecordReader reader(batch, scratch);
      protocol::RecordView record;
      while (reader.next(record)) {
        content.records.push_back({record.offset, record.timestamp, owned(record.key), owned(record.value)});
      }
      EXPECT_TRUE(reader.finish());
    }
    // Compaction may have left nothing up to the end.
    if (offset == before) break;
  }
  return content;
}

std::map<std::string, std::optional<std::string>> read_latest_committed(const Log& log) {
  std::map<std::string, std::optional<std::string>> found;
  protocol::RecordScratch scratch;
  Offset offset = log.log_start_offset();
  while (offset < log.last_stable_offset()) {
    const FetchSlice slice = read_from(log, offset, FetchIsolation::txn_committed);
    auto aborted = slice.aborted_transactions;
    std::ranges::sort(aborted, {}, &AbortedTransaction::first_offset);
    auto next_aborted = aborted.begin();
    std::set<ProducerId> skipped;
    const auto bytes = bytes_of(slice.records);
    const Offset before = offset;
    protocol::BatchReader batches(bytes);
    protocol::RecordBatchView batch;
    while (batches.next(batch) == BatchStatus::ok) {
      offset = batch.next_offset();
      for (; next_aborted != aborted.end() && next_aborted->first_offset <= batch.last_offset(); ++next_aborted) {
        skipped.insert(next_aborted->producer_id);
      }
      protocol::RecordReader reader(batch, scratch);
      protocol::RecordView record;
      const bool skip = batch.is_transactional() && skipped.contains(batch.producer_id());
      while (reader.next(record)) {
        if (batch.is_control()) {
          const auto type = protocol::parse_control_type(record);
          if (type && *type == protocol::ControlRecordType::abort) skipped.erase(batch.producer_id());
        } else if (!skip) {
          found[std::string(protocol::as_text(*record.key))] = owned(record.value);
        }
      }
    }
    if (offset == before) break;
  }
  return found;
}

}  // namespace storage::testing
