// Checks a segment batch by batch and makes everything anew that follows from its batches. Runs on one thread, before
// the segment is used.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/records/record.h"
#include "storage/leader_epoch_cache.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

namespace storage {

struct RecoveredSegment {
  Offset next_offset = 0;
  std::int64_t bytes_cut = 0;  // behind the last good batch
  bool overflows = false;      // a good batch lies further from the base than an index can say; nothing was cut
};

// Keeps the longest prefix of whole batches with right checksums and growing offsets. `producers` must be the state
// before the segment and becomes the state after it; epochs found in the batches are added. A segment that overflows is
// left for the caller to split; but a batch that reaches so far that it passes `next_base`, the base of the next
// segment, is damaged: its offset is not part of the checksum.
Io<RecoveredSegment> recover_segment(Segment& segment, Offset next_base, LeaderEpochCache& epochs,
                                     ProducerState& producers, protocol::RecordScratch& scratch);

// Applies a batch that is in the log already to the producer state, and its aborted transaction, if any, to the index
// of the segment. `body` reads the whole batch, needed for transaction markers only.
Io<void> replay_batch(ProducerState& producers, Segment* segment, const protocol::BatchHeader& header,
                      protocol::Bytes control_batch, protocol::RecordScratch& scratch);

// Rebuilds producer state up to `end` from the newest fitting snapshot and the batches after it. `clean` with no
// snapshot at all: empty, without reading the log.
Io<void> rebuild_producer_state(ProducerState& producers, const std::vector<std::shared_ptr<Segment>>& segments,
                                Offset log_start, Offset end, bool clean, TimestampMs now);

// The transaction marker in a control batch; nullopt for other control batches.
std::optional<std::pair<protocol::EndTransactionMarker, TimestampMs>> read_marker(protocol::Bytes control_batch,
                                                                                  protocol::RecordScratch& scratch);

}  // namespace storage
