#include "storage/cleaner_compaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/log_directory.h"
#include "storage/open_files.h"

namespace storage {

using protocol::BatchReader;
using protocol::BatchStatus;
using protocol::Bytes;
using protocol::ErrorCode;
using protocol::fail;
using protocol::RecordBatchView;
using protocol::Result;

namespace {

using Segments = std::vector<std::shared_ptr<Segment>>;

// The segments that overlap [from, to), `all` being in order.
Segments segments_between(const Segments& all, Offset from, Offset to) {
  Segments found;
  for (std::size_t i = 0; i < all.size() && all[i]->base_offset() < to; ++i) {
    const bool ends_before = i + 1 < all.size() && all[i + 1]->base_offset() <= from;
    if (!ends_before) found.push_back(all[i]);
  }
  return found;
}

// Reads a segment in pieces that end where a batch ends.
class Pieces {
 public:
  Pieces(std::shared_ptr<File> file, std::int64_t position, std::int64_t end, std::size_t buffer_size)
      : file_(std::move(file)), position_(position), end_(end), buffer_size_(buffer_size) {}

  // The next whole batches, as many as the buffer holds and at least one; empty at the end. Valid until the next call.
  Result<Bytes> next(LogDirectory& directory) {
    std::size_t wanted = buffer_size_;
    while (position_ < end_) {
      if (buffer_.size() < wanted) buffer_.resize(wanted);
      const auto size =
          static_cast<std::size_t>(std::min<std::int64_t>(static_cast<std::int64_t>(wanted), end_ - position_));
      const auto count = file_->read_at(position_, std::span(buffer_).first(size));
      if (!count) return std::unexpected(directory.failed(count.error()));
      const Bytes bytes = Bytes(buffer_).first(*count);
      BatchReader batches(bytes);
      RecordBatchView batch;
      while (batches.next(batch) == BatchStatus::ok) {
      }
      if (batches.position() > 0) {
        position_ += static_cast<std::int64_t>(batches.position());
        return bytes.first(batches.position());
      }
      const std::size_t larger = size_of_first(bytes);
      if (batches.status() == BatchStatus::corrupt || larger <= *count ||
          static_cast<std::int64_t>(larger) > end_ - position_) {
        return fail(ErrorCode::corrupt_message,
                    fmt::format("{} holds no whole batch at position {}: {}", file_->path(), position_,
                                batches.reason().empty() ? "it ends early" : batches.reason()));
      }
      wanted = larger;
    }
    return Bytes();
  }

 private:
  static std::size_t size_of_first(Bytes bytes) {
    protocol::BatchHeader header;
    return protocol::parse_batch_header(bytes, header) == BatchStatus::ok ? header.size() : 0;
  }

  std::shared_ptr<File> file_;
  std::int64_t position_;
  const std::int64_t end_;
  const std::size_t buffer_size_;
  std::vector<std::byte> buffer_;
};

// One compaction of one log.
class Compaction {
 public:
  Compaction(const LogToClean& cleanable, const CompactionOptions& options, TimestampMs now)
      : cleanable_(cleanable),
        log_(*cleanable.log),
        config_(log_.config()),
        options_(options),
        now_(now),
        truncations_(log_.truncations()),
        segments_(log_.segments()),
        map_(slots_needed(cleanable, options), options.hash_key) {}

  // An error that a truncation or deletion meanwhile explains is none.
  Result<CompactionResult> run() {
    auto done = run_through();
    if (done || !outdated()) return done;
    result_.stopped = true;
    return result_;
  }

 private:
  Result<CompactionResult> run_through() {
    const auto old_tombstones = old_tombstones_horizon();
    if (!old_tombstones) return std::unexpected(failed(old_tombstones.error()));
    if (auto mapped = build_map(); !mapped) return std::unexpected(mapped.error());
    if (result_.stopped) return result_;
    result_.next_dirty = std::max(cleanable_.first_dirty_offset, map_.latest_offset() + 1);

    const Offset end = std::min(result_.next_dirty, cleanable_.first_uncleanable_offset);
    const auto groups =
        group_segments(segments_between(segments_, 0, end), *config_, cleanable_.first_uncleanable_offset);
    if (!groups) return std::unexpected(groups.error());
    CleanerTransactions transactions;
    for (const Segments& group : *groups) {
      if (auto cleaned = clean_group(group, transactions, *old_tombstones); !cleaned) {
        return std::unexpected(cleaned.error());
      }
      if (result_.stopped) break;
    }
    return result_;
  }

