// The sorted, sparse index files beside a segment: .index (offset -> position) and .timeindex (timestamp -> offset).
//
// A file is an array of fixed-size big-endian entries. New entries wait in memory (the tail) and reach the file when
// the segment is flushed, rolled or closed, or a block of them has gathered: an append costs no system call for its
// index, and the file never holds anything but whole entries. Kafka preallocates these files and trims them later;
// every reader of trimmed files accepts ours at any time. After a crash the missing tail is rebuilt with the segment's
// recovery.
//
// Not thread-safe: the owner's lock guards an index. find_on_disk and read_one need no lock, as entries on disk don't
// change.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/records/big_endian.h"
#include "protocol/types.h"
#include "storage/file_system.h"

namespace storage {

// .index: 4-byte offset relative to the segment's base, 4-byte position of the batch that ends with that offset.
struct OffsetEntry {
  static constexpr std::size_t encoded_size = 8;
  protocol::Offset offset = 0;
  std::int64_t position = 0;

  std::int64_t key() const { return offset; }
  void encode(std::byte* to, protocol::Offset base) const {
    protocol::store_be(to, static_cast<std::int32_t>(offset - base));
    protocol::store_be(to + 4, static_cast<std::int32_t>(position));
  }
  static OffsetEntry decode(const std::byte* from, protocol::Offset base) {
    return {base + protocol::load_be<std::int32_t>(from), protocol::load_be<std::int32_t>(from + 4)};
  }
  bool operator==(const OffsetEntry&) const = default;
};

// .timeindex: 8-byte timestamp (the largest so far), 4-byte relative last offset of the batch that has it.
struct TimeEntry {
  static constexpr std::size_t encoded_size = 12;
  protocol::TimestampMs timestamp = protocol::no_timestamp;
  protocol::Offset offset = 0;

  std::int64_t key() const { return timestamp; }
  void encode(std::byte* to, protocol::Offset base) const {
    protocol::store_be(to, timestamp);
    protocol::store_be(to + 8, static_cast<std::int32_t>(offset - base));
  }
  static TimeEntry decode(const std::byte* from, protocol::Offset base) {
    return {protocol::load_be<std::int64_t>(from), base + protocol::load_be<std::int32_t>(from + 8)};
  }
  bool operator==(const TimeEntry&) const = default;
};

template <typename Entry>
class SparseIndex {
 public:
  static constexpr std::size_t tail_limit = 512;  // entries that may wait in memory

  explicit SparseIndex(protocol::Offset base) : base_(base) {}

  // Learns what the file holds. Until then nothing else may be called.
  Io<void> load(File& file) {
    const auto size = file.size();
    if (!size) return std::unexpected(size.error());
    whole_ = *size % static_cast<std::int64_t>(Entry::encoded_size) == 0;
    on_disk_ = *size / static_cast<std::int64_t>(Entry::encoded_size);
    tail_.clear();
    auto ends = reload_ends(file);
    if (!ends) on_disk_ = -1;
    return ends;
  }
  void start_empty() {
    on_disk_ = 0;
    whole_ = true;
    tail_.clear();
    first_.reset();
    last_.reset();
  }
  bool is_loaded() const { return on_disk_ >= 0; }

  // The file's length is a multiple of the entry size.
  bool is_whole() const { return whole_; }
  std::int64_t size() const { return on_disk_ + static_cast<std::int64_t>(tail_.size()); }
  std::int64_t on_disk() const { return on_disk_; }
  const std::optional<Entry>& first() const { return first_; }
  const std::optional<Entry>& last() const { return last_; }

  void append(const Entry& entry) {
    if (!first_) first_ = entry;
    last_ = entry;
    tail_.push_back(entry);
  }
  bool tail_is_full() const { return tail_.size() >= tail_limit; }
  bool has_tail() const { return !tail_.empty(); }

  Io<void> write_tail(File& file) {
    if (tail_.empty()) return {};
    std::vector<std::byte> encoded(tail_.size() * Entry::encoded_size);
    for (std::size_t i = 0; i < tail_.size(); ++i) tail_[i].encode(&encoded[i * Entry::encoded_size], base_);
    BARNABAS_IO_TRY(file.write_at(on_disk_ * static_cast<std::int64_t>(Entry::encoded_size), encoded));
    on_disk_ += static_cast<std::int64_t>(tail_.size());
    tail_.clear();
    return {};
  }

