// Cutting a Segment, and making its indexes anew from what is in it.
#include <algorithm>
#include <limits>
#include <utility>

#include "storage/batch_scanner.h"
#include "storage/segment.h"

namespace storage {

using protocol::BatchHeader;
using protocol::BatchStatus;

Io<std::int64_t> Segment::truncate_to(Offset offset, TimestampMs now) {
  const auto found = find(offset, std::numeric_limits<std::int64_t>::max());
  if (!found) return std::unexpected(found.error());
  protocol::MutexLock lock(mutex_);
  if (planned_) return 0;
  BARNABAS_IO_TRY(load_indexes());
  const auto log = open(log_file_, ".log");
  const auto offsets = open(offset_index_file_, ".index"), times = open(time_index_file_, ".timeindex");
  if (!log) return std::unexpected(log.error());
  if (!offsets) return std::unexpected(offsets.error());
  if (!times) return std::unexpected(times.error());
  const auto keep = offset_index_.count_below(**offsets, offset);
  if (!keep) return std::unexpected(keep.error());
  BARNABAS_IO_TRY(offset_index_.keep(**offsets, *keep));
  while (time_index_.last() && time_index_.last()->offset >= offset) {
    BARNABAS_IO_TRY(time_index_.keep(**times, time_index_.size() - 1));
  }
  aborted_.reset();
  std::erase_if(unwritten_aborted_, [offset](const AbortedTxnEntry& entry) { return entry.last_offset >= offset; });
  if (has_aborted_transactions_.value_or(true)) {
    const PartitionPath::Held held(*directory_);
    const auto cut = truncate_transaction_index(files_.file_system(), path_in(held, ".txnindex"), offset);
    if (!cut && cut.error().error_number != ENOENT) return std::unexpected(cut.error());
  }
  std::int64_t bytes = 0;
  if (*found) {
    bytes = size_ - (*found)->position;
    BARNABAS_IO_TRY((*log)->truncate((*found)->position));
    size_ = (*found)->position;
    preallocated_ = false;
  }
  if (size_ == 0) {
    created_ms_ = now;
    first_batch_timestamp_.reset();
  }
  bytes_since_index_entry_ = 0;
  BARNABAS_IO_TRY(relearn_max_timestamp());
  return bytes;
}

// The time index knows the largest timestamp up to its last entry; what follows is looked at.
Io<void> Segment::relearn_max_timestamp() const {
  max_timestamp_ = time_index_.last().value_or(TimeEntry{.timestamp = protocol::no_timestamp, .offset = base_offset_});
  const auto log = open(log_file_, ".log");
  if (!log) return std::unexpected(log.error());
  std::int64_t from = 0;
  if (offset_index_.size() > 0) {
    const auto index = open(offset_index_file_, ".index");
    if (!index) return std::unexpected(index.error());
    const auto count = offset_index_.count_below(**index, max_timestamp_->offset + 1);
    if (!count) return std::unexpected(count.error());
    if (*count > 0) {
      const auto entry = offset_index_.at(**index, *count - 1);
      if (!entry) return std::unexpected(entry.error());
      from = entry->position;
    }
  }
  BatchScanner scanner(**log, from, size_);
  BatchHeader header;
  for (auto status = scanner.next(header);; status = scanner.next(header)) {
    if (!status) return std::unexpected(status.error());
    if (*status != BatchStatus::ok) return {};
    if (header.max_timestamp() > max_timestamp_->timestamp) {
      max_timestamp_ = {header.max_timestamp(), header.last_offset()};
    }
  }
}

Io<void> Segment::cut_and_rebuild_indexes(std::int64_t valid_size) {
  protocol::MutexLock lock(mutex_);
  const auto log = open(log_file_, ".log");
  if (!log) return std::unexpected(log.error());
  const auto actual = (*log)->size();
  if (!actual) return std::unexpected(actual.error());
  if (*actual > valid_size) BARNABAS_IO_TRY((*log)->truncate(valid_size));
  size_ = valid_size;
  preallocated_ = false;
  first_batch_timestamp_.reset();
  return rebuild_indexes();
}

Io<void> Segment::rebuild_indexes() const {
  const auto log = open(log_file_, ".log");
  const auto offsets = open(offset_index_file_, ".index", OpenMode::create);
  const auto times = open(time_index_file_, ".timeindex", OpenMode::create);
  if (!log) return std::unexpected(log.error());
  if (!offsets) return std::unexpected(offsets.error());
  if (!times) return std::unexpected(times.error());
  BARNABAS_IO_TRY((*offsets)->truncate(0));
  BARNABAS_IO_TRY((*times)->truncate(0));
  offset_index_.start_empty();
  time_index_.start_empty();
  bytes_since_index_entry_ = 0;
  max_timestamp_ = TimeEntry{.timestamp = protocol::no_timestamp, .offset = base_offset_};
  BatchScanner scanner(**log, 0, size_, false, 64 * 1024);
  BatchHeader header;
  for (auto status = scanner.next(header);; status = scanner.next(header)) {
    if (!status) return std::unexpected(status.error());
    if (*status != BatchStatus::ok) break;
    if (header.last_offset() < base_offset_) break;
    if (header.last_offset() - base_offset_ > std::numeric_limits<std::int32_t>::max()) break;
    learn({header.last_offset(), header.max_timestamp(), static_cast<std::int64_t>(header.size())}, scanner.position());
  }
  add_last_time_entry();
  return write_index_tails();
}

}  // namespace storage
