// A file system for tests that can break: fill up, fail, or lose what was not synced, as a power cut does.
//
// It works on real files. sync() remembers a file's content; crash() puts back the remembered content of every file
// that was written since (or, for a file never synced, what the test chooses to keep). What it remembers is
// self-locking, as logs are opened and closed in parallel; space_left, fault and crash() belong to one thread at a
// time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "protocol/mutex.h"
#include "storage/file_system.h"

namespace storage::testing {

class FaultyFileSystem final : public FileSystem {
 public:
  // How many more bytes may be written before ENOSPC; nullopt: no limit. A write that exceeds it writes what fits.
  std::optional<std::int64_t> space_left;
  // Asked before every operation: errno to fail with, 0 to go on. `operation` is "write", "sync", "open", "read", …
  std::function<int(std::string_view operation, const std::string& path)> fault;
  // Told of every rename that was done, before its caller goes on.
  std::function<void(const std::string& to)> renamed;
  bool can_sync_volumes = true;

  // Cuts every file back to what was synced, plus at most `keep(unsynced bytes)` bytes of what was appended since.
  void crash(const std::function<std::int64_t(std::int64_t)>& keep = {});

  Io<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Io<void> rename(const std::string& from, const std::string& to) override;
  Io<void> remove(const std::string& path) override;
  Io<std::vector<DirectoryEntry>> list(const std::string& directory) override;
  Io<void> sync_directory(const std::string& path) override;
  Io<bool> sync_volume(const std::string& directory) override;

  // For the files it opens.
  int check(std::string_view operation, const std::string& path) { return fault ? fault(operation, path) : 0; }
  void synced(const std::string& path, std::int64_t size) EXCLUDES(mutex_) {
    protocol::MutexLock lock(mutex_);
    synced_size_[path] = size;
  }
  void cut(const std::string& path, std::int64_t size) EXCLUDES(mutex_);

 private:
  protocol::Mutex mutex_;
  // By path; present for every file written through this.
  std::map<std::string, std::int64_t> synced_size_ GUARDED_BY(mutex_);
};

}  // namespace storage::testing
