// Which leader epoch began at which offset (KIP-101), and its file leader-epoch-checkpoint.
//
// Not thread-safe: guarded by the log's mutex. Entries ascend in epoch and in start offset. Changes are written at once
// but synced only with the log: after a power cut recovery adds the epochs it finds in the batches. The epochs of a log
// that never held a record may wait for its first one.
//
// An epoch that can't be written isn't there. Removals are there even if the disk is full, as that must not keep
// anybody from deleting; the next change brings the file up to date, and so does the next opening of the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/checkpoint_file.h"
#include "storage/file_system.h"
#include "storage/types.h"

namespace storage {

class LeaderEpochCache {
 public:
  LeaderEpochCache(FileSystem& file_system, std::string directory);

  // Reads the file. False: there is none, or it makes no sense; the cache is then empty.
  Io<bool> load();

  enum class Writing : std::uint8_t { now, with_the_next_change };

  // Adds an epoch unless the latest is the same and starts no later; entries that contradict it go.
  Io<void> assign(LeaderEpoch epoch, Offset start_offset, Writing writing = Writing::now);

  // Puts these, which ascend, in the place of all there are.
  Io<void> replace(std::vector<EpochEntry> entries);

  std::optional<EpochEntry> latest() const;
  std::optional<EpochEntry> earliest() const;
  std::optional<LeaderEpoch> epoch_for(Offset offset) const;

  // Where the largest epoch <= `epoch` ends; the latest one ends with the log.
  std::optional<OffsetAndEpoch> end_offset_for(LeaderEpoch epoch, Offset log_end_offset) const;

  Io<void> truncate_from_end(Offset end_offset);      // drops epochs that start at or after it
  Io<void> truncate_from_start(Offset start_offset);  // the epoch that covers it then starts there
  Io<void> clear();

  const std::vector<EpochEntry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

  // Whether something was written since the last call; the caller then syncs the file.
  bool take_unsynced() { return std::exchange(unsynced_, false); }
  std::string path() const;
  void set_directory(std::string directory) { directory_ = std::move(directory); }

 private:
  Io<void> write(const std::vector<EpochEntry>& entries);
  Io<void> remove_all_but(std::vector<EpochEntry> kept);

  FileSystem& file_system_;
  std::string directory_;
  std::vector<EpochEntry> entries_;
  bool unwritten_ = false;  // the file lacks something that waits for the next change
  bool unsynced_ = false;
};

}  // namespace storage
