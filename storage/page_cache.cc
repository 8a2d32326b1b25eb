#include "storage/page_cache.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

namespace storage {
namespace {

// The kernel reads ahead in pieces of this size and more, so one probe a piece says enough.
constexpr std::int64_t probe_distance = 128 * 1024;

bool is_byte_cached(int fd, std::int64_t position) {
  std::byte byte;
  const iovec piece{&byte, 1};
  const ssize_t got = ::preadv2(fd, &piece, 1, position, RWF_NOWAIT);
  return got >= 0 || errno == EOPNOTSUPP;  // a file system without the flag, e.g. tmpfs, keeps files in memory
}

}  // namespace

bool is_cached(const protocol::Records& records) {
  for (const protocol::FileRange& range : records.ranges()) {
    if (range.length <= 0) continue;
    for (std::int64_t at = 0; at < range.length; at += probe_distance) {
      if (!is_byte_cached(range.fd, range.position + at)) return false;
    }
    if (!is_byte_cached(range.fd, range.position + range.length - 1)) return false;
  }
  return true;
}

void warm(const protocol::Records& records) {
  std::array<std::byte, 64 * 1024> buffer;
  for (const protocol::FileRange& range : records.ranges()) {
    for (std::int64_t at = 0; at < range.length;) {
      const auto wanted = static_cast<std::size_t>(std::min<std::int64_t>(range.length - at, buffer.size()));
      const ssize_t got = ::pread(range.fd, buffer.data(), wanted, range.position + at);
      if (got <= 0) break;  // whoever sends the bytes meets the error
      at += got;
    }
  }
}

}  // namespace storage
