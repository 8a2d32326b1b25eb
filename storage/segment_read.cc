// The reading half of Segment: opening cold indexes, looking offsets and timestamps up.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/batch_scanner.h"
#include "storage/segment.h"

namespace storage {

using protocol::BatchHeader;
using protocol::BatchStatus;

// Indexes that are missing or make no sense are made anew: everything in them follows from the log.
Io<void> Segment::load_indexes() const {
  if (offset_index_.is_loaded()) return {};
  const auto offsets = open(offset_index_file_, ".index");
  const auto times = open(time_index_file_, ".timeindex");
  for (const auto* file : {&offsets, &times}) {
    if (!*file && (*file).error().error_number != ENOENT) return std::unexpected((*file).error());
  }
  if (offsets && times) {
    BARNABAS_IO_TRY(time_index_.load(**times));
    BARNABAS_IO_TRY(offset_index_.load(**offsets));
    if (indexes_make_sense()) {
      if (!max_timestamp_) {
        max_timestamp_ =
            time_index_.last().value_or(TimeEntry{.timestamp = protocol::no_timestamp, .offset = base_offset_});
      }
      return {};
    }
  }
  spdlog::warn("The indexes of {} are missing or damaged; making them anew from the log.", path_locked(".log"));
  return rebuild_indexes();
}

bool Segment::indexes_make_sense() const {
  if (!offset_index_.is_whole() || !time_index_.is_whole()) return false;
  if (const auto &first = offset_index_.first(), &last = offset_index_.last(); first && last) {
    const bool grows = offset_index_.size() == 1 ||
                       (last->offset - first->offset >= offset_index_.size() - 1 && last->position > first->position);
    if (!grows || first->offset < base_offset_ || first->position < 0 || last->position >= size_) return false;
  }
  if (const auto &first = time_index_.first(), &last = time_index_.last(); first && last) {
    const bool grows = time_index_.size() == 1 || last->timestamp > first->timestamp;
    if (!grows || first->offset < base_offset_ || last->offset < first->offset) return false;
  }
  return true;
}

Io<std::shared_ptr<File>> Segment::log_file_for_read(bool cached_only) const {
  protocol::MutexLock lock(mutex_);
  // Opening an idle segment's files may wait for the disk.
  if (cached_only && !offset_index_.is_loaded()) return io_fail(EAGAIN, "read a segment that is not open");
  BARNABAS_IO_TRY(load_indexes());
  return open(log_file_, ".log");
}

Io<OffsetEntry> Segment::floor_entry(Offset offset, bool cached_only) const {
  const OffsetEntry start{.offset = base_offset_, .position = 0};
  std::shared_ptr<File> file;
  std::int64_t on_disk = 0;
  {
    protocol::MutexLock lock(mutex_);
    BARNABAS_IO_TRY(load_indexes());
    if (offset_index_.size() == 0 || offset < offset_index_.first()->offset) return start;
    if (offset >= offset_index_.last()->offset) return *offset_index_.last();
    if (const auto found = offset_index_.find_in_tail(offset)) return *found;
    auto opened = open(offset_index_file_, ".index");
    if (!opened) return std::unexpected(opened.error());
    file = std::move(*opened);
    on_disk = offset_index_.on_disk();
  }
  const auto found = OffsetIndex::find_on_disk(*file, base_offset_, on_disk, offset, cached_only);
  if (!found) return std::unexpected(found.error());
  return found->entry.value_or(start);
}

Io<std::optional<BatchPosition>> Segment::find(Offset offset, std::int64_t limit, bool cached_only) const {
  if (size() == 0) return std::nullopt;
  const auto file = log_file_for_read(cached_only);
  if (!file) return std::unexpected(file.error());
  const auto entry = floor_entry(offset, cached_only);
  if (!entry) return std::unexpected(entry.error());
  const std::int64_t end = std::min(limit, size());
  // A damaged index must not make records invisible: its entry has to point at a batch it can be about.
  const auto fits = [&](const BatchHeader& header) {
    return header.base_offset() >= base_offset_ && header.base_offset() <= entry->offset;
  };
  auto found = scan_for(**file, entry->position, end, offset, cached_only, fits);
  if (found || found.error().error_number != EBADMSG) return found;
  spdlog::warn("An entry of {} does not point at its batch; searching without the index.", offset_index_path());
  return scan_for(**file, 0, end, offset, cached_only, [](const BatchHeader&) { return true; });
}

// The first batch that ends at or after `offset`, from a position on. EBADMSG: there is no batch at that position that
// `fits`.
template <typename Fits>
Io<std::optional<BatchPosition>> Segment::scan_for(File& file, std::int64_t from, std::int64_t end, Offset offset,
                                                   bool cached_only, Fits&& fits) {
  BatchScanner scanner(file, from, end, cached_only);
  BatchHeader header;
  for (bool first = from > 0;; first = false) {
    const auto status = scanner.next(header);
    if (!status) return std::unexpected(status.error());
    if (first && (*status != BatchStatus::ok || !fits(header))) {
      return io_fail(EBADMSG, "find a batch in " + file.path());
    }
    if (*status != BatchStatus::ok) return std::nullopt;
    if (header.last_offset() >= offset) {
      return BatchPosition{.position = scanner.position(),
                           .size = static_cast<std::int64_t>(header.size()),
                           .base_offset = header.base_offset(),
                           .last_offset = header.last_offset()};
    }
  }
}

Io<Offset> Segment::next_offset() const {
  if (size() == 0) return base_offset_;
  const auto file = log_file_for_read(false);
  if (!file) return std::unexpected(file.error());
  const auto entry = floor_entry(std::numeric_limits<Offset>::max(), false);
  if (!entry) return std::unexpected(entry.error());
  BatchScanner scanner(**file, entry->position, size());
  BatchHeader header;
  Offset next = base_offset_;
  for (auto status = scanner.next(header);; status = scanner.next(header)) {
    if (!status) return std::unexpected(status.error());
    if (*status != BatchStatus::ok) return next;
    // In a file that is trusted, but shouldn't be: the log must not go on at an offset before what it holds.
    if (header.last_offset() >= next && header.last_offset() < std::numeric_limits<Offset>::max()) {
      next = header.next_offset();
    }
  }
}

Io<TimeEntry> Segment::max_timestamp() const {
  protocol::MutexLock lock(mutex_);
  BARNABAS_IO_TRY(load_indexes());
  return *max_timestamp_;
}

Io<TimestampMs> Segment::largest_timestamp() const {
  const auto largest = max_timestamp();
  if (!largest) return std::unexpected(largest.error());
  if (largest->timestamp >= 0) return largest->timestamp;
  return modified_ms();
}

Io<TimestampMs> Segment::modified_ms() const {
  protocol::MutexLock lock(mutex_);
  if (removed_) return io_gone("stat " + path_locked(".log"));
  if (planned_) return created_ms_;
  const PartitionPath::Held held(*directory_);
  const auto status = files_.file_system().status(path_in(held, ".log"));
  if (status) return status->modified_ms;
  if (status.error().error_number == ENOENT && held.is_renamed()) return io_gone(status.error().doing);
  return std::unexpected(status.error());
}

Io<std::optional<TimestampMs>> Segment::first_batch_timestamp() const {
  protocol::MutexLock lock(mutex_);
  if (first_batch_timestamp_ || size_ == 0) return first_batch_timestamp_;
  const auto log = open(log_file_, ".log");
  if (!log) return std::unexpected(log.error());
  BatchScanner scanner(**log, 0, size_, false, protocol::max_batch_header_size);
  BatchHeader header;
  const auto status = scanner.next(header);
  if (!status) return std::unexpected(status.error());
  if (*status == BatchStatus::ok) first_batch_timestamp_ = header.max_timestamp();
  return first_batch_timestamp_;
}

Io<std::int64_t> Segment::position_for_timestamp(TimestampMs target, Offset start) const {
  Offset offset = base_offset_;
  {
    protocol::MutexLock lock(mutex_);
    BARNABAS_IO_TRY(load_indexes());
    std::optional<TimeEntry> entry = time_index_.find_in_tail(target);
    if (!entry && time_index_.on_disk() > 0) {
      const auto file = open(time_index_file_, ".timeindex");
      if (!file) return std::unexpected(file.error());
      const auto found = TimeIndex::find_on_disk(**file, base_offset_, time_index_.on_disk(), target);
      if (!found) return std::unexpected(found.error());
      entry = found->entry;
    }
    if (entry) offset = entry->offset;
  }
  const auto position = floor_entry(std::max(offset, start), false);
  if (!position) return std::unexpected(position.error());
  return position->position;
}

Io<std::optional<Offset>> Segment::upper_bound_offset(const BatchPosition& from, std::int64_t bytes,
                                                      bool cached_only) const {
  const std::int64_t wanted = from.position + bytes;
  std::shared_ptr<File> file;
  std::int64_t on_disk = 0;
  std::optional<OffsetEntry> in_tail;
  {
    protocol::MutexLock lock(mutex_);
    if (cached_only && !offset_index_.is_loaded()) return io_fail(EAGAIN, "read a segment that is not open");
    BARNABAS_IO_TRY(load_indexes());
    if (!offset_index_.last() || offset_index_.last()->position < wanted) return std::nullopt;
    in_tail = offset_index_.first_in_tail([&](const OffsetEntry& entry) { return entry.position >= wanted; });
    on_disk = offset_index_.on_disk();
    auto opened = open(offset_index_file_, ".index");
    if (!opened) return std::unexpected(opened.error());
    file = std::move(*opened);
  }
  std::int64_t low = 0, high = on_disk;  // the first entry at or after `wanted` is in [low, high]
  std::optional<Offset> found;
  if (in_tail) found = in_tail->offset;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    const auto entry = OffsetIndex::read_one(*file, base_offset_, middle, cached_only);
    if (!entry) return std::unexpected(entry.error());
    if (entry->position < wanted) {
      low = middle + 1;
    } else {
      high = middle;
      found = entry->offset;
    }
  }
  return found;
}

