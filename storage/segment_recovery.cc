#include "storage/segment_recovery.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "protocol/records/crc32c.h"
#include "storage/batch_scanner.h"
#include "storage/log_loader.h"

namespace storage {
namespace {

using protocol::BatchHeader;
using protocol::BatchStatus;
using protocol::Bytes;

constexpr std::size_t window_size = std::size_t{1} << 20;
constexpr std::size_t largest_control_batch = std::size_t{1} << 16;

// Reads a segment file front to back with large reads.
class FileWindow {
 public:
  FileWindow(File& file, std::int64_t end) : file_(file), end_(end), buffer_(window_size) {}

  // Up to `size` bytes at a position, fewer only at the end. Holds until the next call; size <= window_size.
  Io<Bytes> at(std::int64_t position, std::size_t size) {
    const auto wanted = static_cast<std::size_t>(
        std::min<std::int64_t>(static_cast<std::int64_t>(size), std::max<std::int64_t>(end_ - position, 0)));
    const bool inside = position >= start_ &&
                        position + static_cast<std::int64_t>(wanted) <= start_ + static_cast<std::int64_t>(filled_);
    if (!inside) {
      filled_ = 0;
      const auto got = file_.read_at(position, buffer_);
      if (!got) return std::unexpected(got.error());
      start_ = position;
      filled_ = *got;
    }
    const auto skip = static_cast<std::size_t>(position - start_);
    return Bytes(buffer_).subspan(skip, std::min(wanted, filled_ - skip));
  }

