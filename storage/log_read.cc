// The reading half of Log. Offsets and segments are looked at under the mutex, files without it.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/batch_scanner.h"
#include "storage/leader_epoch_cache.h"
#include "storage/log.h"
#include "storage/log_directory.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

namespace storage {

using protocol::BatchHeader;
using protocol::BatchStatus;
using protocol::ErrorCode, protocol::fail;
using protocol::MutexLock;
using protocol::Result;

// What a read needs from under the mutex.
struct Log::ReadPlan {
  FetchSlice slice;  // with the bounds filled in
  OffsetMetadata bound;
  std::shared_ptr<Segment> segment;
};

// The index of the last segment that starts at or before the offset; size() if there is none.
std::size_t Log::floor_index(Offset offset) const {
  const auto after = std::ranges::upper_bound(segments_, offset, {}, &Segment::base_offset);
  if (after == segments_.begin()) return segments_.size();
  return static_cast<std::size_t>(after - segments_.begin()) - 1;
}

std::shared_ptr<Segment> Log::floor_segment(Offset offset) const {
  MutexLock lock(mutex_);
  const std::size_t index = floor_index(offset);
  return index < segments_.size() ? segments_[index] : nullptr;
}

std::shared_ptr<Segment> Log::higher_segment(Offset base) const {
  MutexLock lock(mutex_);
  const auto after = std::ranges::upper_bound(segments_, base, {}, &Segment::base_offset);
  return after == segments_.end() ? nullptr : *after;
}

// Adds the position to an offset that lacks it.
Io<OffsetMetadata> Log::resolve(const OffsetMetadata& bound, bool cached_only) const {
  if (!bound.offset_only()) return bound;
  {
    MutexLock lock(mutex_);
    if (bound.offset == log_end_.offset) return log_end_;
    if (bound.offset == high_watermark_.offset && !high_watermark_.offset_only()) return high_watermark_;
  }
  for (auto segment = floor_segment(bound.offset); segment; segment = higher_segment(segment->base_offset())) {
    const auto found = segment->find(bound.offset, std::numeric_limits<std::int64_t>::max(), cached_only);
    if (!found) return std::unexpected(found.error());
    if (!*found) continue;
    const OffsetMetadata resolved{bound.offset, segment->base_offset(), (*found)->position};
    MutexLock lock(mutex_);
    if (high_watermark_ == bound) high_watermark_ = resolved;
    return resolved;
  }
  return bound;
}

OffsetMetadata Log::locate(Offset offset) const {
  const FailureReport report(directory_);
  const auto located = resolve({.offset = offset}, false);
  if (located) return *located;
  (void)failed(located.error());
  return {.offset = offset};
}

std::int64_t Log::bytes_between(const OffsetMetadata& from, const OffsetMetadata& to) const {
  if (from.offset_only() || to.offset_only() || from.offset >= to.offset) return 0;
  if (from.on_same_segment_as(to)) return std::max<std::int64_t>(to.position - from.position, 0);
  MutexLock lock(mutex_);
  std::int64_t bytes = to.position;
  for (const auto& segment : segments_) {
    if (segment->base_offset() < from.segment_base || segment->base_offset() >= to.segment_base) continue;
    bytes += segment->size() - (segment->base_offset() == from.segment_base ? from.position : 0);
  }
  return bytes;
}

Result<Log::ReadPlan> Log::plan_read(const ReadOptions& options) const {
  MutexLock lock(mutex_);
  if (auto usable = check_readable(); !usable) return std::unexpected(usable.error());
  const std::size_t index = floor_index(options.start_offset);
  if (options.start_offset < log_start_ || options.start_offset > log_end_.offset || index == segments_.size()) {
    return fail(ErrorCode::offset_out_of_range,
                fmt::format("Received request for offset {} for partition {}, but we only have log segments from "
                            "offset {} up to {}.",
                            options.start_offset, name_, log_start_, log_end_.offset));
  }
  ReadPlan plan;
  plan.slice.log_start_offset = log_start_;
  plan.slice.log_end_offset = log_end_.offset;
  plan.slice.high_watermark = high_watermark_.offset;
  plan.slice.last_stable_offset = last_stable_locked();
  plan.segment = segments_[index];
  switch (options.isolation) {
    case FetchIsolation::log_end:
      plan.bound = log_end_;
      break;
    case FetchIsolation::high_watermark:
      plan.bound = high_watermark_;
      break;
    case FetchIsolation::txn_committed:
      plan.bound = plan.slice.last_stable_offset == high_watermark_.offset
                       ? high_watermark_
                       : OffsetMetadata{.offset = plan.slice.last_stable_offset};
      break;
  }
  return plan;
}

Result<FetchSlice> Log::read(const ReadOptions& options) const {
  const FailureReport report(directory_);
  constexpr int attempts = 3;  // a segment may be cut or deleted while it is read
  for (int attempt = 1;; ++attempt) {
    auto plan = plan_read(options);
    if (!plan) return std::unexpected(plan.error());
    FetchSlice& slice = plan->slice;
    const auto filled = fill_slice(options, plan->bound, std::move(plan->segment), slice);
    if (filled) return std::move(slice);
    if (!filled.error().is_passing()) return std::unexpected(failed(filled.error()));
    if (options.cached_only || attempt == attempts) {
      slice.records = {};
      slice.aborted_transactions.clear();
      slice.needs_disk = true;
      return std::move(slice);
    }
  }
}

// There is nothing to see from the bound on; where that is helps to tell how many bytes have arrived since.
Io<void> Log::locate_start(const ReadOptions& options, FetchSlice& slice) const {
  const auto start = resolve({.offset = options.start_offset}, options.cached_only);
  if (!start && !start.error().is_passing()) return std::unexpected(start.error());
  slice.start = start.value_or(OffsetMetadata{.offset = options.start_offset});
  return {};
}

Io<void> Log::fill_slice(const ReadOptions& options, const OffsetMetadata& visible, std::shared_ptr<Segment> segment,
                         FetchSlice& slice) const {
  if (options.start_offset > visible.offset) return locate_start(options, slice);
  const auto resolved = resolve(visible, options.cached_only);
  if (!resolved) return std::unexpected(resolved.error());
  const OffsetMetadata& bound = *resolved;
  if (options.start_offset == bound.offset) {
    slice.start = bound;
    return {};
  }
  for (; segment; segment = higher_segment(segment->base_offset())) {
    const auto found =
        segment->find(options.start_offset, std::numeric_limits<std::int64_t>::max(), options.cached_only);
    if (!found) return std::unexpected(found.error());
    if (!*found) continue;  // compaction may have left a hole up to the next segment
    const BatchPosition& first = **found;
    slice.start = {options.start_offset, segment->base_offset(), first.position};
    std::int64_t end = first.position;  // of what may be seen of this segment
    if (segment->base_offset() < bound.segment_base) end = segment->size();
    if (segment->base_offset() == bound.segment_base) end = bound.position;
    std::int64_t wanted = options.max_bytes;
    if (options.min_one_message) wanted = std::max(wanted, first.size);
    const std::int64_t length = std::min(end - first.position, wanted);
    slice.first_entry_incomplete = wanted > 0 && wanted < first.size;
    if (length <= 0) return {};
    auto file = segment->log_file();
    if (!file) return std::unexpected(file.error());
    const int fd = (*file)->fd();
    std::vector<protocol::FileRange> ranges;
    ranges.push_back({.owner = std::move(*file), .fd = fd, .position = first.position, .length = length});
    slice.records = protocol::Records(std::move(ranges));
    if (options.isolation == FetchIsolation::txn_committed) {
      return add_aborted_transactions({.position = first.position, .size = length}, options, segment, slice);
    }
    return {};
  }
  slice.start = log_end_offset_metadata();
  return {};
}

Io<void> Log::add_aborted_transactions(const BatchPosition& from, const ReadOptions& options,
                                       const std::shared_ptr<Segment>& segment, FetchSlice& slice) const {
  std::optional<Offset> upper;
  for (auto current = segment; current; current = higher_segment(current->base_offset())) {
    const auto entries = current->aborted_transactions(options.cached_only);
    if (!entries) return std::unexpected(entries.error());
    if ((*entries)->empty()) continue;
    if (!upper) {
      const auto bound = segment->upper_bound_offset(from, from.size, options.cached_only);
      if (!bound) return std::unexpected(bound.error());
      upper = *bound;
      if (!upper) {
        const auto next = higher_segment(segment->base_offset());
        upper = next ? next->base_offset() : slice.log_end_offset;
      }
    }
    for (const AbortedTxnEntry& entry : **entries) {
      if (entry.last_offset >= options.start_offset && entry.first_offset < *upper) {
        slice.aborted_transactions.push_back({.producer_id = entry.producer_id, .first_offset = entry.first_offset});
      }
      if (entry.last_stable_offset >= *upper) return {};
    }
  }
  return {};
}

// ---- By time

namespace {

// The first record of a batch that `matches`.
template <typename Matches>
Io<std::optional<TimestampAndOffset>> find_record(File& file, std::int64_t position, const BatchHeader& header,
                                                  protocol::RecordScratch& scratch, Matches&& matches) {
  std::vector<std::byte> bytes(header.size());
  const LeaderEpoch epoch = header.partition_leader_epoch();
  const auto got = file.read_at(position, bytes);
  if (!got) return std::unexpected(got.error());
  protocol::RecordBatchView batch;
  if (protocol::RecordBatchView::parse(protocol::Bytes(bytes).first(*got), batch) != BatchStatus::ok) {
    return std::nullopt;
  }
  protocol::RecordReader reader(batch, scratch, protocol::RecordReader::Wanted::metadata);
  protocol::RecordView record;
  while (reader.next(record)) {
    if (matches(record)) return TimestampAndOffset{record.timestamp, record.offset, epoch};
  }
  return std::nullopt;
}

}  // namespace

Result<std::optional<TimestampAndOffset>> Log::find_offset_by_timestamp(TimestampMs target) const {
  constexpr TimestampMs latest = -1, earliest = -2, max_timestamp = -3, earliest_local = -4, latest_tiered = -5;
  const FailureReport report(directory_);
  {
    MutexLock lock(mutex_);
    if (auto usable = check_readable(); !usable) return std::unexpected(usable.error());
    if (target == earliest || target == earliest_local) {
      const auto first = epochs_->earliest();
      const LeaderEpoch epoch = first && first->start_offset <= log_start_ ? first->epoch : protocol::no_leader_epoch;
      return TimestampAndOffset{protocol::no_timestamp, log_start_, epoch};
    }
    if (target == latest) {
      const auto last = epochs_->latest();
      return TimestampAndOffset{protocol::no_timestamp, log_end_.offset,
                                last ? last->epoch : protocol::no_leader_epoch};
    }
    if (target == latest_tiered) return TimestampAndOffset{};
  }
  auto found = target == max_timestamp ? find_max_timestamp() : find_first_at_or_after(target);
  if (!found) return std::unexpected(failed(found.error()));
  return *found;
}

Io<std::optional<TimestampAndOffset>> Log::find_max_timestamp() const {
  std::shared_ptr<Segment> best;
  TimeEntry largest;
  for (const auto& segment : segments()) {
    const auto entry = segment->max_timestamp();
    if (!entry) return std::unexpected(entry.error());
    if (best && entry->timestamp <= largest.timestamp) continue;
    best = segment;
    largest = *entry;
  }
  if (!best || best->size() == 0) return std::nullopt;
  const auto found = best->find(largest.offset, best->size());
  if (!found) return std::unexpected(found.error());
  if (!*found) return std::nullopt;
  const auto file = best->log_file();
  if (!file) return std::unexpected(file.error());
  const auto scratch = directory_.borrow_scratch();
  BatchScanner scanner(**file, (*found)->position, best->size());
  BatchHeader header;
  for (auto status = scanner.next(header);; status = scanner.next(header)) {
    if (!status) return std::unexpected(status.error());
    if (*status != BatchStatus::ok) return std::nullopt;
    if (header.max_timestamp() != largest.timestamp) continue;
    return find_record(**file, scanner.position(), header, *scratch,
                       [&](const protocol::RecordView& record) { return record.timestamp == largest.timestamp; });
  }
}

Io<std::optional<TimestampAndOffset>> Log::find_first_at_or_after(TimestampMs target) const {
  const Offset start = log_start_offset();
  for (const auto& segment : segments()) {
    const auto largest = segment->largest_timestamp();
    if (!largest) return std::unexpected(largest.error());
    if (*largest < target) continue;
    const auto position = segment->position_for_timestamp(target, start);
    if (!position) return std::unexpected(position.error());
    const auto file = segment->log_file();
    if (!file) return std::unexpected(file.error());
    const auto scratch = directory_.borrow_scratch();
    BatchScanner scanner(**file, *position, segment->size());
    BatchHeader header;
    for (auto status = scanner.next(header);; status = scanner.next(header)) {
      if (!status) return std::unexpected(status.error());
      if (*status != BatchStatus::ok) return std::nullopt;  // as Kafka: only the first segment that promises one counts
      if (header.max_timestamp() < target || header.last_offset() < start) continue;
      const auto record =
          find_record(**file, scanner.position(), header, *scratch, [&](const protocol::RecordView& candidate) {
            return candidate.timestamp >= target && candidate.offset >= start;
          });
      if (!record || *record) return record;
    }
  }
  return std::nullopt;
}

std::vector<Offset> Log::legacy_offsets_before(TimestampMs timestamp, std::int32_t max, TimestampMs now) const {
  constexpr TimestampMs earliest = -2;  // -1, the latest: all
  const Offset start = log_start_offset(), end = log_end_offset();
  std::vector<std::pair<Offset, TimestampMs>> candidates;
  const auto all = segments();
  for (const auto& segment : all) {
    candidates.emplace_back(std::max(segment->base_offset(), start), segment->modified_ms().value_or(0));
  }
  if (!all.empty() && all.back()->size() > 0) candidates.emplace_back(end, now);
  if (timestamp == earliest && !candidates.empty()) candidates.resize(1);
  if (timestamp >= 0) {
    while (!candidates.empty() && candidates.back().second > timestamp) candidates.pop_back();
  }
  std::vector<Offset> offsets;
  for (auto candidate = candidates.rbegin(); candidate != candidates.rend(); ++candidate) {
    if (std::cmp_greater_equal(offsets.size(), std::max(max, 0))) break;
    offsets.push_back(candidate->first);
  }
  return offsets;
}

}  // namespace storage