  // No more slots than the dirty part has offsets: small logs take little memory.
  static std::size_t slots_needed(const LogToClean& cleanable, const CompactionOptions& options) {
    const auto offsets = static_cast<double>(cleanable.first_uncleanable_offset - cleanable.first_dirty_offset);
    const auto wanted = static_cast<std::size_t>(std::max(offsets, 0.0) / options.load_factor) + 2;
    return std::min(wanted, options.dedupe_buffer_bytes / CleanerOffsetMap::slot_size);
  }

  protocol::Error failed(const IoError& error) { return log_.directory().failed(error); }

  bool stopping() {
    if (options_.should_stop() || outdated()) result_.stopped = true;
    return result_.stopped;
  }

  // What was read is void: the log was truncated or deleted meanwhile.
  bool outdated() const { return log_.is_closed() || log_.truncations() != truncations_; }

  // Tombstones of magic 0 and 1 go when their segment is older than delete.retention.ms before the last clean one.
  Io<TimestampMs> old_tombstones_horizon() const {
    const Segments clean = segments_between(segments_, 0, cleanable_.first_dirty_offset);
    if (clean.empty()) return 0;
    const auto modified = clean.back()->modified_ms();
    if (!modified) return modified;
    return *modified - config_->delete_retention_ms;
  }

  // ---- The newest offset of each key

  Result<void> build_map() {
    const Offset start = cleanable_.first_dirty_offset, end = cleanable_.first_uncleanable_offset;
    const Segments dirty = segments_between(segments_, start, end);
    const auto aborted = collect_aborted_transactions(segments_, start, end);
    if (!aborted) return std::unexpected(failed(aborted.error()));
    CleanerTransactions transactions;
    transactions.add_aborted(*aborted);
    bool full = false;
    for (std::size_t i = 0; i < dirty.size() && !full; ++i) {
      if (auto mapped = map_segment(*dirty[i], transactions, full); !mapped) return mapped;
      if (result_.stopped) return {};
      // Offsets that are missing at the segment's end count as seen.
      if (!full) map_.update_latest_offset((i + 1 < dirty.size() ? dirty[i + 1]->base_offset() : end) - 1);
    }
    return {};
  }

  Result<void> map_segment(const Segment& segment, CleanerTransactions& transactions, bool& full) {
    const std::int64_t size = segment.size();
    const auto first = segment.find(cleanable_.first_dirty_offset, size);
    if (!first) return std::unexpected(failed(first.error()));
    if (!*first) return {};
    auto file = segment.log_file();
    if (!file) return std::unexpected(failed(file.error()));
    Pieces pieces(std::move(*file), (*first)->position, size, options_.io_buffer_bytes);
    while (!full && !stopping()) {
      const auto piece = pieces.next(log_.directory());
      if (!piece) return std::unexpected(piece.error());
      if (piece->empty()) break;
      options_.throttle(static_cast<std::int64_t>(piece->size()));
      result_.counts.map_bytes_read += static_cast<std::int64_t>(piece->size());
      BatchReader batches(*piece);
      RecordBatchView batch;
      while (!full && batches.next(batch) == BatchStatus::ok) {
        if (auto mapped = map_batch(batch, transactions, full); !mapped) return mapped;
      }
    }
    return {};
  }

  Result<void> map_batch(const RecordBatchView& batch, CleanerTransactions& transactions, bool& full) {
    if (batch.is_control()) {
      if (auto read = transactions.on_control_batch(batch, scratch_); !read) return std::unexpected(read.error());
      ++result_.counts.map_records_read;
    } else if (!transactions.on_batch(batch)) {
      protocol::RecordReader reader(batch, scratch_);
      protocol::RecordView record;
      const auto most = static_cast<std::size_t>(static_cast<double>(map_.slots()) * options_.load_factor);
      while (reader.next(record)) {
        ++result_.counts.map_records_read;
        if (!record.has_key() || record.offset < cleanable_.first_dirty_offset) continue;
        if (map_.size() >= most) {
          full = true;
          return {};
        }
        map_.put(*record.key, record.offset);
      }
      if (auto read = reader.finish(); !read) return read;
    }
    if (batch.last_offset() >= cleanable_.first_dirty_offset) map_.update_latest_offset(batch.last_offset());
    return {};
  }

