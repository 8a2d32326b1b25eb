#include "broker/replication/waiters.h"

#include <algorithm>

#include "broker/replication/partition.h"

namespace broker {

void PartitionWaiter::detach() {
  if (partition_ != nullptr) partition_->detach(*this);
}

void FetchWaiter::on_advance(const PartitionEnds& ends) {
  if (offset_of(ends, end_) <= offset_of(seen_, end_)) return;
  // What was appended since can only be counted as readable if everything before it was readable; otherwise (a high
  // watermark that lags, an open transaction that ended) anything may have become readable: look again.
  if (offset_of(seen_, end_) != seen_.log_end) {
    goal_.reach();
    return;
  }
  const std::int64_t readable = std::min(ends.appended_bytes - seen_.appended_bytes, max_bytes_);
  const std::int64_t added = readable - counted_bytes_;
  counted_bytes_ = readable;
  if (added > 0) goal_.add(added);
}

}  // namespace broker
