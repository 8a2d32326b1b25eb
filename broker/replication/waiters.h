// Waiters: parties that wait for a partition to move, woken by the move itself (no polling, no timer scan).
//
// A waiter is an intrusive hook in the waiting coroutine's frame. Partition::watch() hangs it into the partition's
// list, its destructor (or detach()) takes it out; both take the partition's lock. The partition calls on_advance()
// under that lock from whatever thread moved it, so a WakeTarget must be quick, must not block and must not call the
// partition. A wake-up is a hint: the woken party looks again and may wait again.
#pragma once

#include <atomic>
#include <cstdint>

#include <boost/intrusive/list.hpp>

#include "protocol/types.h"

namespace broker {

class Partition;

// Where a partition stands. All of it is read under one lock, so the numbers fit together.
struct PartitionEnds {
  protocol::LeaderEpoch leader_epoch = protocol::no_leader_epoch;
  protocol::Offset low_watermark = 0;  // the least log start offset of all live replicas
  protocol::Offset log_end = 0;
  protocol::Offset high_watermark = 0;
  protocol::Offset last_stable = 0;
  std::int64_t appended_bytes = 0;  // ever appended through this object; only differences mean something
};

enum class WatchedEnd : std::uint8_t { log_end, high_watermark, last_stable, low_watermark };

inline protocol::Offset offset_of(const PartitionEnds& ends, WatchedEnd which) {
  switch (which) {
    case WatchedEnd::log_end:
      return ends.log_end;
    case WatchedEnd::high_watermark:
      return ends.high_watermark;
    case WatchedEnd::last_stable:
      return ends.last_stable;
    case WatchedEnd::low_watermark:
      return ends.low_watermark;
  }
  return ends.log_end;
}

// Resumes a waiting party. wake() is called from any thread, possibly more than once.
class WakeTarget {
 public:
  virtual void wake() noexcept = 0;

 protected:
  ~WakeTarget() = default;
};

// How many more bytes a fetch wants, counted over all its partitions. Safe from any thread.
class ByteGoal {
 public:
  ByteGoal(WakeTarget& target, std::int64_t missing_bytes) : target_(target), missing_(missing_bytes) {}

  void add(std::int64_t bytes) {
    if (missing_.fetch_sub(bytes) <= bytes) target_.wake();
  }
  void reach() { target_.wake(); }

 private:
  WakeTarget& target_;
  std::atomic<std::int64_t> missing_;
};

// One hook. Fields are guarded by the watched partition's lock while it is attached.
class PartitionWaiter : public boost::intrusive::list_base_hook<> {
 public:
  PartitionWaiter() = default;
  PartitionWaiter(const PartitionWaiter&) = delete;
  PartitionWaiter& operator=(const PartitionWaiter&) = delete;
  virtual ~PartitionWaiter() { detach(); }

  // Takes the waiter off its partition; does nothing when it isn't on one.
  void detach();

 protected:
  // After the partition's ends moved.
  virtual void on_advance(const PartitionEnds& ends) = 0;
  // After leadership changed, or the partition was stopped, deleted or went offline.
  virtual void on_leadership_change() = 0;

 private:
  friend class Partition;
  Partition* partition_ = nullptr;  // set and cleared by Partition under its lock; read by the waiter's owner only
};

using WaiterList = boost::intrusive::list<PartitionWaiter, boost::intrusive::constant_time_size<false>>;

// Waits until an end has reached an offset: acks=all, coordinators, DeleteRecords.
class OffsetWaiter final : public PartitionWaiter {
 public:
  OffsetWaiter(WakeTarget& target, WatchedEnd end, protocol::Offset at_least)
      : target_(target), end_(end), at_least_(at_least) {}
  ~OffsetWaiter() override { detach(); }

  WatchedEnd end() const { return end_; }
  protocol::Offset at_least() const { return at_least_; }

 private:
  void on_advance(const PartitionEnds& ends) override {
    if (offset_of(ends, end_) >= at_least_) target_.wake();
  }
  void on_leadership_change() override { target_.wake(); }

  WakeTarget& target_;
  WatchedEnd end_;
  protocol::Offset at_least_;
};

// Waits for bytes that a fetch can return. `seen` is where the partition stood when the fetch last read it.
class FetchWaiter final : public PartitionWaiter {
 public:
  FetchWaiter(ByteGoal& goal, WatchedEnd end, const PartitionEnds& seen, std::int64_t max_bytes)
      : goal_(goal), end_(end), seen_(seen), max_bytes_(max_bytes) {}
  ~FetchWaiter() override { detach(); }

  const PartitionEnds& seen() const { return seen_; }

 private:
  friend class Partition;
  void on_advance(const PartitionEnds& ends) override;
  void on_leadership_change() override { goal_.reach(); }

  ByteGoal& goal_;
  WatchedEnd end_;
  PartitionEnds seen_;
  std::int64_t max_bytes_;
  std::int64_t counted_bytes_ = 0;  // what this partition has contributed so far, at most max_bytes_
};

}  // namespace broker