  // ---- Rewriting

  Result<void> clean_group(const Segments& group, CleanerTransactions& transactions, TimestampMs old_tombstones) {
    LogDirectory& directory = log_.directory();
    if (auto online = directory.check_online(); !online) return online;
    auto created = Segment::create(directory.files(), log_.shared_path(), group.front()->base_offset(),
                                   without_preallocation(), now_, 0, Segment::cleaned_suffix);
    if (!created) return disk_error(created.error());
    Segment& cleaned = **created;
    auto written = write_group(group, cleaned, transactions, old_tombstones);
    if (written && !stopping()) {
      auto replaced = log_.replace_segments({*created}, group, truncations_, now_);
      if (!replaced) return std::unexpected(replaced.error());
      // The old files vanish later; until then the new ones must have their names for good.
      if (*replaced) return sync_directory();
      result_.stopped = true;
    }
    if (auto removed = cleaned.remove_files(); !removed && written) return disk_error(removed.error());
    return written;
  }

  Result<void> sync_directory() {
    auto synced = log_.directory().file_system().sync_directory(log_.path());
    if (synced) return {};
    if (synced.error().error_number == ENOENT) return disk_error(synced.error());
    return disk_error(std::move(synced).error().of_sync());
  }

  // A directory that was renamed away because the partition is deleted is no fault of the disk.
  Result<void> disk_error(const IoError& error) {
    if (error.error_number == ENOENT && outdated()) return fail(ErrorCode::kafka_storage_error, error.text());
    return std::unexpected(failed(error));
  }

  LogConfig without_preallocation() const {
    LogConfig config = *config_;
    config.preallocate = false;
    return config;
  }

  Result<void> write_group(const Segments& group, Segment& cleaned, CleanerTransactions& transactions,
                           TimestampMs old_tombstones) {
    const auto producers = log_.last_records_of_producers();
    CleanerFilter filter({.now = now_, .delete_retention_ms = config_->delete_retention_ms}, map_, transactions,
                         producers, scratch_, result_.counts);
    TimestampMs modified_ms = 0;
    for (std::size_t i = 0; i < group.size() && !stopping(); ++i) {
      const Offset start = group[i]->base_offset();
      const auto end = i + 1 < group.size() ? Io<Offset>(group[i + 1]->base_offset()) : group[i]->next_offset();
      if (!end) return std::unexpected(failed(end.error()));
      const auto aborted = collect_aborted_transactions(segments_, start, *end);
      if (!aborted) return std::unexpected(failed(aborted.error()));
      transactions.add_aborted(*aborted);
      const auto modified = group[i]->modified_ms();
      if (!modified) return std::unexpected(failed(modified.error()));
      modified_ms = *modified;
      filter.keep_old_tombstones(modified_ms > old_tombstones);
      if (auto copied = copy_segment(*group[i], cleaned, filter, transactions); !copied) return copied;
    }
    if (result_.stopped) return {};
    if (auto done = cleaned.become_inactive(); !done) return std::unexpected(failed(done.error()));
    if (auto done = cleaned.flush(); !done) return std::unexpected(failed(done.error()));
    // Retention by time and min.compaction.lag.ms look at the file's age when it has no timestamps.
    if (auto done = cleaned.set_modified_time(modified_ms); !done) return std::unexpected(failed(done.error()));
    return {};
  }