Io<Segment::AbortedTransactions> Segment::aborted_transactions(bool cached_only) const {
  constexpr std::size_t most_kept = 4096;
  protocol::MutexLock lock(mutex_);
  if (aborted_) return aborted_;
  if (has_aborted_transactions_ == false) {
    aborted_ = std::make_shared<const std::vector<AbortedTxnEntry>>();
    return aborted_;
  }
  if (cached_only) return io_fail(EAGAIN, "read a transaction index");
  const PartitionPath::Held held(*directory_);
  auto entries = read_transaction_index(files_.file_system(), path_in(held, ".txnindex"));
  if (!entries) return std::unexpected(entries.error());
  entries->insert(entries->end(), unwritten_aborted_.begin(), unwritten_aborted_.end());
  has_aborted_transactions_ = !entries->empty();
  auto shared = std::make_shared<const std::vector<AbortedTxnEntry>>(std::move(*entries));
  if (shared->size() <= most_kept) aborted_ = shared;
  return shared;
}

Io<std::int64_t> Segment::offset_index_entries() const {
  protocol::MutexLock lock(mutex_);
  BARNABAS_IO_TRY(load_indexes());
  return offset_index_.size();
}

Io<std::int64_t> Segment::time_index_entries() const {
  protocol::MutexLock lock(mutex_);
  BARNABAS_IO_TRY(load_indexes());
  return time_index_.size();
}

}  // namespace storage
