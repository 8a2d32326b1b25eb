#include "storage/log_copy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "protocol/records/record_batch.h"
#include "storage/log.h"
#include "storage/log_directory.h"

namespace storage {

using protocol::ErrorCode;
using protocol::Result;

namespace {

// Fewer than the records have, if the file ends before.
Result<std::vector<std::byte>> bytes_of(const protocol::Records& records, LogDirectory& directory) {
  std::vector<std::byte> bytes(records.size());
  std::size_t done = 0;
  for (const protocol::FileRange& range : records.ranges()) {
    const std::size_t end = done + static_cast<std::size_t>(range.length);
    std::int64_t position = range.position;
    while (done < end) {
      const ssize_t got = ::pread(range.fd, &bytes[done], end - done, position);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        const FailureReport report(directory);
        return std::unexpected(directory.failed({errno, "read a log that is to be copied"}));
      }
      if (got == 0) {
        bytes.resize(done);
        return bytes;
      }
      done += static_cast<std::size_t>(got);
      position += got;
    }
  }
  return bytes;
}

// Where the copy stops being what the original is, if it does: by the leader epochs, as a follower finds out.
std::optional<Offset> divergence(const Log& original, const Log& copy) {
  const Offset end = copy.log_end_offset();
  Offset common = std::min(end, original.log_end_offset());
  if (const auto epoch = copy.latest_epoch()) {
    if (const auto theirs = original.end_offset_for_epoch(*epoch)) {
      common = std::min(common, theirs->offset);
      const auto ours = theirs->epoch == *epoch ? std::nullopt : copy.end_offset_for_epoch(theirs->epoch);
      if (ours) common = std::min(common, ours->offset);
    }
  }
  return common < end ? std::optional(common) : std::nullopt;
}

// Makes the copy begin and end where the original can continue it. True: it begins elsewhere now.
Result<bool> reconcile(const Log& original, Log& copy, TimestampMs now) {
  const Offset start = original.log_start_offset();
  if (const auto common = divergence(original, copy); common && *common >= start) {
    if (auto cut = copy.truncate_to(*common, now); !cut) return std::unexpected(cut.error());
  } else if (common || copy.log_end_offset() < start) {
    if (auto cut = copy.truncate_fully_and_start_at(start, now); !cut) return std::unexpected(cut.error());
    return true;
  }
  return false;
}

// A log start offset may lie within a batch, which is copied whole: an empty copy then begins where the batch does.
Result<void> append(Log& copy, protocol::Bytes records, TimestampMs now) {
  const OffsetSnapshot ends = copy.offsets();
  protocol::BatchReader reader(records);
  protocol::RecordBatchView first;
  const bool is_empty = ends.log_start_offset == ends.log_end_offset.offset;
  if (is_empty && reader.next(first) == protocol::BatchStatus::ok && first.magic() >= protocol::magic_v2 &&
      first.base_offset() < ends.log_end_offset.offset) {
    if (auto begun = copy.truncate_fully_and_start_at(first.base_offset(), now); !begun) return begun;
  }
  const auto appended = copy.append_as_follower(records, now);
  if (!appended) return std::unexpected(appended.error());
  return {};
}

// True: the log start offset moved. Beyond the copy's end it waits until the batches up to there are copied.
Result<bool> follow_offsets(const FetchSlice& seen, Log& copy) {
  copy.update_high_watermark(seen.high_watermark);
  const Offset start = std::min(seen.log_start_offset, copy.high_watermark());
  return start > copy.log_start_offset() ? copy.increment_log_start_offset(start) : Result<bool>(false);
}

}  // namespace

Result<CopiedPiece> copy_piece(const Log& original, Log& copy, std::int32_t max_bytes, TimestampMs now) {
  const std::uint64_t truncations = original.truncations();
  const auto begun_anew = reconcile(original, copy, now);
  if (!begun_anew) return std::unexpected(begun_anew.error());
  // No append is larger than a segment.
  const auto slice = original.read({.start_offset = copy.log_end_offset(),
                                    .max_bytes = std::min(max_bytes, copy.config()->segment_bytes),
                                    .isolation = FetchIsolation::log_end});
  if (!slice) {
    // The original's start has moved on since; the next piece begins there.
    if (slice.error().code == ErrorCode::offset_out_of_range) return CopiedPiece{.log_start_moved = *begun_anew};
    return std::unexpected(slice.error());
  }
  if (slice->needs_disk) return CopiedPiece{.log_start_moved = *begun_anew};  // cut off while it was read
  CopiedPiece piece{.bytes = static_cast<std::int64_t>(slice->records.size()), .log_start_moved = *begun_anew};
  if (piece.bytes > 0) {
    const auto bytes = bytes_of(slice->records, original.directory());
    if (!bytes) return std::unexpected(bytes.error());
    // What was read may not be what was compared; the next piece compares again.
    if (original.truncations() != truncations) return CopiedPiece{.log_start_moved = *begun_anew};
    if (bytes->size() < slice->records.size()) {
      const FailureReport report(original.directory());
      return std::unexpected(original.directory().failed({EIO, "read a log that is to be copied"}));
    }
    if (auto appended = append(copy, *bytes, now); !appended) return std::unexpected(appended.error());
  } else if (auto skipped = copy.skip_to(slice->log_end_offset, now); !skipped) {
    return std::unexpected(skipped.error());
  }
  const auto start_moved = follow_offsets(*slice, copy);
  if (!start_moved) return std::unexpected(start_moved.error());
  piece.log_start_moved = piece.log_start_moved || *start_moved;
  piece.caught_up = copy.log_end_offset() == slice->log_end_offset;
  return piece;
}

}  // namespace storage
