#include "storage/open_files.h"

#include <utility>
#include <vector>

namespace storage {

std::size_t OpenFiles::open_count() const {
  protocol::MutexLock lock(mutex_);
  return used_.size();
}

std::shared_ptr<File> OpenFiles::use(CachedFile& cached) {
  protocol::MutexLock lock(mutex_);
  if (cached.file_) used_.splice(used_.begin(), used_, cached.place_);
  return cached.file_;
}

void OpenFiles::insert(CachedFile& cached, std::shared_ptr<File> file) {
  std::vector<std::shared_ptr<File>> closing;  // closed after the mutex is released
  protocol::MutexLock lock(mutex_);
  if (cached.file_) {
    used_.erase(cached.place_);
    closing.push_back(std::move(cached.file_));
  }
  cached.file_ = std::move(file);
  used_.push_front(&cached);
  cached.place_ = used_.begin();
  while (used_.size() > limit_ && used_.back() != &cached) {
    closing.push_back(std::exchange(used_.back()->file_, nullptr));
    used_.pop_back();
  }
}

void OpenFiles::drop(CachedFile& cached) {
  std::shared_ptr<File> closing;
  protocol::MutexLock lock(mutex_);
  if (!cached.file_) return;
  used_.erase(cached.place_);
  closing = std::exchange(cached.file_, nullptr);
}

Io<std::shared_ptr<File>> CachedFile::open(const std::string& path, OpenMode mode) {
  auto opened = files_.file_system().open(path, mode);
  if (opened) files_.insert(*this, *opened);
  return opened;
}

}  // namespace storage
