// Walks over the batch headers of a segment file without reading the records. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "protocol/records/record_batch.h"
#include "storage/file_system.h"

namespace storage {

class BatchScanner {
 public:
  // Scans [position, end). `window` bytes are read at once; with many small batches a larger window saves calls.
  BatchScanner(File& file, std::int64_t position, std::int64_t end, bool cached_only = false,
               std::size_t window = 4096);

  // The header of the next batch. A batch that goes on beyond `end` is incomplete. After anything but ok every further
  // call says the same. The header holds until the next call.
  Io<protocol::BatchStatus> next(protocol::BatchHeader& header);

  // Where the batch of the last next() starts; after the end, where the next would.
  std::int64_t position() const { return position_; }

 private:
  Io<protocol::Bytes> header_bytes();

  File& file_;
  std::int64_t position_;
  const std::int64_t end_;
  const bool cached_only_;
  std::int64_t next_;  // start of the next batch
  protocol::BatchStatus status_ = protocol::BatchStatus::ok;
  const std::size_t window_capacity_;
  const std::unique_ptr<std::byte[]> window_;
  std::int64_t window_start_ = 0;
  std::size_t window_size_ = 0;      // bytes of window_ that are filled
  std::size_t last_batch_size_ = 0;  // tells how far apart headers are
};

}  // namespace storage
