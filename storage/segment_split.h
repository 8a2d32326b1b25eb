// A segment whose offsets go further than its indexes can say (2^31 from its base) becomes several. Old brokers'
// compaction made such segments (KAFKA-6264). Runs while a log is opened, on one thread; what Kafka calls
// splitOverflowedSegment.
#pragma once

#include <vector>

#include "storage/file_system.h"
#include "storage/segment.h"

namespace storage {

// Replaces the segment's files by those of its pieces, which have no indexes yet and together the same bytes: a damaged
// tail stays, for recovery to cut off. After a crash the next start finishes it or finds the old segment. Returns the
// pieces' base offsets; the first is the segment's own, and its piece may be empty. EILSEQ: there is nothing to split.
Io<std::vector<Offset>> split_overflowed_segment(FileSystem& file_system, const std::string& directory,
                                                 const Segment& segment);

}  // namespace storage
