// Reads one segment of a log from its files alone and checks it: batches and records, and the indexes beside them.
// For `barnabas dump-log`; opens nothing for writing, so a running broker's files can be looked at. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "protocol/records/record.h"
#include "protocol/records/record_batch.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace tools {

struct SegmentProblem {
  std::string file;           // its name, without the directory
  std::int64_t position = 0;  // in that file
  std::string text;
};

struct SegmentReport {
  protocol::Offset base_offset = 0;
  std::int64_t size = 0;
  std::int64_t batches = 0;
  std::int64_t records = 0;
  protocol::Offset next_offset = 0;  // behind the last batch
  std::int64_t offset_entries = 0, time_entries = 0, transaction_entries = 0;
  std::vector<SegmentProblem> problems;
};

// Called for each whole batch with its position in the file; not for what is damaged beyond recognition.
using VisitBatch = std::function<void(const protocol::RecordBatchView&, std::int64_t position)>;

// Scans "<offset>.log" and the ".index", ".timeindex" and ".txnindex" beside it. Fails only when the log can't be read
// at all; everything else is in the report's problems.
protocol::Result<SegmentReport> scan_segment(const std::string& log_path, const VisitBatch& visit);

}  // namespace tools
