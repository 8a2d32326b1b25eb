#include "storage/batch_scanner.h"

#include <algorithm>

namespace storage {

using protocol::BatchStatus;

BatchScanner::BatchScanner(File& file, std::int64_t position, std::int64_t end, bool cached_only, std::size_t window)
    : file_(file),
      position_(position),
      end_(end),
      cached_only_(cached_only),
      next_(position),
      window_capacity_(window),
      window_(new std::byte[window]) {}

Io<protocol::Bytes> BatchScanner::header_bytes() {
  const auto wanted =
      static_cast<std::size_t>(std::clamp<std::int64_t>(end_ - next_, 0, protocol::max_batch_header_size));
  const bool inside = next_ >= window_start_ && next_ + static_cast<std::int64_t>(wanted) <=
                                                    window_start_ + static_cast<std::int64_t>(window_size_);
  if (!inside) {
    const std::size_t useful = last_batch_size_ > window_capacity_ ? protocol::max_batch_header_size : window_capacity_;
    const auto room = static_cast<std::size_t>(std::min<std::int64_t>(static_cast<std::int64_t>(useful), end_ - next_));
    window_size_ = 0;
    const auto got = file_.read_at(next_, std::span(window_.get(), room), cached_only_);
    if (!got) return std::unexpected(got.error());
    window_start_ = next_;
    window_size_ = *got;
  }
  const auto skip = static_cast<std::size_t>(next_ - window_start_);
  return protocol::Bytes(window_.get(), window_size_).subspan(skip, std::min(wanted, window_size_ - skip));
}

Io<BatchStatus> BatchScanner::next(protocol::BatchHeader& header) {
  if (status_ != BatchStatus::ok) return status_;
  position_ = next_;
  if (next_ >= end_) return status_ = BatchStatus::end;
  const auto bytes = header_bytes();
  if (!bytes) return std::unexpected(bytes.error());
  status_ = protocol::parse_batch_header(*bytes, header);
  if (status_ != BatchStatus::ok) return status_;
  if (static_cast<std::int64_t>(header.size()) > end_ - next_) return status_ = BatchStatus::incomplete;
  last_batch_size_ = header.size();
  next_ += static_cast<std::int64_t>(header.size());
  return status_;
}

}  // namespace storage
