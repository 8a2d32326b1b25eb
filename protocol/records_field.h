// Records: the record batches of a Produce or Fetch field, wherever they lie.
//
// On decode a view of the frame. In a response either memory or ranges of log files that the connection sends with
// sendfile. Values: copies share owners. No synchronisation of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "protocol/byte_string.h"
#include "protocol/bytes.h"

namespace protocol {

// Part of an open file. `owner` keeps `fd` open and the bytes in place for as long as this exists.
struct FileRange {
  std::shared_ptr<const void> owner;
  int fd = -1;
  std::int64_t position = 0;
  std::int64_t length = 0;

  bool operator==(const FileRange&) const = default;
};

class Records {
 public:
  Records() = default;
  Records(Bytes borrowed) : memory_(borrowed) {}
  Records(ByteString bytes) : memory_(std::move(bytes)) {}
  Records(std::vector<std::byte>&& owned) : memory_(std::move(owned)) {}
  Records(std::vector<FileRange> ranges) : ranges_(std::move(ranges)) {}

  std::size_t size() const {
    std::size_t total = memory_.size();
    for (const FileRange& range : ranges_) total += static_cast<std::size_t>(range.length);
    return total;
  }
  bool empty() const { return size() == 0; }

  // The bytes, when in_memory(); empty otherwise.
  bool in_memory() const { return ranges_.empty(); }
  Bytes bytes() const { return memory_; }

  // The file ranges in order; empty when in_memory().
  const std::vector<FileRange>& ranges() const { return ranges_; }

  // Compares memory by content and file ranges by place.
  bool operator==(const Records&) const = default;

 private:
  ByteString memory_;
  std::vector<FileRange> ranges_;
};

}  // namespace protocol
