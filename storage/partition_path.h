// Where a partition's directory is, as its log and the log's segments share it. Self-locking: a rename and whoever uses
// the name to open files exclude each other, so that nobody looks for a file where it no longer is.
//
// Its lock is held for one file operation and comes after those of the log and of the segment.
#pragma once

#include <string>
#include <utility>

#include "protocol/mutex.h"
#include "storage/file_system.h"

namespace storage {

class PartitionPath {
 public:
  explicit PartitionPath(std::string path) : text_(std::move(path)) {}

  std::string text() const EXCLUDES(mutex_) {
    protocol::ReaderLock lock(mutex_);
    return text_;
  }

  // While it lives, the directory keeps its name. Not to be nested.
  class SCOPED_CAPABILITY Held {
   public:
    explicit Held(const PartitionPath& path) ACQUIRE_SHARED(path.mutex_) : path_(path) { path_.mutex_.lock_shared(); }
    ~Held() RELEASE_GENERIC() { path_.mutex_.unlock_shared(); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    const std::string& text() const NO_THREAD_SAFETY_ANALYSIS { return path_.text_; }
    // The log is on its way out; its files may vanish at any time.
    bool is_renamed() const NO_THREAD_SAFETY_ANALYSIS { return path_.renamed_; }

   private:
    const PartitionPath& path_;
  };

  // To another name under which the log goes on being used.
  Io<void> move(FileSystem& file_system, const std::string& to) EXCLUDES(mutex_) {
    protocol::WriterLock lock(mutex_);
    BARNABAS_IO_TRY(file_system.rename(text_, to));
    text_ = to;
    return {};
  }

  Io<void> rename(FileSystem& file_system, const std::string& to) EXCLUDES(mutex_) {
    protocol::WriterLock lock(mutex_);
    BARNABAS_IO_TRY(file_system.rename(text_, to));
    text_ = to;
    renamed_ = true;
    return {};
  }

 private:
  mutable protocol::SharedMutex mutex_;
  std::string text_ GUARDED_BY(mutex_);
  bool renamed_ GUARDED_BY(mutex_) = false;
};

}  // namespace storage
