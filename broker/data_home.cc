#include "broker/data_home.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace broker {
namespace {

class UnsyncedFile final : public storage::File {
 public:
  using File::File;
  storage::Io<void> sync() override { return {}; }
};

// As Java's File writes it, since clients name log directories by these paths: from the root on, each slash once, and
// . and .. as they are.
std::string absolute_path(const std::string& path) {
  std::error_code error;
  std::string whole = path.starts_with('/') ? path : std::filesystem::current_path(error).string() + '/' + path;
  std::string plain;
  for (const char c : whole) {
    if (c != '/' || !plain.ends_with('/')) plain += c;
  }
  if (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
  return plain;
}

}  // namespace

storage::Io<std::shared_ptr<storage::File>> UnsyncedFileSystem::open(const std::string& path, storage::OpenMode mode) {
  const auto file = FileSystem::open(path, mode);
  if (!file) return std::unexpected(file.error());
  const int fd = ::fcntl((*file)->fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return storage::io_fail(errno, "open " + path);
  return std::make_shared<UnsyncedFile>(fd, path);
}

storage::Io<void> UnsyncedFileSystem::sync_directory(const std::string& /*path*/) { return {}; }

storage::Io<bool> UnsyncedFileSystem::sync_volume(const std::string& /*directory*/) { return true; }

DataHome::~DataHome() { close(); }

protocol::Result<void> DataHome::open(const BrokerConfig& config) {
  const bool named = config.values.contains("log.dirs") || config.values.contains("log.dir");
  if (!config.ephemeral || named) {
    for (const std::string& dir : config.log_dirs) log_dirs_.push_back(absolute_path(dir));
    return {};
  }
  std::error_code error;
  std::string path = (std::filesystem::temp_directory_path(error) / "barnabas-XXXXXX").string();
  if (error || ::mkdtemp(path.data()) == nullptr) {
    return protocol::fail(protocol::ErrorCode::kafka_storage_error,
                          fmt::format("a temporary directory {} cannot be made: {}", path, std::strerror(errno)));
  }
  temporary_ = path;
  log_dirs_ = {path};
  return {};
}

void DataHome::close() {
  if (temporary_.empty()) return;
  std::error_code error;
  std::filesystem::remove_all(temporary_, error);
  if (error) spdlog::warn("The temporary directory {} could not be removed: {}", temporary_, error.message());
  temporary_.clear();
}

std::string DataHome::store_file() const {
  constexpr std::string_view name = "/barnabas-metadata.sqlite";
  for (const std::string& log_dir : log_dirs_) {
    std::string file = log_dir + std::string(name);
    std::error_code unreadable;
    if (std::filesystem::exists(file, unreadable)) return file;
  }
  return log_dirs_.front() + std::string(name);
}

}  // namespace broker
