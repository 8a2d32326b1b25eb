#include "storage/cleaner_filter.h"

#include <utility>

#include "protocol/records/record_batch_builder.h"

namespace storage {

using protocol::RecordBatchBuilder;
using protocol::RecordBatchView;
using protocol::RecordReader;
using protocol::RecordView;
using protocol::Result;

namespace {

BatchMark mark_of(const protocol::BatchHeader& batch, std::size_t size) {
  return {.last_offset = batch.last_offset(),
          .max_timestamp = batch.max_timestamp(),
          .size = static_cast<std::int64_t>(size)};
}

}  // namespace

CleanerFilter::CleanerFilter(Settings settings, const CleanerOffsetMap& map, CleanerTransactions& transactions,
                             const std::vector<Log::LastRecord>& producers, protocol::RecordScratch& scratch,
                             CleaningCounts& counts)
    : settings_(settings), map_(map), transactions_(transactions), scratch_(scratch), counts_(counts) {
  for (const Log::LastRecord& producer : producers) producers_.emplace(producer.producer_id, producer);
}

// A producer that is known to the log must find its last sequence, or its epoch, in it again.
bool CleanerFilter::is_last_of_producer(const protocol::BatchHeader& batch) const {
  if (!batch.has_producer_id()) return false;
  const auto producer = producers_.find(batch.producer_id());
  if (producer == producers_.end()) return false;
  if (producer->second.last_data_offset >= 0) return batch.last_offset() == producer->second.last_data_offset;
  return batch.is_control() && batch.producer_epoch() == producer->second.epoch;
}

Result<CleanerFilter::Decision> CleanerFilter::decide(const RecordBatchView& batch) {
  Decision decision;
  if (batch.is_control()) {
    const auto may_go = transactions_.on_control_batch(batch, scratch_);
    if (!may_go) return std::unexpected(may_go.error());
    const auto horizon = batch.delete_horizon();
    decision.discard_records = *may_go && horizon && *horizon <= settings_.now;
    decision.marker_of_empty_transaction = *may_go;
  } else {
    decision.discard_records = transactions_.on_batch(batch);
  }
  decision.keep_empty = is_last_of_producer(batch);
  return decision;
}

bool CleanerFilter::keeps(const RecordBatchView& batch, const RecordView& record) {
  if (batch.is_control()) return true;
  if (record.offset > map_.latest_offset()) return true;  // not looked at in this cleaning
  if (!record.has_key()) {
    ++counts_.records_without_key;
    return false;
  }
  if (record.offset < map_.get(*record.key)) return false;
  if (record.has_value()) return true;
  if (batch.magic() < protocol::magic_v2) return keep_old_tombstones_;
  const auto horizon = batch.delete_horizon();
  return !horizon || settings_.now < *horizon;
}

Result<CleanerFilter::Survivors> CleanerFilter::find_survivors(const RecordBatchView& batch, const Decision& decision) {
  Survivors survivors;
  RecordReader reader(batch, scratch_);
  RecordView record;
  while (reader.next(record)) {
    const bool kept = !decision.discard_records && keeps(batch, record);
    survivors.kept.push_back(kept);
    if (!kept) continue;
    if (survivors.count++ == 0) survivors.first_offset = record.offset;
    if (!record.has_value()) survivors.tombstones = true;
    if (record.magic != batch.magic()) survivors.other_magic = true;
  }
  if (auto read = reader.finish(); !read) return std::unexpected(read.error());
  counts_.records_read += static_cast<std::int64_t>(survivors.kept.size());
  return survivors;
}

Result<BatchMark> CleanerFilter::rebuild(const RecordBatchView& batch, const Survivors& survivors,
                                         std::optional<TimestampMs> delete_horizon, std::vector<std::byte>& out) {
  const bool is_v2 = batch.magic() >= protocol::magic_v2;
  const bool append_time = batch.timestamp_type() == protocol::TimestampType::log_append_time;
  RecordBatchBuilder builder({.magic = batch.magic(),
                              .compression = protocol::Compression::of(batch.compression()),
                              .timestamp_type = batch.timestamp_type(),
                              .base_offset = is_v2 ? batch.base_offset() : survivors.first_offset,
                              .log_append_time = append_time ? batch.max_timestamp() : protocol::no_timestamp,
                              .producer_id = batch.producer_id(),
                              .producer_epoch = batch.producer_epoch(),
                              .base_sequence = batch.base_sequence(),
                              .transactional = batch.is_transactional(),
                              .control = batch.is_control(),
                              .partition_leader_epoch = batch.partition_leader_epoch(),
                              .delete_horizon = delete_horizon});
  RecordReader reader(batch, scratch_);
  RecordView record;
  for (std::size_t i = 0; reader.next(record); ++i) {
    if (survivors.kept[i]) builder.append_at(record.offset, record);
  }
  if (auto read = reader.finish(); !read) return std::unexpected(read.error());
  // The last offset, and with it the last sequence, must remain.
  if (is_v2) builder.set_last_offset(batch.last_offset());
  const auto built = builder.build();
  if (!built) return std::unexpected(built.error());
  out.insert(out.end(), built->begin(), built->end());
  BatchMark mark = mark_of(batch, built->size());
  mark.max_timestamp = builder.max_timestamp();
  if (!is_v2) mark.last_offset = builder.last_offset();
  return mark;
}

Result<std::optional<BatchMark>> CleanerFilter::filter(const RecordBatchView& batch, std::vector<std::byte>& out) {
  ++counts_.batches_read;
  counts_.bytes_read += static_cast<std::int64_t>(batch.size());
  const auto decision = decide(batch);
  if (!decision) return std::unexpected(decision.error());
  if (decision->discard_records && !decision->keep_empty) return std::nullopt;

  const auto survivors = find_survivors(batch, *decision);
  if (!survivors) return std::unexpected(survivors.error());
  BatchMark mark;
  if (survivors->count == 0) {
    if (!decision->keep_empty || batch.magic() < protocol::magic_v2) return std::nullopt;
    const auto header = protocol::build_empty_batch(batch);
    out.insert(out.end(), header.begin(), header.end());
    mark = mark_of(batch, header.size());
  } else {
    const auto horizon = batch.delete_horizon();
    const bool starts_horizon = batch.magic() >= protocol::magic_v2 && !horizon &&
                                (survivors->tombstones || decision->marker_of_empty_transaction);
    if (survivors->all() && !survivors->other_magic && !starts_horizon) {
      const protocol::Bytes bytes = batch.bytes();
      out.insert(out.end(), bytes.begin(), bytes.end());
      mark = mark_of(batch, bytes.size());
    } else {
      const auto rebuilt =
          rebuild(batch, *survivors,
                  starts_horizon ? std::optional(settings_.now + settings_.delete_retention_ms) : horizon, out);
      if (!rebuilt) return std::unexpected(rebuilt.error());
      mark = *rebuilt;
    }
  }
  counts_.records_kept += survivors->count;
  counts_.bytes_kept += mark.size;
  return mark;
}

}  // namespace storage
