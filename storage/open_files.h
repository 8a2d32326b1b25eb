// Bounds how many files of all logs are open at once: files are opened on demand and the longest unused are closed
// again. Whoever holds the shared_ptr of a file keeps it open beyond that, so the bound is on what nobody is using.
//
// OpenFiles is self-locking, its mutex is the innermost of all. A CachedFile is used under the lock of its owner; it
// may outlive the OpenFiles.
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
  OpenFiles(FileSystem& file_system, std::size_t limit);
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;

  FileSystem& file_system() const { return file_system_; }
  std::size_t open_count() const;

 private:
  friend class CachedFile;
  struct Table {
    explicit Table(std::size_t open_limit) : limit(open_limit) {}
    // The file if it is open; marks it as just used.
    std::shared_ptr<File> use(CachedFile& cached) EXCLUDES(mutex);
    // Remembers a newly opened file and closes the longest unused if there are too many.
    void insert(CachedFile& cached, std::shared_ptr<File> file) EXCLUDES(mutex);
    void drop(CachedFile& cached) EXCLUDES(mutex);

    const std::size_t limit;
    protocol::Mutex mutex;
    std::list<CachedFile*> used GUARDED_BY(mutex);  // most recently used first
  };

  FileSystem& file_system_;
  const std::shared_ptr<Table> table_;
};

// One file of a segment, open or not. The path is the caller's to know, so that idle segments don't carry strings.
class CachedFile {
 public:
  explicit CachedFile(OpenFiles& files) : table_(files.table_) {}
  ~CachedFile() { close(); }
  CachedFile(const CachedFile&) = delete;
  CachedFile& operator=(const CachedFile&) = delete;

  // The file if it is open.
  std::shared_ptr<File> opened() { return table_->use(*this); }
  Io<std::shared_ptr<File>> open(FileSystem& file_system, const std::string& path, OpenMode mode);
  // Lets go of the file; users that hold it keep it.
  void close() { table_->drop(*this); }

 private:
  friend class OpenFiles;

  const std::shared_ptr<OpenFiles::Table> table_;
  // Both guarded by the table's mutex.
  std::shared_ptr<File> file_;
  std::list<CachedFile*>::iterator place_;
};

}  // namespace storage