  // Keeps the first `count` entries. Nothing on disk changes if only the tail shrinks.
  Io<void> keep(File& file, std::int64_t count) {
    if (count >= size()) return {};
    if (count >= on_disk_) {
      tail_.resize(static_cast<std::size_t>(count - on_disk_));
    } else {
      BARNABAS_IO_TRY(file.truncate(count * static_cast<std::int64_t>(Entry::encoded_size)));
      tail_.clear();
      on_disk_ = count;
    }
    return reload_ends(file);
  }

  // The last entry in the tail with key <= wanted; nullopt: it is on disk, if anywhere.
  std::optional<Entry> find_in_tail(std::int64_t wanted) const {
    const auto after = std::ranges::upper_bound(tail_, wanted, {}, &Entry::key);
    if (after == tail_.begin()) return std::nullopt;
    return *std::prev(after);
  }

  // The first entry in the tail that `fits`.
  template <typename Fits>
  std::optional<Entry> first_in_tail(Fits&& fits) const {
    const auto found = std::ranges::find_if(tail_, fits);
    return found == tail_.end() ? std::nullopt : std::optional(*found);
  }

  // The last of the file's first `count` entries with key <= wanted, and its slot.
  struct Found {
    std::int64_t slot = -1;
    std::optional<Entry> entry;
  };
  static Io<Found> find_on_disk(File& file, protocol::Offset base, std::int64_t count, std::int64_t wanted,
                                bool cached_only = false) {
    std::int64_t low = 0, high = count;  // the first entry beyond `wanted` lies in [low, high]
    while (high - low > block) {
      const std::int64_t middle = low + (high - low) / 2;
      std::array<std::byte, Entry::encoded_size> one;
      if (auto read = read_entries(file, middle, one, cached_only); !read) return std::unexpected(read.error());
      (Entry::decode(one.data(), base).key() <= wanted ? low : high) = middle;
    }
    std::array<std::byte, block * Entry::encoded_size> entries;
    const auto bytes = std::span(entries).first(static_cast<std::size_t>(high - low) * Entry::encoded_size);
    if (auto read = read_entries(file, low, bytes, cached_only); !read) return std::unexpected(read.error());
    Found found;
    for (std::int64_t slot = low; slot < high; ++slot) {
      const Entry entry = Entry::decode(&entries[static_cast<std::size_t>(slot - low) * Entry::encoded_size], base);
      if (entry.key() > wanted) break;
      found = {slot, entry};
    }
    return found;
  }

  // Entry number `slot`, wherever it is.
  Io<Entry> at(File& file, std::int64_t slot, bool cached_only = false) const {
    if (slot >= on_disk_) return tail_[static_cast<std::size_t>(slot - on_disk_)];
    return read_one(file, base_, slot, cached_only);
  }

  // Entry number `slot` of the file.
  static Io<Entry> read_one(File& file, protocol::Offset base, std::int64_t slot, bool cached_only) {
    std::array<std::byte, Entry::encoded_size> one;
    if (auto read = read_entries(file, slot, one, cached_only); !read) return std::unexpected(read.error());
    return Entry::decode(one.data(), base);
  }

  // How many entries have key < wanted.
  Io<std::int64_t> count_below(File& file, std::int64_t wanted) const {
    const auto in_tail = std::ranges::lower_bound(tail_, wanted, {}, &Entry::key) - tail_.begin();
    if (in_tail > 0) return on_disk_ + in_tail;
    const auto found = find_on_disk(file, base_, on_disk_, wanted - 1);
    if (!found) return std::unexpected(found.error());
    return found->slot + 1;
  }

 private:
  static constexpr std::int64_t block = 256;

  static Io<void> read_entries(File& file, std::int64_t slot, std::span<std::byte> out, bool cached_only) {
    const auto got = file.read_at(slot * static_cast<std::int64_t>(Entry::encoded_size), out, cached_only);
    if (!got) return std::unexpected(got.error());
    if (*got < out.size()) return io_fail(EAGAIN, "read a shrinking index " + file.path());
    return {};
  }
  Io<void> reload_ends(File& file) {
    first_.reset();
    last_.reset();
    if (size() == 0) return {};
    const auto first = at(file, 0), last = at(file, size() - 1);
    if (!first) return std::unexpected(first.error());
    if (!last) return std::unexpected(last.error());
    first_ = *first;
    last_ = *last;
    return {};
  }

  const protocol::Offset base_;
  std::int64_t on_disk_ = -1;  // entries in the file; -1: not loaded
  bool whole_ = true;
  std::vector<Entry> tail_;
  std::optional<Entry> first_, last_;
};

using OffsetIndex = SparseIndex<OffsetEntry>;
using TimeIndex = SparseIndex<TimeEntry>;

}  // namespace storage
