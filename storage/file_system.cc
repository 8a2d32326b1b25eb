#include "storage/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

namespace storage {
namespace {

constexpr std::size_t max_pieces_per_call = 64;

std::unexpected<IoError> last_error(std::string_view doing, std::string_view path) {
  const int number = errno;
  return io_fail(number, fmt::format("{} {}", doing, path));
}

// Drops the first `count` bytes of what is to be written.
std::span<iovec> advance(std::span<iovec> pieces, std::size_t count) {
  while (!pieces.empty() && count >= pieces.front().iov_len) {
    count -= pieces.front().iov_len;
    pieces = pieces.subspan(1);
  }
  if (count > 0) {
    pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + count;
    pieces.front().iov_len -= count;
  }
  return pieces;
}

}  // namespace

std::string IoError::text() const { return fmt::format("{}: {}", doing, std::strerror(error_number)); }

File::~File() { ::close(fd_); }

Io<void> File::write_at(std::int64_t position, std::span<const iovec> pieces) {
  std::array<iovec, max_pieces_per_call> copy;
  while (!pieces.empty()) {
    const std::size_t count = std::min(pieces.size(), copy.size());
    std::copy_n(pieces.begin(), count, copy.begin());
    pieces = pieces.subspan(count);
    std::span<iovec> rest = advance(std::span(copy.data(), count), 0);
    while (!rest.empty()) {
      const ssize_t written = ::pwritev(fd_, rest.data(), static_cast<int>(rest.size()), position);
      if (written < 0) {
        if (errno == EINTR) continue;
        return last_error("write", path_);
      }
      position += written;
      rest = advance(rest, static_cast<std::size_t>(written));
    }
  }
  return {};
}

Io<void> File::write_at(std::int64_t position, std::span<const std::byte> bytes) {
  const iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  return write_at(position, std::span(&piece, 1));
}

Io<std::size_t> File::read_at(std::int64_t position, std::span<std::byte> out, bool cached_only) {
  std::size_t done = 0;
  while (done < out.size()) {
    const iovec piece{out.data() + done, out.size() - done};
    ssize_t got = ::preadv2(fd_, &piece, 1, position + static_cast<std::int64_t>(done), cached_only ? RWF_NOWAIT : 0);
    if (got < 0 && cached_only && errno == EOPNOTSUPP) {
      got = ::preadv(fd_, &piece, 1, position + static_cast<std::int64_t>(done));  // e.g. tmpfs: always in memory
    }
    if (got < 0) {
      if (errno == EINTR) continue;
      return last_error("read", path_);
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Io<void> File::sync() {
  if (::fdatasync(fd_) != 0) return last_error("sync", path_);
  return {};
}

Io<void> File::truncate(std::int64_t size) {
  while (::ftruncate(fd_, size) != 0) {
    if (errno != EINTR) return last_error("truncate", path_);
  }
  return {};
}

Io<std::int64_t> File::size() const {
  struct stat found{};
  if (::fstat(fd_, &found) != 0) return last_error("stat", path_);
  return found.st_size;
}

Io<void> File::allocate(std::int64_t size) {
  const int number = ::posix_fallocate(fd_, 0, size);
  if (number != 0) return io_fail(number, "allocate " + path_);
  return {};
}

Io<std::shared_ptr<File>> FileSystem::open(const std::string& path, OpenMode mode) {
  int flags = O_RDWR | O_CLOEXEC;
  if (mode != OpenMode::existing) flags |= O_CREAT;
  if (mode == OpenMode::fresh) flags |= O_TRUNC;
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return last_error("open", path);
  return std::make_shared<File>(fd, path);
}

Io<std::vector<DirectoryEntry>> FileSystem::list(const std::string& directory) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return last_error("list", directory);
  std::vector<DirectoryEntry> entries;
  errno = 0;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    bool is_directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
      struct stat found{};
      is_directory = ::stat(fmt::format("{}/{}", directory, name).c_str(), &found) == 0 && S_ISDIR(found.st_mode);
    }
    entries.push_back({std::string(name), is_directory});
    errno = 0;
  }
  const int number = errno;
  ::closedir(stream);
  if (number != 0) return io_fail(number, "list " + directory);
  return entries;
}

Io<FileStatus> FileSystem::status(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return last_error("stat", path);
  return FileStatus{.size = found.st_size,
                    .modified_ms = found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1'000'000};
}

Io<void> FileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return last_error("rename", from);
  return {};
}

