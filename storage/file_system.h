// Files and directories as the storage layer uses them: a thin layer over the system calls, there so that tests can
// lose unsynced bytes, fill the disk or break it.
//
// FileSystem is stateless and safe from any thread; a File too, as far as its callers don't write and truncate at once.
// Errors carry errno. All writes are at explicit positions.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/io.h"

namespace storage {

// An open file; closes when destroyed.
class File {
 public:
  File(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  virtual ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int fd() const { return fd_; }
  const std::string& path() const { return path_; }  // as it was opened

  // Writes all pieces one after the other, or fails; then any part of them may have been written.
  virtual Io<void> write_at(std::int64_t position, std::span<const iovec> pieces);
  Io<void> write_at(std::int64_t position, std::span<const std::byte> bytes);

  // Reads until `out` is full or the file ends; returns the bytes read.
  // With cached_only it fails with EAGAIN instead of waiting for the disk.
  virtual Io<std::size_t> read_at(std::int64_t position, std::span<std::byte> out, bool cached_only = false);

  virtual Io<void> sync();  // data and size
  virtual Io<void> truncate(std::int64_t size);
  Io<std::int64_t> size() const;

  // Reserves disk space up to `size` and makes the file that long.
  virtual Io<void> allocate(std::int64_t size);

 private:
  const int fd_;
  const std::string path_;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  bool operator==(const DirectoryEntry&) const = default;
};

struct FileStatus {
  std::int64_t size = 0;
  std::int64_t modified_ms = 0;
};

enum class OpenMode : std::uint8_t {
  existing,  // fails with ENOENT if missing
  create,    // created empty if missing
  fresh,     // created, or emptied
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Opens for reading and writing.
  virtual Io<std::shared_ptr<File>> open(const std::string& path, OpenMode mode);
  virtual Io<std::vector<DirectoryEntry>> list(const std::string& directory);  // unordered; without . and ..
  virtual Io<FileStatus> status(const std::string& path);
  virtual Io<void> rename(const std::string& from, const std::string& to);
  virtual Io<void> remove(const std::string& path);  // a file; missing is fine
  virtual Io<void> create_directories(const std::string& path);
  // Creates a directory, and those above it; false: it was there already.
  Io<bool> create_directory(const std::string& path);
  virtual Io<void> sync_directory(const std::string& path);

  // Syncs everything on the volume of a directory, which costs less than syncing many files. False, and nothing is
  // done, where that can't be relied on to reach the disk or to tell of failures.
  virtual Io<bool> sync_volume(const std::string& directory);
  virtual Io<void> set_modified_time(const std::string& path, std::int64_t modified_ms);

  // What the functions above add up to.
  bool exists(const std::string& path);
  Io<std::string> read_text(const std::string& path, std::size_t max_size = std::size_t{256} << 20);
  Io<void> remove_tree(const std::string& directory);

  // Replaces a file as a whole: writes path.tmp, syncs it if asked, renames it, syncs the directory if asked.
  Io<void> replace_file(const std::string& path, std::string_view content, bool sync);
};

// The real one.
FileSystem& real_file_system();

}  // namespace storage
