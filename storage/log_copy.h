// Copies one log's batches into another, piece by piece: how the future log of a partition that moves to another
// directory is filled (KIP-113). Plain functions; both logs lock themselves. Waits for the disk.
#pragma once

#include <cstdint>

#include "protocol/result.h"
#include "storage/types.h"

namespace storage {

class Log;

struct CopiedPiece {
  std::int64_t bytes = 0;
  bool log_start_moved = false;  // of the copy
  bool caught_up = false;        // the copy ends where the original ended when it was looked at
};

// Appends the next batches, about `max_bytes`, as they are to the copy, which then follows the original's high
// watermark and log start offset. What the original no longer has, or has otherwise since a truncation, the copy gives
// up first, as a follower does. One thread at a time for each copy. Errors: those of Log::read and
// Log::append_as_follower.
protocol::Result<CopiedPiece> copy_piece(const Log& original, Log& copy, std::int32_t max_bytes, TimestampMs now);

}  // namespace storage
