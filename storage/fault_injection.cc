#include "storage/fault_injection.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace storage::testing {
namespace {

class FaultyFile final : public File {
 public:
  FaultyFile(int fd, std::string path, std::shared_ptr<File> real, FaultyFileSystem& file_system)
      : File(fd, std::move(path)), real_(std::move(real)), file_system_(file_system) {}

  Io<void> write_at(std::int64_t position, std::span<const iovec> pieces) override {
    if (const int number = file_system_.check("write", path())) return io_fail(number, "write " + path());
    std::vector<std::byte> all;
    for (const iovec& piece : pieces) {
      const auto* data = static_cast<const std::byte*>(piece.iov_base);
      all.insert(all.end(), data, data + piece.iov_len);
    }
    if (file_system_.space_left && static_cast<std::int64_t>(all.size()) > *file_system_.space_left) {
      all.resize(static_cast<std::size_t>(std::max<std::int64_t>(*file_system_.space_left, 0)));
      file_system_.space_left = 0;
      if (!all.empty()) (void)real_->write_at(position, all);
      return io_fail(ENOSPC, "write " + path());
    }
    if (file_system_.space_left) *file_system_.space_left -= static_cast<std::int64_t>(all.size());
    return real_->write_at(position, all);
  }
  Io<std::size_t> read_at(std::int64_t position, std::span<std::byte> out, bool cached_only) override {
    if (const int number = file_system_.check("read", path())) return io_fail(number, "read " + path());
    return real_->read_at(position, out, cached_only);
  }
  Io<void> sync() override {
    if (const int number = file_system_.check("sync", path())) return io_fail(number, "sync " + path());
    const auto size = real_->size();
    if (!size) return std::unexpected(size.error());
    file_system_.synced(path(), *size);
    return {};
  }
  Io<void> truncate(std::int64_t size) override {
    if (const int number = file_system_.check("truncate", path())) return io_fail(number, "truncate " + path());
    file_system_.cut(path(), size);
    return real_->truncate(size);
  }

 private:
  const std::shared_ptr<File> real_;
  FaultyFileSystem& file_system_;
};

}  // namespace

Io<std::shared_ptr<File>> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
  if (const int number = check("open", path)) return io_fail(number, "open " + path);
  const bool existed = exists(path);
  auto real = FileSystem::open(path, mode);
  if (!real) return real;
  if (!existed || mode == OpenMode::fresh) {
    protocol::MutexLock lock(mutex_);
    synced_size_[path] = 0;
  }
  const int fd = ::dup((*real)->fd());
  if (fd < 0) return io_fail(errno, "open " + path);
  return std::make_shared<FaultyFile>(fd, path, std::move(*real), *this);
}

Io<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  if (const int number = check("rename", from)) return io_fail(number, "rename " + from);
  auto done = FileSystem::rename(from, to);
  if (!done) return done;
  if (renamed) renamed(to);
  protocol::MutexLock lock(mutex_);
  std::map<std::string, std::int64_t> moved;
  for (auto at = synced_size_.lower_bound(from); at != synced_size_.end() && at->first.starts_with(from);) {
    const bool inside = at->first == from || at->first[from.size()] == '/';
    if (inside) moved[to + at->first.substr(from.size())] = at->second;
    at = inside ? synced_size_.erase(at) : std::next(at);
  }
  for (const auto& [path, size] : moved) synced_size_[path] = size;
  return done;
}

Io<void> FaultyFileSystem::remove(const std::string& path) {
  if (const int number = check("delete", path)) return io_fail(number, "delete " + path);
  {
    protocol::MutexLock lock(mutex_);
    synced_size_.erase(path);
  }
  return FileSystem::remove(path);
}

Io<std::vector<DirectoryEntry>> FaultyFileSystem::list(const std::string& directory) {
  if (const int number = check("list", directory)) return io_fail(number, "list " + directory);
  return FileSystem::list(directory);
}

Io<void> FaultyFileSystem::sync_directory(const std::string& path) {
  if (const int number = check("sync directory", path)) return io_fail(number, "sync directory " + path);
  return FileSystem::sync_directory(path);
}

Io<bool> FaultyFileSystem::sync_volume(const std::string& directory) {
  if (const int number = check("sync volume", directory)) return io_fail(number, "sync the volume of " + directory);
  if (!can_sync_volumes) return false;
  protocol::MutexLock lock(mutex_);
  for (auto& [path, size] : synced_size_) {
    if (const auto status = FileSystem::status(path)) size = status->size;
  }
  return true;
}

void FaultyFileSystem::cut(const std::string& path, std::int64_t size) {
  protocol::MutexLock lock(mutex_);
  if (const auto found = synced_size_.find(path); found != synced_size_.end()) {
    found->second = std::min(found->second, size);
  }
}

void FaultyFileSystem::crash(const std::function<std::int64_t(std::int64_t)>& keep) {
  protocol::MutexLock lock(mutex_);
  for (const auto& [path, synced] : synced_size_) {
    const auto status = FileSystem::status(path);
    if (!status || status->size <= synced) continue;
    const auto real = FileSystem::open(path, OpenMode::existing);
    const std::int64_t lost = status->size - synced;
    if (real) (void)(*real)->truncate(synced + (keep ? std::min(keep(lost), lost) : 0));
  }
}

}  // namespace storage::testing