 private:
  File& file_;
  const std::int64_t end_;
  std::vector<std::byte> buffer_;
  std::int64_t start_ = 0;
  std::size_t filled_ = 0;
};

// Whether the checksum of the batch at `position` is right; reads it in pieces, so a wrong length costs no memory.
Io<bool> checksum_matches(FileWindow& window, std::int64_t position, const BatchHeader& header) {
  const bool v2 = header.magic() >= protocol::magic_v2;
  const std::uint32_t stored = header.stored_crc();
  std::int64_t at =
      position + static_cast<std::int64_t>(v2 ? protocol::batch_v2::attributes : protocol::message::magic);
  const std::int64_t end = position + static_cast<std::int64_t>(header.size());
  std::uint32_t crc = 0;
  while (at < end) {
    const auto piece = window.at(at, static_cast<std::size_t>(std::min<std::int64_t>(end - at, window_size)));
    if (!piece) return std::unexpected(piece.error());
    if (piece->empty()) return false;
    crc = v2 ? protocol::crc32c(*piece, crc) : protocol::crc32(*piece, crc);
    at += static_cast<std::int64_t>(piece->size());
  }
  return crc == stored;
}

bool offsets_are_possible(const BatchHeader& header, Offset expected) {
  return header.last_offset() >= expected && header.last_offset() >= header.base_offset() &&
         header.last_offset() < std::numeric_limits<Offset>::max() &&
         (header.magic() < protocol::magic_v2 || header.base_offset() >= expected);
}

}  // namespace

std::optional<std::pair<protocol::EndTransactionMarker, TimestampMs>> read_marker(Bytes control_batch,
                                                                                  protocol::RecordScratch& scratch) {
  protocol::RecordBatchView batch;
  if (protocol::RecordBatchView::parse(control_batch, batch) != BatchStatus::ok) return std::nullopt;
  protocol::RecordReader reader(batch, scratch);
  protocol::RecordView record;
  if (!reader.next(record)) return std::nullopt;
  const auto marker = protocol::parse_end_transaction_marker(record);
  if (!marker) return std::nullopt;
  return std::pair(*marker, record.timestamp);
}

Io<void> replay_batch(ProducerState& producers, Segment* segment, const BatchHeader& header, Bytes control_batch,
                      protocol::RecordScratch& scratch) {
  if (header.has_producer_id()) {
    ProducerAppend append{.batch = header, .marker = std::nullopt};
    if (header.is_control()) {
      if (const auto marker = read_marker(control_batch, scratch)) {
        append.marker = marker->first;
        append.marker_timestamp = marker->second;
      }
    }
    ProducerChanges changes;
    // What is in the log was accepted once; a replica takes it as it is, so a refusal only leaves the state alone.
    if (producers.check(changes, append, AppendOrigin::replication)) {
      for (const AbortedTxnEntry& aborted : producers.commit(changes)) {
        if (segment != nullptr) BARNABAS_IO_TRY(segment->add_aborted_transaction(aborted));
      }
    }
  }
  producers.set_end_offset(header.next_offset());
  return {};
}

Io<RecoveredSegment> recover_segment(Segment& segment, Offset next_base, LeaderEpochCache& epochs,
                                     ProducerState& producers, protocol::RecordScratch& scratch) {
  BARNABAS_IO_TRY(segment.reset_transaction_index());
  const auto file = segment.log_file();
  if (!file) return std::unexpected(file.error());
  const std::int64_t size = segment.size();
  RecoveredSegment result{.next_offset = segment.base_offset()};
  FileWindow window(**file, size);
  std::int64_t position = 0;
  BatchHeader header;
  while (position < size) {
    auto bytes = window.at(position, protocol::max_batch_header_size);
    if (!bytes) return std::unexpected(bytes.error());
    if (protocol::parse_batch_header(*bytes, header) != BatchStatus::ok) break;
    if (static_cast<std::int64_t>(header.size()) > size - position) break;
    if (!offsets_are_possible(header, result.next_offset)) break;
    // The window moves on while the checksum is computed, so the header's bytes are kept.
    std::array<std::byte, protocol::max_batch_header_size> kept{};
    std::ranges::copy(*bytes, kept.begin());
    (void)protocol::parse_batch_header(Bytes(kept).first(bytes->size()), header);
    const auto matches = checksum_matches(window, position, header);
    if (!matches) return std::unexpected(matches.error());
    if (!*matches) break;
    if (header.last_offset() - segment.base_offset() > std::numeric_limits<std::int32_t>::max()) {
      if (header.last_offset() >= next_base) break;
      result.overflows = true;
      return result;
    }

    Bytes control_batch;
    if (header.is_control() && header.size() <= largest_control_batch) {
      bytes = window.at(position, header.size());
      if (!bytes) return std::unexpected(bytes.error());
      control_batch = *bytes;
    }
    if (header.magic() >= protocol::magic_v2) {
      const auto latest = epochs.latest();
      if (header.partition_leader_epoch() >= 0 && (!latest || header.partition_leader_epoch() > latest->epoch)) {
        BARNABAS_IO_TRY(epochs.assign(header.partition_leader_epoch(), header.base_offset()));
      }
    }
    BARNABAS_IO_TRY(replay_batch(producers, &segment, header, control_batch, scratch));
    result.next_offset = header.next_offset();
    position += static_cast<std::int64_t>(header.size());
  }
  result.bytes_cut = size - position;
  BARNABAS_IO_TRY(segment.cut_and_rebuild_indexes(position));
  return result;
}

Io<void> rebuild_producer_state(ProducerState& producers, const std::vector<std::shared_ptr<Segment>>& segments,
                                Offset log_start, Offset end, bool clean, TimestampMs now) {
  if (clean && producers.snapshots().empty()) {
    // Written by a release without snapshots, or nothing was ever written: begin with what Kafka begins with.
    producers.set_end_offset(end);
    const auto snapshot = producers.take_snapshot(false);
    if (!snapshot) return std::unexpected(snapshot.error());
    return {};
  }
  const bool was_empty = producers.empty() && producers.end_offset() >= end;
  BARNABAS_IO_TRY(producers.truncate_and_reload(log_start, end, now));
  if (end > producers.end_offset() && !was_empty) {
    protocol::RecordScratch scratch;
    for (const auto& segment : segments) {
      if (segment->base_offset() >= end || segment->size() == 0) continue;
      const Offset from = std::max({segment->base_offset(), producers.end_offset(), log_start});
      const auto start = segment->find(from, segment->size());
      if (!start) return std::unexpected(start.error());
      if (!*start) continue;
      const auto file = segment->log_file();
      if (!file) return std::unexpected(file.error());
      BatchScanner scanner(**file, (*start)->position, segment->size(), false, 64 * 1024);
      BatchHeader header;
      for (auto status = scanner.next(header);; status = scanner.next(header)) {
        if (!status) return std::unexpected(status.error());
        if (*status != BatchStatus::ok || header.base_offset() >= end) break;
        std::vector<std::byte> control_batch;
        if (header.is_control() && header.size() <= largest_control_batch) {
          control_batch.resize(header.size());
          const auto got = (*file)->read_at(scanner.position(), control_batch);
          if (!got) return std::unexpected(got.error());
        }
        BARNABAS_IO_TRY(replay_batch(producers, nullptr, header, control_batch, scratch));
      }
    }
  }
  producers.set_end_offset(end);
  // A snapshot only saves work at the next start; a truncation needs no room on the disk.
  const auto snapshot = producers.take_snapshot(false);
  if (!snapshot && !snapshot.error().is_disk_full()) return std::unexpected(snapshot.error());
  return {};
}

}  // namespace storage