  Result<void> copy_segment(const Segment& segment, Segment& cleaned, CleanerFilter& filter,
                            CleanerTransactions& transactions) {
    auto file = segment.log_file();
    if (!file) return std::unexpected(failed(file.error()));
    Pieces pieces(std::move(*file), 0, segment.size(), options_.io_buffer_bytes);
    std::vector<std::byte> kept;
    std::vector<BatchMark> marks;
    while (!stopping()) {
      const auto piece = pieces.next(log_.directory());
      if (!piece) return std::unexpected(piece.error());
      if (piece->empty()) break;
      options_.throttle(static_cast<std::int64_t>(piece->size()));
      kept.clear();
      marks.clear();
      BatchReader batches(*piece);
      RecordBatchView batch;
      while (batches.next(batch) == BatchStatus::ok) {
        const auto mark = filter.filter(batch, kept);
        if (!mark) return std::unexpected(mark.error());
        if (*mark) marks.push_back(**mark);
      }
      if (auto written = write_kept(kept, marks, cleaned); !written) return written;
      for (const AbortedTxnEntry& entry : transactions.take_retained_aborted()) {
        if (auto added = cleaned.add_aborted_transaction(entry); !added) return std::unexpected(failed(added.error()));
      }
    }
    return {};
  }

  Result<void> write_kept(std::vector<std::byte>& kept, const std::vector<BatchMark>& marks, Segment& cleaned) {
    if (kept.empty()) return {};
    const iovec all{.iov_base = kept.data(), .iov_len = kept.size()};
    const SegmentAppend append{.pieces = {&all, 1}, .batches = marks, .size = static_cast<std::int64_t>(kept.size())};
    if (auto written = cleaned.append(append); !written) return std::unexpected(failed(written.error()));
    options_.throttle(append.size);
    return {};
  }

  const LogToClean& cleanable_;
  Log& log_;
  const std::shared_ptr<const LogConfig> config_;
  const CompactionOptions& options_;
  const TimestampMs now_;
  const std::uint64_t truncations_;
  const Segments segments_;
  CleanerOffsetMap map_;
  protocol::RecordScratch scratch_;
  CompactionResult result_;
};

}  // namespace

Result<std::vector<Segments>> group_segments(const Segments& segments, const LogConfig& config,
                                             Offset first_uncleanable_offset) {
  constexpr std::int64_t max_span = std::numeric_limits<std::int32_t>::max();
  constexpr std::int64_t offset_entry = 8, time_entry = 12;
  std::vector<Segments> groups;
  std::int64_t bytes = 0, offset_index_bytes = 0, time_index_bytes = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& segment = *segments[i];
    const auto offset_entries = segment.offset_index_entries();
    const auto time_entries = segment.time_index_entries();
    if (!offset_entries || !time_entries) {
      const IoError& error = offset_entries ? time_entries.error() : offset_entries.error();
      return fail(ErrorCode::kafka_storage_error, error.text());
    }
    // The last offset of a segment is not known without reading it; the next one's base bounds it.
    const Offset last = (i + 1 < segments.size() ? segments[i + 1]->base_offset() : first_uncleanable_offset) - 1;
    const bool joins = !groups.empty() && bytes + segment.size() <= config.segment_bytes &&
                       offset_index_bytes + *offset_entries * offset_entry <= config.segment_index_bytes &&
                       time_index_bytes + *time_entries * time_entry <= config.segment_index_bytes &&
                       (segment.size() == 0 || last - groups.back().front()->base_offset() <= max_span);
    if (!joins) {
      groups.emplace_back();
      bytes = offset_index_bytes = time_index_bytes = 0;
    }
    groups.back().push_back(segments[i]);
    bytes += segment.size();
    offset_index_bytes += *offset_entries * offset_entry;
    time_index_bytes += *time_entries * time_entry;
  }
  return groups;
}

Io<std::vector<AbortedTxnEntry>> collect_aborted_transactions(const Segments& segments, Offset start, Offset end) {
  std::vector<AbortedTxnEntry> found;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (i + 1 < segments.size() && segments[i + 1]->base_offset() <= start) continue;
    const auto entries = segments[i]->aborted_transactions();
    if (!entries) return std::unexpected(entries.error());
    for (const AbortedTxnEntry& entry : **entries) {
      if (entry.last_offset >= start && entry.first_offset < end) found.push_back(entry);
      // From here on every transaction began later.
      if (entry.last_stable_offset >= end) return found;
    }
  }
  return found;
}

Result<CompactionResult> compact(const LogToClean& cleanable, const CompactionOptions& options, TimestampMs now) {
  return Compaction(cleanable, options, now).run();
}

}  // namespace storage
