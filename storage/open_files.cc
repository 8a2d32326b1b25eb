#include "storage/open_files.h"

#include <utility>
#include <vector>

namespace storage {

OpenFiles::OpenFiles(FileSystem& file_system, std::size_t limit)
    : file_system_(file_system), table_(std::make_shared<Table>(limit)) {}

std::size_t OpenFiles::open_count() const {
  protocol::MutexLock lock(table_->mutex);
  return table_->used.size();
}

std::shared_ptr<File> OpenFiles::Table::use(CachedFile& cached) {
  protocol::MutexLock lock(mutex);
  if (cached.file_) used.splice(used.begin(), used, cached.place_);
  return cached.file_;
}

void OpenFiles::Table::insert(CachedFile& cached, std::shared_ptr<File> file) {
  std::vector<std::shared_ptr<File>> closing;  // closed after the mutex is released
  protocol::MutexLock lock(mutex);
  if (cached.file_) {
    used.erase(cached.place_);
    closing.push_back(std::move(cached.file_));
  }
  cached.file_ = std::move(file);
  used.push_front(&cached);
  cached.place_ = used.begin();
  while (used.size() > limit && used.back() != &cached) {
    closing.push_back(std::exchange(used.back()->file_, nullptr));
    used.pop_back();
  }
}

void OpenFiles::Table::drop(CachedFile& cached) {
  std::shared_ptr<File> closing;
  protocol::MutexLock lock(mutex);
  if (!cached.file_) return;
  used.erase(cached.place_);
  closing = std::exchange(cached.file_, nullptr);
}

Io<std::shared_ptr<File>> CachedFile::open(FileSystem& file_system, const std::string& path, OpenMode mode) {
  auto opened = file_system.open(path, mode);
  if (opened) table_->insert(*this, *opened);
  return opened;
}

}  // namespace storage