Io<void> FileSystem::remove(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return last_error("delete", path);
  return {};
}

Io<void> FileSystem::create_directories(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return {};
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) return last_error("create", part);
    if (end == std::string::npos) break;
  }
  if (::stat(path.c_str(), &found) != 0) return last_error("create", path);
  if (!S_ISDIR(found.st_mode)) return io_fail(ENOTDIR, "create " + path);
  return {};
}

Io<bool> FileSystem::create_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) == 0) return true;
  if (errno == EEXIST) return false;
  if (errno != ENOENT) return last_error("create", path);
  BARNABAS_IO_TRY(create_directories(path));
  return true;
}

Io<void> FileSystem::sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return last_error("open", path);
  const int result = ::fsync(fd);
  const int number = errno;
  ::close(fd);
  if (result != 0) return io_fail(number, "sync " + path);
  return {};
}

namespace {

// Before Linux 5.8 syncfs kept silent about failed writes, and file systems in user space don't pass it on.
bool syncs_reliably(int fd) {
  utsname kernel{};
  int major = 0, minor = 0;
  if (::uname(&kernel) != 0 || std::sscanf(kernel.release, "%d.%d", &major, &minor) != 2) return false;
  if (std::pair(major, minor) < std::pair(5, 8)) return false;
  struct statfs volume{};
  if (::fstatfs(fd, &volume) != 0) return false;
  constexpr std::array<unsigned long, 5> known = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                                  F2FS_SUPER_MAGIC, TMPFS_MAGIC};
  return std::ranges::find(known, static_cast<unsigned long>(volume.f_type)) != known.end();
}

}  // namespace

Io<bool> FileSystem::sync_volume(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return last_error("open", directory);
  const bool reliable = syncs_reliably(fd);
  const int result = reliable ? ::syncfs(fd) : 0;
  const int number = errno;
  ::close(fd);
  if (result != 0) return io_fail(number, "sync the volume of " + directory);
  return reliable;
}

Io<void> FileSystem::set_modified_time(const std::string& path, std::int64_t modified_ms) {
  timespec times[2];
  times[0].tv_sec = times[1].tv_sec = modified_ms / 1000;
  times[0].tv_nsec = times[1].tv_nsec = modified_ms % 1000 * 1'000'000;
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) return last_error("set the time of", path);
  return {};
}

bool FileSystem::exists(const std::string& path) { return status(path).has_value(); }

Io<std::string> FileSystem::read_text(const std::string& path, std::size_t max_size) {
  const auto file = open(path, OpenMode::existing);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (static_cast<std::size_t>(*size) > max_size) return io_fail(EFBIG, "read " + path);
  std::string content(static_cast<std::size_t>(*size), '\0');
  const auto got = (*file)->read_at(0, std::as_writable_bytes(std::span(content)));
  if (!got) return std::unexpected(got.error());
  content.resize(*got);
  return content;
}

Io<void> FileSystem::remove_tree(const std::string& directory) {
  const auto entries = list(directory);
  if (!entries) {
    if (entries.error().error_number == ENOENT) return {};
    return std::unexpected(entries.error());
  }
  for (const DirectoryEntry& entry : *entries) {
    const std::string path = directory + "/" + entry.name;
    BARNABAS_IO_TRY(entry.is_directory ? remove_tree(path) : remove(path));
  }
  if (::rmdir(directory.c_str()) != 0 && errno != ENOENT) return last_error("delete", directory);
  return {};
}

Io<void> FileSystem::replace_file(const std::string& path, std::string_view content, bool sync) {
  const std::string temporary = path + ".tmp";
  {
    const auto file = open(temporary, OpenMode::fresh);
    if (!file) return std::unexpected(file.error());
    BARNABAS_IO_TRY((*file)->write_at(0, std::as_bytes(std::span(content))));
    if (sync) BARNABAS_IO_TRY((*file)->sync());
  }
  BARNABAS_IO_TRY(rename(temporary, path));
  if (!sync) return {};
  if (auto synced = sync_directory(path.substr(0, path.rfind('/'))); !synced) {
    return std::unexpected(std::move(synced).error().of_sync());
  }
  return {};
}

FileSystem& real_file_system() {
  static FileSystem instance;
  return instance;
}

}  // namespace storage
