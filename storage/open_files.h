// Bounds how many files of all logs are open at once: files are opened on demand and the longest unused are closed
// again. Whoever holds the shared_ptr of a file keeps it open beyond that, so the bound is on what nobody is using.
//
// OpenFiles is self-locking, its mutex is the innermost of all. A CachedFile is used under the lock of its owner.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>

#include "protocol/mutex.h"
#include "storage/file_system.h"

namespace storage {

class CachedFile;

class OpenFiles {
 public:
  OpenFiles(FileSystem& file_system, std::size_t limit) : file_system_(file_system), limit_(limit) {}
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;

  FileSystem& file_system() const { return file_system_; }
  std::size_t open_count() const EXCLUDES(mutex_);

 private:
  friend class CachedFile;

  // The file if it is open; marks it as just used.
  std::shared_ptr<File> use(CachedFile& cached) EXCLUDES(mutex_);
  // Remembers a newly opened file and closes the longest unused if there are too many.
  void insert(CachedFile& cached, std::shared_ptr<File> file) EXCLUDES(mutex_);
  void drop(CachedFile& cached) EXCLUDES(mutex_);

  FileSystem& file_system_;
  const std::size_t limit_;
  mutable protocol::Mutex mutex_;
  std::list<CachedFile*> used_ GUARDED_BY(mutex_);  // most recently used first
};

// One file of a segment, open or not. The path is the caller's to know, so that idle segments don't carry strings.
class CachedFile {
 public:
  explicit CachedFile(OpenFiles& files) : files_(files) {}
  ~CachedFile() { close(); }
  CachedFile(const CachedFile&) = delete;
  CachedFile& operator=(const CachedFile&) = delete;

  // The file if it is open.
  std::shared_ptr<File> opened() { return files_.use(*this); }
  Io<std::shared_ptr<File>> open(const std::string& path, OpenMode mode);
  // Lets go of the file; users that hold it keep it.
  void close() { files_.drop(*this); }

 private:
  friend class OpenFiles;

  OpenFiles& files_;
  // Both guarded by files_.mutex_.
  std::shared_ptr<File> file_;
  std::list<CachedFile*>::iterator place_;
};

}  // namespace storage
