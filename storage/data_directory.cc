#include "storage/data_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

namespace storage {
namespace {

using protocol::ErrorCode, protocol::fail;

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\f");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\f") - begin + 1);
}

// Calls `take(key, value)` for each property.
template <typename Take>
void for_each_property(std::string_view text, Take&& take) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    const std::size_t separator = line.find_first_of("=:");
    if (separator == std::string_view::npos) continue;
    take(trim(line.substr(0, separator)), trim(line.substr(separator + 1)));
  }
}

}  // namespace

Io<std::unique_ptr<DirectoryLock>> DirectoryLock::acquire(const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, lock_file);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    const int number = errno;
    return io_fail(number, "open " + path);
  }
  // Locks of the open file description exclude Java's fcntl locks and other managers of this process as well.
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &whole) != 0) {
    const int number = errno == EACCES ? EWOULDBLOCK : errno;
    ::close(fd);
    return io_fail(number, "lock " + path);
  }
  return std::unique_ptr<DirectoryLock>(new DirectoryLock(fd));
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

protocol::Result<DirectoryIdentity> parse_meta_properties(std::string_view text) {
  DirectoryIdentity identity;
  std::string problem;
  for_each_property(text, [&](std::string_view key, std::string_view value) {
    if (key == "cluster.id" && !value.empty()) identity.cluster_id = std::string(value);
    if (key == "version" && value != "0") {
      problem = fmt::format("version {} (a KRaft data directory?), only version 0 is known here", value);
    }
    if (key == "broker.id") {
      protocol::BrokerId id = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), id);
      if (error != std::errc{} || end != value.data() + value.size()) {
        problem = fmt::format("broker.id '{}', which is not a number", value);
      } else if (id >= 0) {
        identity.broker_id = id;
      }
    }
  });
  if (!problem.empty()) {
    return fail(ErrorCode::kafka_storage_error, fmt::format("{} says {}.", meta_properties_file, problem));
  }
  return identity;
}

std::string format_meta_properties(std::string_view former, const std::string& cluster_id, protocol::BrokerId broker_id,
                                   TimestampMs now) {
  const std::time_t seconds = now / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char date[64];
  std::strftime(date, sizeof date, "%a %b %d %H:%M:%S UTC %Y", &parts);
  std::string text = fmt::format("#\n#{}\nbroker.id={}\ncluster.id={}\nversion=0\n", date, broker_id, cluster_id);
  for_each_property(former, [&](std::string_view key, std::string_view value) {
    if (key != "broker.id" && key != "cluster.id" && key != "version") text += fmt::format("{}={}\n", key, value);
  });
  return text;
}

}  // namespace storage
