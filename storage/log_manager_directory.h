// What a LogManager keeps for each log.dir. Private to log_manager*.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "storage/checkpoint_file.h"
#include "storage/data_directory.h"
#include "storage/log_directory.h"
#include "storage/log_manager.h"

namespace storage {

struct LogManager::Directory {
  std::unique_ptr<LogDirectory> directory;
  std::unique_ptr<DirectoryLock> lock;
  std::string meta_properties;  // as found
  DirectoryIdentity identity;
  bool was_clean = false;

  std::size_t logs = 0;  // guarded by the manager's mutex

  // What the checkpoints said at the start; holds for logs that were not opened since. Guarded by the manager's mutex
  // once the logs are found.
  PartitionOffsets recovery_points, log_start_offsets, high_watermarks;

  // Partitions that are gone, but may still be in the checkpoints on the disk. Before one of them gets a new log, the
  // checkpoints are written anew: after a crash it would be taken for the old one. With the number of the deletion.
  // Guarded by the manager's mutex.
  std::unordered_map<TopicPartition, std::uint64_t> deleted;

  protocol::Mutex checkpoint_mutex;  // held while a checkpoint is gathered and written
  // What was last written to each checkpoint, as a fingerprint: an idle broker writes nothing.
  std::map<std::string, std::uint64_t, std::less<>> checkpointed GUARDED_BY(checkpoint_mutex);
  PartitionOffsets clean_offsets GUARDED_BY(checkpoint_mutex);  // how far compaction has come

  std::string file(std::string_view name) const { return directory->path() + "/" + std::string(name); }
  FileSystem& file_system() const { return directory->file_system(); }
};

}  // namespace storage
